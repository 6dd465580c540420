"""Real edits of our source, with the parts whose code version each must change: the table of the edit campaign.

A part is a plug-in (`decoder/gru`) or a function or class that stages are made of. An edit replaces a text that occurs
once in all of our source, wherever that is; or it does something to a copy of the tree.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from neuropipe import calcium, decoders, readers, simulate
from neuropipe.registry import Plugin
from resources.store.code import Definition, reference

PACKAGES = ("neuropipe", "resources", "assets")


def _definition(plugin: Plugin) -> Definition:
    return Definition(plugin.module, plugin.attribute)


PARTS: dict[str, Definition] = {
    f"{registry.kind}/{plugin.name}": _definition(plugin)
    for registry in (decoders.registry, readers.registry, simulate.registry, calcium.registry)
    for plugin in registry.available().values()
} | {
    name: reference(where)
    for name, where in {
        "bin_spikes": "neuropipe.binning:bin_spikes",
        "bin_events": "neuropipe.binning.events:bin_events",
        "average_in_bins": "neuropipe.binning.continuous:average_in_bins",
        "make_folds": "neuropipe.folds:make_folds",
        "check_leakage": "neuropipe.folds:check_leakage",
        "deconvolve": "neuropipe.calcium:deconvolve",
        "train": "neuropipe.calcium.learned_training:train",
        "evaluate": "neuropipe.evaluation.session:evaluate",
        "evaluate_targets": "neuropipe.evaluation.continuous:evaluate_targets",
        "conditions": "neuropipe.evaluation.sweeps:make_conditions",
        "side_by_side": "resources.run.compute:side_by_side",
        "draft": "resources.store.artifact:Draft",
        "artifact": "resources.store.artifact:Artifact",
        "recording": "neuropipe.schemas.recording:Recording",
        "make": "neuropipe.decoders:make",
        "stage/recording": "assets.stages.signals.recording:recording",
        "stage/binned": "assets.stages.tensors.binned:binned",
        "stage/folds": "assets.stages.tensors.folds:folds",
        "stage/report": "assets.stages.results.report:report",
        "stage/decoder": "assets.stages.decoding.decoders:_decoder_stage",
    }.items()
}

NONE: frozenset[str] = frozenset()


def named(*patterns: str) -> frozenset[str]:
    """Parts by name; `decoder/*` for all of a kind."""
    found = {part for pattern in patterns for part in PARTS if Path(part).match(pattern)}
    assert found, patterns
    return frozenset(found)


def decoders_of(task: str, tool: str = "") -> frozenset[str]:
    """All decoders of a task, or those of them that need a distribution."""
    plugins = decoders.registry.available().values()
    return frozenset(
        f"decoder/{plugin.name}"
        for plugin in plugins
        if plugin.facts["task"] == task and (not tool or tool in plugin.facts["tools"])
    )


@dataclass(frozen=True)
class Edit:
    """What is edited, in words; the text that is replaced, or what is done to the tree; the parts that change."""

    what: str
    old: str | Callable[[Path], None]
    new: str = ""
    changes: frozenset[str] = NONE

    def apply(self, root: Path) -> None:
        """Edit the copy of the source below `root`."""
        if callable(self.old):
            self.old(root)
            return
        path = find(root, self.old)
        path.write_text(path.read_text().replace(self.old, self.new))


def find(root: Path, text: str) -> Path:
    """The one source file below `root` that holds a text, once."""
    holds = {path: path.read_text().count(text) for package in PACKAGES for path in (root / package).rglob("*.py")}
    found = [path for path, count in holds.items() if count]
    assert len(found) == 1, f"{text!r} is in {found or 'no file'}: give the campaign another text to edit"
    assert holds[found[0]] == 1, f"{text!r} is {holds[found[0]]} times in {found[0]}: give a longer text"
    return found[0]


def rename_module(old: str, new: str) -> Callable[[Path], None]:
    """Rename a module, and every mention of it."""

    def do(root: Path) -> None:
        path = root.joinpath(*old.split("."))
        target = root.joinpath(*new.split("."))
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            path.rename(target)
        else:
            path.with_suffix(".py").rename(target.with_suffix(".py"))
        for package in PACKAGES:
            for file in (root / package).rglob("*.py"):
                file.write_text(file.read_text().replace(old, new))

    return do


def substitute(module: str, *pairs: tuple[str, str]) -> Callable[[Path], None]:
    """Replace texts wherever they occur in a module."""

    def do(root: Path) -> None:
        path = root.joinpath(*module.split(".")).with_suffix(".py")
        text = path.read_text()
        for old, new in pairs:
            assert old in text, f"{path} does not hold {old!r}"
            text = text.replace(old, new)
        path.write_text(text)

    return do


def move_to(module: str, name: str, new: str, imports: str) -> Callable[[Path], None]:
    """Move a function from one module to another, where `imports` make known what it uses, and import it from there."""

    def do(root: Path) -> None:
        source = root.joinpath(*module.split(".")).with_suffix(".py")
        text = source.read_text()
        (node,) = [each for each in ast.parse(text).body if getattr(each, "name", None) == name]
        lines = text.splitlines(keepends=True)
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
        body = "".join(lines[first : node.end_lineno])
        target = root.joinpath(*new.split(".")).with_suffix(".py")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f"{imports}\n\n\n{body}")
        source.write_text("".join([*lines[:first], f"from {new} import {name}\n", *lines[node.end_lineno :]]))

    return do


def add(module: str, text: str) -> Callable[[Path], None]:
    """A new module."""

    def do(root: Path) -> None:
        root.joinpath(*module.split(".")).with_suffix(".py").write_text(text)

    return do
