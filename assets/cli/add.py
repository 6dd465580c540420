"""`neuropipe add`: put a user's own recordings into data/catalog/local.yaml. The files stay where they are."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from neuropipe import readers
from neuropipe.catalog import DATASET_NAME, SESSION_NAME, DatasetEntry, check_window
from neuropipe.errors import BadInput
from neuropipe.readers.recognition import reader_of
from neuropipe.recording import Recording
from resources.files.yaml_edits import edit_yaml
from resources.workspace import Workspace

LOCAL = Path("local.yaml")
FEWEST_TRIALS = 2  # per class, and classes


@dataclass(frozen=True)
class Addition:
    """A file that becomes a session."""

    session: str  # its key
    file: Path
    reader: str
    modality: str


def add_files(
    workspace: Workspace,
    files: Iterable[Path],
    *,
    name: str | None,
    dataset: str,
    label: str,
    align: str,
    window: tuple[float, float],
    bin_width: float,
) -> list[Addition]:
    """Add one session per file to the data set `dataset` of local.yaml; check everything before writing anything.

    name : of the session, where it is not the file's; label, align, window, bin_width : the data set's task
    """
    files = list(files)
    if name is not None and len(files) > 1:
        raise BadInput(
            f"--name names one session, but {len(files)} files are given; leave it out or add them one by one"
        )
    if not re.fullmatch(DATASET_NAME, dataset):
        raise BadInput(f"--dataset {dataset!r}: name it with a-z, 0-9, _ and -")
    try:
        check_window(window, bin_width)
    except ValueError as error:
        raise BadInput(f"--window and --bin-width: {error}") from None
    align = align.removeprefix("trial_")  # the array `trial_stimulus` is the column `stimulus` of the trial table
    task = {"label": label, "align": align, "window": [float(edge) for edge in window], "bin_width": float(bin_width)}
    _ = workspace.catalog  # a catalogue that can't be read is refused first
    additions = [_addition(file, dataset, name, task) for file in files]
    if dataset in {path.stem for path in workspace.catalog_root.glob("*.yaml")} - {LOCAL.stem}:
        raise BadInput(f"{dataset} is a data set of the catalogue; give your own another name with --dataset")
    edit_yaml(workspace.catalog_root / LOCAL, lambda local: _insert(local, additions, dataset, task))
    return additions


def _addition(file: Path, dataset: str, name: str | None, task: Mapping[str, Any]) -> Addition:
    """Read a file and refuse what could not be decoded from it."""
    _check_file(file)
    session = name if name is not None else re.sub(r"[^a-z0-9._-]+", "-", file.stem.lower()).strip("-._")
    if not re.fullmatch(SESSION_NAME, session):
        raise BadInput(f"{file}: {session!r} can't name a session; give --name, made of a-z, 0-9, ., _ and -")
    reader = reader_of(file, readers.registry)
    recording = reader.load()({file.name: file})
    _check_task(recording, file, task)
    return Addition(f"{dataset}.{session}", file.resolve(), reader.name, _modality(recording))


def _check_file(file: Path) -> None:
    if not file.exists():
        raise BadInput(f"no file {file}; give the path of a recording")
    if file.is_dir():
        raise BadInput(f"{file} is a folder; give the files in it")
    if not file.is_file():
        raise BadInput(f"{file} is not a file; give the path of a recording")
    if not os.access(file, os.R_OK):
        raise BadInput(f"{file} can't be read (Permission denied); make it readable")
    if file.stat().st_size == 0:
        raise BadInput(f"{file} is empty (0 bytes); save the recording again")
    try:
        str(file.resolve()).encode("utf-8")
    except UnicodeEncodeError:
        raise BadInput(
            f"{file!r}: the path is not UTF-8, so it can't be written into the catalogue; rename it"
        ) from None


def _check_task(recording: Recording, file: Path, task: Mapping[str, Any]) -> None:
    label, align, trials = task["label"], task["align"], recording.trials
    columns = ", ".join(map(str, trials.columns)) if trials is not None else "no trials"
    if trials is None or label not in trials:
        raise BadInput(
            f"{file} has no labels called {label!r}; its trial table has {columns} (--label names one of these)"
        )
    if recording.counts is None and align not in trials:
        raise BadInput(
            f"{file} has no event {align!r} to align trials to; its trial table has {columns} (--align names one of "
            "these)"
        )
    counted = trials[label].value_counts()
    if (counted >= FEWEST_TRIALS).sum() < FEWEST_TRIALS:
        found = ", ".join(f"{value!s} ({n})" for value, n in counted.head(4).items())
        raise BadInput(
            f"{file}: decoding {label!r} needs two classes of at least {FEWEST_TRIALS} trials each; it has "
            f"{len(counted)} in {len(trials)} trials: {found or 'none'}. Give another --label, or more trials"
        )


def _insert(local: dict[str, Any], additions: list[Addition], dataset: str, task: dict[str, Any]) -> None:
    """Put the sessions into the mapping that local.yaml holds."""
    new = {"title": "Own recordings", "citation": "unpublished", "licence": "not stated", "modality": "", "reader": ""}
    entry = local.setdefault(dataset, new)
    if entry.setdefault("task", task) != task:
        raise BadInput(
            f"{dataset} already has another task ({_plain(entry['task'])}); add these files to another --dataset"
        )
    sessions = entry.setdefault("sessions", {})
    for addition in additions:
        kind = {"modality": addition.modality, "reader": addition.reader}
        if sessions and {field: entry.get(field) for field in kind} != kind:
            raise BadInput(
                f"{dataset} holds {entry.get('modality')}, and {addition.file} {addition.modality}; add it to another "
                "--dataset"
            )
        entry.update(kind)
        session = addition.session.removeprefix(f"{dataset}.")
        if session in sessions:
            raise BadInput(f"{addition.session} is in the catalogue already; give another --name")
        # No hash is pinned: the file is the user's own, and a changed one is to be run again, not refused.
        sessions[session] = {"files": {addition.file.name: {"path": str(addition.file)}}}
    try:
        DatasetEntry.model_validate(_plain(entry))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise BadInput(f"local.yaml: {dataset}.{field}: {first['msg']}; correct it there, then add the files") from None


def _plain(value: Any) -> Any:
    """Plain data of a round-trip YAML tree."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _modality(recording: Recording) -> str:
    held = [
        name for name in ("movie", "fluorescence", "counts", "spikes") if getattr(recording, name, None) is not None
    ]
    return held[0]
