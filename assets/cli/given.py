"""What `neuropipe add` was given: a file or a folder, its reader, and the files that the reader takes."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuropipe import readers
from neuropipe.catalog import SESSION_NAME
from neuropipe.errors import BadInput
from neuropipe.readers.folders import recording_in
from neuropipe.readers.recognition import reader_of
from neuropipe.readers.trials_csv import TRIALS
from neuropipe.recording import Recording
from neuropipe.registry import Plugin, check_parameters


@dataclass(frozen=True)
class Given:
    """A recording as a user names it. place : file or folder; files : name for the reader -> path"""

    place: Path
    reader: Plugin
    files: Mapping[str, Path]
    parameters: Mapping[str, Any]

    def read(self) -> Recording:
        return self.reader.load()(dict(self.files), **self.parameters)


def look_at(place: Path, trials: Path | None, probe: Path | None, parameters: Mapping[str, Any]) -> Given:
    """The reader of a file or folder and its files. BadInput where none takes it, or what lies there can't be used.

    trials, probe : tables that the user gives beside a folder
    """
    if not place.is_dir():
        check_file(place)
        reader = reader_of(place, readers.registry)
        if trials is not None or probe is not None:
            raise BadInput(f"--trials and --probe go with folders; {place} is a file, which holds its own trials")
        files = {place.name: place.resolve()}
    else:
        reader, files = recording_in(place, readers.registry, parameters)
        if trials is not None:
            files[TRIALS] = _beside(trials, "--trials", (".csv",))
        if probe is not None:
            files = {name: path for name, path in files.items() if not name.startswith("probe.")}
            files[f"probe{probe.suffix}"] = _beside(probe, "--probe", (".csv", ".json"))
    for path in files.values():
        check_file(path)
    check_parameters(reader, parameters)
    return Given(place, reader, files, parameters)


def session_name(place: Path) -> str:
    """The name of a session by its file or folder; of a folder of ALF by subject, date and number."""
    whole = place.resolve()
    parts = whole.parts[-3:] if place.is_dir() else ()
    if len(parts) == 3 and re.fullmatch(r"\d{4}-\d{2}-\d{2}", parts[1]) and re.fullmatch(r"\d{1,3}", parts[2]):
        said = "-".join(parts)
    else:
        said = whole.name if place.is_dir() else place.stem
    name = re.sub(r"[^a-z0-9._-]+", "-", said.lower()).strip("-._")
    if not re.fullmatch(SESSION_NAME, name):
        raise BadInput(f"{place}: {name!r} can't name a session; give --name, made of a-z, 0-9, ., _ and -")
    return name


def check_file(file: Path) -> None:
    """Refuse what is no file with content that can be read."""
    if not file.exists():
        raise BadInput(f"no file {file}; give the path of a recording")
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


def _beside(path: Path, option: str, endings: tuple[str, ...]) -> Path:
    if not path.is_file():
        raise BadInput(f"{option} {path}: there is no such file; give the path of a table")
    if path.suffix.lower() not in endings:
        raise BadInput(f"{option} {path} ends in {path.suffix or 'nothing'!r}; give a file that ends in {endings[0]}")
    return path.resolve()
