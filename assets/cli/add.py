"""`neuropipe add`: put a user's own recordings into data/catalog/local.yaml. The files stay where they are."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from assets.cli.add_checks import check_no_task, check_task, check_times
from assets.cli.given import look_at, session_name
from neuropipe import readers
from neuropipe.catalog import DATASET_NAME, SESSION_NAME, DatasetEntry, check_window
from neuropipe.errors import BadInput
from neuropipe.readers.trials_csv import TRIALS
from neuropipe.recording import Recording
from neuropipe.registry import check_parameters
from resources.fetch.one_addresses import SCHEME, resolve
from resources.files.yaml_edits import edit_yaml
from resources.workspace import Workspace

LOCAL = Path("local.yaml")
OWN = {"title": "Own recordings", "citation": "unpublished", "licence": "not stated"}
# The paper that describes the public sessions, as https://doi.org names it.
PUBLIC = {
    "title": "Public sessions of the International Brain Laboratory",
    "citation": "International Brain Laboratory et al. 2025, Nature, doi:10.1038/s41586-025-09235-0",
    "licence": "see the laboratory's terms",
}
KINDS = ("movie", "fluorescence", "counts", "spikes", "voltage")


@dataclass(frozen=True)
class Addition:
    """A file, folder or public session that becomes a session. entry : of the session in the catalogue; source : title,
    citation and licence of a data set that is made for it"""

    session: str  # its key
    file: str
    reader: str
    modality: str
    entry: Mapping[str, Any]
    source: Mapping[str, str] = field(default_factory=lambda: OWN)

    @property
    def row(self) -> dict[str, str]:
        """What is said of it as JSON."""
        return {"session": self.session, "file": self.file, "reader": self.reader, "modality": self.modality}


def task_of(label: str | None, align: str, window: tuple[float, float] | None, bin_width: float | None) -> dict | None:
    """The entry of a task in the catalogue; None where there is no label. BadInput where it is not whole."""
    if label is None:
        if window is not None or bin_width is not None:
            raise BadInput("--window and --bin-width belong to a task; name what to decode with --label")
        return None
    if window is None or bin_width is None:
        raise BadInput("--label needs --window START STOP and --bin-width, all in s, around the event --align")
    try:
        check_window(window, bin_width)
    except ValueError as error:
        raise BadInput(f"--window and --bin-width: {error}") from None
    align = align.removeprefix("trial_")  # the array `trial_stimulus` is the column `stimulus` of the trial table
    return {"label": label, "align": align, "window": [float(edge) for edge in window], "bin_width": float(bin_width)}


def add_recordings(
    workspace: Workspace,
    places: Iterable[str],
    *,
    name: str | None,
    dataset: str,
    task: Mapping[str, Any] | None,
    trials: Path | None = None,
    probe: Path | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> list[Addition]:
    """Add a session per file, folder or ONE address to the data set `dataset` of local.yaml; check all before writing.

    name : of the session, where it is not that of the file; task : of the data set, as `task_of` makes it, None where
    there is nothing to decode; trials, probe : tables beside a folder; parameters : of the reader
    """
    places = list(places)
    for option, value in (("--name", name), ("--trials", trials), ("--probe", probe)):
        if value is not None and len(places) > 1:
            raise BadInput(
                f"{option} names one session, but {len(places)} files are given; leave it out or add them one by one"
                if option == "--name"
                else f"{option} belongs to one recording, but {len(places)} are given; add them one by one"
            )
    if not re.fullmatch(DATASET_NAME, dataset):
        raise BadInput(f"--dataset {dataset!r}: name it with a-z, 0-9, _ and -")
    _ = workspace.catalog  # a catalogue that can't be read is refused first
    beside = {"trials": trials, "probe": probe, "parameters": dict(parameters or {})}
    additions = [
        _public(workspace, place, dataset, name, beside)
        if place.startswith(SCHEME)
        else _addition(Path(place), dataset, name, task, beside)
        for place in places
    ]
    write(workspace, additions, dataset, task)
    return additions


def write(workspace: Workspace, additions: list[Addition], dataset: str, task: Mapping[str, Any] | None) -> None:
    """Put sessions into local.yaml; BadInput where the data set holds others, or something of its name."""
    if dataset in {path.stem for path in workspace.catalog_root.glob("*.yaml")} - {LOCAL.stem}:
        raise BadInput(f"{dataset} is a data set of the catalogue; give your own another name with --dataset")
    edit_yaml(workspace.catalog_root / LOCAL, lambda local: _insert(local, additions, dataset, task))


def _addition(
    place: Path, dataset: str, name: str | None, task: Mapping[str, Any] | None, beside: Mapping[str, Any]
) -> Addition:
    """Read a file or folder and refuse what could not be decoded from it."""
    given = look_at(place, **beside)
    session = name if name is not None else session_name(place)
    check_session_name(session)
    recording = given.read()
    if beside["probe"] is not None and recording.voltage is None:
        raise BadInput(f"--probe describes the probe of raw voltage, and {place} holds {_modality(recording)}")
    if task is None:
        check_no_task(recording, place)
    else:
        check_task(recording, place, task)
        if TRIALS in given.files:
            check_times(recording, task)
    # No hash is pinned: the file is the user's own, and a changed one is to be run again, not refused.
    entry: dict[str, Any] = {"files": {file: {"path": str(path)} for file, path in given.files.items()}}
    if given.parameters:
        entry["parameters"] = dict(given.parameters)
    return Addition(f"{dataset}.{session}", str(place.resolve()), given.reader.name, _modality(recording), entry)


def _public(workspace: Workspace, address: str, dataset: str, name: str | None, beside: Mapping[str, Any]) -> Addition:
    """A session of the public server; its files are downloaded when it is run, and only then looked into."""
    if beside["trials"] is not None or beside["probe"] is not None:
        raise BadInput(f"--trials and --probe go with folders; {address} is a public session, which has its own trials")
    check_parameters(readers.get("alf"), beside["parameters"])
    found = resolve(address, workspace.raw)
    session = name if name is not None else found.name
    check_session_name(session)
    entry: dict[str, Any] = {"files": dict(found.files), "note": f"{SCHEME}{found.eid}, {found.path}"}
    if beside["parameters"]:
        entry["parameters"] = dict(beside["parameters"])
    return Addition(f"{dataset}.{session}", address, "alf", "spikes", entry, PUBLIC)


def check_session_name(session: str) -> None:
    """Refuse what can't name a session."""
    if not re.fullmatch(SESSION_NAME, session):
        raise BadInput(f"{session!r} can't name a session; give --name, made of a-z, 0-9, ., _ and -")


def _insert(local: dict[str, Any], additions: list[Addition], dataset: str, task: Mapping[str, Any] | None) -> None:
    """Put the sessions into the mapping that local.yaml holds."""
    new: dict[str, Any] = {**additions[0].source, "modality": "", "reader": ""}
    entry = local.setdefault(dataset, new)
    if task is not None and _plain(entry.setdefault("task", dict(task))) != task:
        raise BadInput(
            f"{dataset} already has another task ({_plain(entry['task'])}); add these files to another --dataset"
        )
    sessions = entry.setdefault("sessions", {})
    for addition in additions:
        kind = {"modality": addition.modality, "reader": addition.reader}
        if sessions and {field: entry.get(field) for field in kind} != kind:
            by = [f" read by {each}" for each in (entry.get("reader"), addition.reader)]
            by = by if entry.get("modality") == addition.modality else ["", ""]
            raise BadInput(
                f"{dataset} holds {entry.get('modality')}{by[0]}, and {addition.file} {addition.modality}{by[1]}; add "
                "it to another --dataset"
            )
        entry.update(kind)
        session = addition.session.removeprefix(f"{dataset}.")
        if session in sessions:
            raise BadInput(f"{addition.session} is in the catalogue already; give another --name")
        # A task may be added later, for other sessions.
        sessions[session] = {**addition.entry, **({"task": "none"} if task is None else {})}
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
    return next(name for name in KINDS if getattr(recording, name, None) is not None)
