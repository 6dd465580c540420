"""Tasks: one object per kind of task, the only place that knows how the kinds differ.

A task is one module of this package that defines `TASK`. It names its catalogue entry and the functions that bin, pose
the problem to a decoder and score. Everything else asks the task:

    bin(entry, activity, recording, scratch) -> a schema of binned activity
    samples(binned, recording, block_column) -> Samples, what folds are made of
    problem(binned) -> Problem, what a decoder is fitted to and asked
    score(predictions, folds, binned, settings) -> Scores
    plot_bins(binned), plot_predictions(predictions, binned) -> name -> figure
"""

import difflib
import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from neuropipe.errors import BadInput
from neuropipe.tasks.entry import TaskEntry


@dataclass(frozen=True, kw_only=True)
class Task:
    """One kind of task. Functions and schemas are named as `module:attribute`, so that listing tasks imports none.

    kind : as catalogue and decoders call it; entry : class of its catalogue entry; estimators : which decoders fit it,
    by the task that they declare; family : of its scores
    """

    kind: str
    entry: type[TaskEntry]
    estimators: str
    family: str
    binned: str
    bin: str
    samples: str
    problem: str
    score: str
    plot_bins: str
    plot_predictions: str

    def load(self, part: str) -> Any:
        """A function or schema of the task."""
        return load(getattr(self, part))


def load(reference: str) -> Any:
    """What `module:attribute` names."""
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


@cache
def available() -> Mapping[str, Task]:
    """Kind -> task, of every module of this package that defines one."""
    found: dict[str, Task] = {}
    for each in pkgutil.iter_modules(__path__, f"{__name__}."):
        task = getattr(importlib.import_module(each.name), "TASK", None)
        if isinstance(task, Task):
            if task.kind in found:
                raise BadInput(f"two tasks are called {task.kind!r}")
            found[task.kind] = task
    return found


def _modules_with_a_task() -> Iterator[str]:
    """Found in their source: others of this package are helpers that import much."""
    for each in pkgutil.iter_modules(__path__):
        place = Path(__path__[0], each.name)
        source = place / "__init__.py" if each.ispkg else place.with_suffix(".py")
        if re.search(r"^TASK\b", source.read_text(encoding="utf-8"), re.MULTILINE):
            yield f"{__name__}.{each.name}"


def get(kind: str) -> Task:
    """The task of a kind; raises BadInput with the nearest names for an unknown one."""
    tasks = available()
    if kind not in tasks:
        near = difflib.get_close_matches(kind, tasks, n=2) or sorted(tasks)
        raise BadInput(f"no task is called {kind!r}; did you mean {' or '.join(near)}?")
    return tasks[kind]


def kind_of(fields: Mapping[str, Any] | TaskEntry) -> str | None:
    """The kind of a catalogue entry: the one that it names, else the one whose mark it has; None for neither."""
    if isinstance(fields, TaskEntry):
        return next((kind for kind, task in available().items() if type(fields) is task.entry), None)
    if fields.get("kind") is not None:
        return fields["kind"]
    return next((kind for kind, task in available().items() if task.entry.mark in fields), None)
