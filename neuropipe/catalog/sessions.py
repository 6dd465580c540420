"""The catalogue: all sessions of all data sets, read from a folder with one YAML file per data set."""

import difflib
import fnmatch
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from neuropipe.catalog.datasets import DatasetEntry, SessionEntry
from neuropipe.catalog.entries import DATASET_NAME, TaskEntry
from neuropipe.catalog.yaml_files import line_of, parse, sentence
from neuropipe.errors import BadInput

LOCAL = "local"  # the file that `neuropipe add` writes: several data sets by name

Stamp = tuple[tuple[str, int, int, int, int], ...]


@dataclass(frozen=True)
class Session:
    """One session, with what its data set states already applied (data set < session)."""

    key: str
    dataset_name: str
    dataset: DatasetEntry
    entry: SessionEntry

    @property
    def modality(self) -> str:
        """What was recorded: one of the modalities of neuropipe.catalog.datasets."""
        return self.dataset.modality

    @property
    def task(self) -> TaskEntry | None:
        """What to decode; None where there is nothing to decode."""
        return None if self.entry.task == "none" else self.dataset.task

    @property
    def simulator(self) -> str | None:
        """What simulates it; None for a recording that is read."""
        return self.entry.simulator or self.dataset.simulator

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """Keyword arguments of the reader or simulator."""
        return {**self.dataset.parameters, **self.entry.parameters}

    def config(self, asset: str) -> dict[str, Any]:
        """Settings of one asset that the catalogue fixes for this session."""
        dataset, session = self.dataset.config, self.entry.config
        if not dataset and not session:
            return {}
        return {**dataset.get(asset, {}), **session.get(asset, {})}


class Catalog:
    """All sessions of all data sets of one folder, by key `<dataset>.<session>`."""

    def __init__(self, datasets: Mapping[str, DatasetEntry], root: Path):
        self.datasets = dict(datasets)
        self.root = root
        self.sessions = {
            f"{name}.{session}": Session(f"{name}.{session}", name, dataset, entry)
            for name, dataset in self.datasets.items()
            for session, entry in dataset.sessions.items()
        }

    @classmethod
    def load(cls, root: Path) -> "Catalog":
        """Read and validate every `*.yaml` file of `root`; an error names file, line and field."""
        if not root.is_dir():
            raise BadInput(f"no catalogue at {root}: it should hold one YAML file a dataset")
        datasets: dict[str, DatasetEntry] = {}
        for path in sorted(root.glob("*.yaml")):
            for name, dataset in _read_file(path):
                if name in datasets:
                    raise BadInput(f"{path}: the dataset {name} is already described in another file")
                datasets[name] = dataset
        return cls(datasets, root)

    @staticmethod
    def stamp(root: Path) -> Stamp:
        """(name, mtime_ns, size, ctime_ns, inode) of every YAML file below `root`: it differs when one was changed.

        Take the stamp before loading: a change during loading then shows in the next stamp.
        """
        found = []
        for path in sorted((*root.glob("*.yaml"), *root.glob("cohorts/*.yaml"))):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            found.append(
                (
                    path.relative_to(root).as_posix(),
                    status.st_mtime_ns,
                    status.st_size,
                    status.st_ctime_ns,
                    status.st_ino,
                )
            )
        return tuple(found)

    def session(self, key: str) -> Session:
        """The session of a key; an error names the nearest keys."""
        if key not in self.sessions:
            near = difflib.get_close_matches(key, self.sessions, n=3, cutoff=0.4)
            hint = f"did you mean {', '.join(near)}?" if near else "`neuropipe sessions` lists them"
            raise BadInput(f"no session is called {key!r}; {hint}")
        return self.sessions[key]

    def match(self, patterns: tuple[str, ...]) -> list[Session]:
        """Sessions whose key equals or globs one of `patterns`, in catalogue order; each pattern must match one."""
        keys: set[str] = set()
        for pattern in patterns:
            found = fnmatch.filter(self.sessions, pattern) if any(c in pattern for c in "*?[") else None
            if found is None:
                found = [self.session(pattern).key]
            elif not found:
                raise BadInput(f"no session matches {pattern!r}; `neuropipe sessions` lists them")
            keys.update(found)
        return [session for key, session in self.sessions.items() if key in keys]

    def place(self, dataset: str, *field: str) -> str:
        """`file:line: field` of a field of a data set, for errors, as in place("sim-choice", "sessions", "small").

        Reads the file again: for errors only.
        """
        path, prefix = self.root / f"{dataset}.yaml", ()
        if not path.is_file():
            path, prefix = self.root / f"{LOCAL}.yaml", (dataset,)
        location = (*prefix, *field)
        try:
            line = line_of(parse(path)[0], location)
        except BadInput:  # the file was changed since it was loaded
            line = 1
        return f"{path}:{line}: {'.'.join(location)}"

    def __iter__(self) -> Iterator[Session]:
        return iter(self.sessions.values())


def _read_file(path: Path) -> Iterator[tuple[str, DatasetEntry]]:
    """The data sets of a file by name: one of the file's name, or those of `local.yaml`."""
    tree, data = parse(path)
    if path.stem == LOCAL:
        entries, prefix = (data or {}), True
        if not isinstance(entries, Mapping):
            raise BadInput(f"{path}:1: expected data sets by name, found {type(entries).__name__}")
    else:
        entries, prefix = {path.stem: data}, False
    for name, entry in entries.items():
        if not re.fullmatch(DATASET_NAME, str(name)):
            raise BadInput(f"{path}: a dataset is named with a-z, 0-9, _ and -; found {name!r}")
        try:
            dataset = DatasetEntry.model_validate(entry)
        except ValidationError as error:
            raise BadInput(sentence(path, tree, error, (str(name),) if prefix else ())) from None
        yield str(name), dataset
