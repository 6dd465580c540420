"""`neuropipe add`: a user's own recordings, written into data/catalog/local.yaml and used where they lie."""

import re
from pathlib import Path

import yaml

from neuropipe.catalog import DATASET_NAME, SESSION_NAME, DatasetEntry, check_window
from neuropipe.errors import BadInput
from neuropipe.recording import Recording
from resources.files.safe_files import storage_trouble_in_words, write_durably
from resources.workspace import Workspace


def add_files(
    workspace: Workspace,
    files: tuple[Path, ...],
    name: str | None,
    dataset: str,
    label: str,
    align: str,
    window: tuple[float, float],
    bin_width: float,
) -> list[str]:
    """Add one session a file; returns their keys. Everything is checked before anything is written."""
    from neuropipe import readers
    from neuropipe.readers.traces_npz import holds_traces

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
    align = align.removeprefix("trial_")  # as the file calls it; the trial table's column is `start`, `stimulus`, ...
    path = workspace.catalog_root / "local.yaml"
    local = yaml.safe_load(path.read_text()) if path.exists() else {}
    task = {"label": label, "align": align, "window": list(window), "bin_width": bin_width}
    if dataset in workspace.catalog.datasets and dataset not in local:
        raise BadInput(f"{dataset} is a data set of the catalogue; give your own another name with --dataset")
    entry = local.setdefault(
        dataset,
        {
            "title": "Own recordings",
            "citation": "unpublished",
            "licence": "not stated",
            "sessions": {},
        },
    )
    if entry.setdefault("task", task) != task:
        raise BadInput(f"{dataset} already has another task ({entry['task']}); add these files to another --dataset")
    keys = []
    for file in files:
        if not file.is_file():
            raise BadInput(f"no file {file}")
        reader = "traces_npz" if holds_traces(file) else "npz"
        recording = readers.get(reader).load()({file.name: file})
        if recording.trials is None or label not in recording.trials:
            columns = ", ".join(recording.trials.columns) if recording.trials is not None else "no trials"
            raise BadInput(f"{file} has no labels called {label!r}; its trial table has {columns}")
        if recording.counts is None and align not in recording.trials:
            columns = ", ".join(recording.trials.columns)
            raise BadInput(f"{file} has no event {align!r} to align trials to; its trial table has {columns}")
        kind = {"modality": _modality(recording), "reader": reader}
        if entry["sessions"] and {name: entry[name] for name in kind} != kind:
            raise BadInput(
                f"{dataset} holds {entry['modality']}, and {file} {kind['modality']}; add it to another --dataset"
            )
        entry |= kind
        session = name if name is not None else re.sub(r"[^a-z0-9._-]+", "-", file.stem.lower()).strip("-._")
        if not re.fullmatch(SESSION_NAME, session):
            raise BadInput(f"{file}: {session!r} can't name a session; give --name, made of a-z, 0-9, ., _ and -")
        if session in entry["sessions"]:
            raise BadInput(f"{dataset}.{session} is in the catalogue already; give another --name")
        workspace.sources.raw.hash_local(file.resolve())
        # No hash is pinned: the file is the user's own, and a changed one is to be run again, not refused.
        entry["sessions"][session] = {"files": {file.name: {"path": str(file.resolve())}}}
        keys.append(f"{dataset}.{session}")
    DatasetEntry.model_validate(entry)
    with storage_trouble_in_words(path.parent, path.name):
        write_durably(path, yaml.safe_dump(local, sort_keys=False, allow_unicode=True))
    return keys


def _modality(recording: Recording) -> str:
    if recording.fluorescence is not None:
        return "fluorescence"
    return "counts" if recording.counts is not None else "spikes"
