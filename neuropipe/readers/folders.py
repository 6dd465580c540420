"""Folders that `neuropipe add` takes: what lies in them, and which reader recognises a recording there.

A reader that takes folders says so in its decorator: `folder="function"` names a function of its module that finds its
recordings, `(Folder, parameters) -> list of Found`; `folder_is="..."` says in words what it looks for.
"""

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import listed
from neuropipe.readers.trials_csv import TRIALS
from neuropipe.registry import Plugin, Registry

MOST_FILES = 100_000  # in a folder that is looked through
DEEPEST = 12  # levels of folders; Open Ephys needs 6


@dataclass(frozen=True)
class Folder:
    """The files below a folder. files : path relative to `root`, with /; outside : links that lead out of it"""

    root: Path
    files: tuple[str, ...]
    outside: frozenset[str] = frozenset()

    @classmethod
    def of(cls, root: Path) -> "Folder":
        """What lies below `root`. Links to folders are not followed; BadInput where there is nothing, or too much."""
        whole, found, outside = root.resolve(), [], set()
        for here, folders, names in os.walk(whole, followlinks=False):
            place = Path(here).relative_to(whole)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            outside |= {(place / name).as_posix() for name in folders if _leads_out(Path(here, name), whole)}
            if len(place.parts) >= DEEPEST:
                folders.clear()
            for name in sorted(name for name in names if not name.startswith(".")):
                relative = (place / name).as_posix()
                found.append(relative)
                if _leads_out(Path(here, name), whole):
                    outside.add(relative)
            if len(found) > MOST_FILES:
                raise BadInput(f"{root} holds more than {MOST_FILES:,} files; give the folder of one recording")
        if not found:
            raise BadInput(f"{root} holds no file; give the folder of a recording")
        return cls(whole, tuple(found), frozenset(outside))

    def beside(self, file: str) -> dict[str, str]:
        """Name -> relative path of the files in the folder of `file`."""
        parent = PurePosixPath(file).parent
        return {PurePosixPath(other).name: other for other in self.files if PurePosixPath(other).parent == parent}

    def named(self, *names: str) -> list[str]:
        """Relative paths of the files of these names, wherever they lie."""
        return [file for file in self.files if PurePosixPath(file).name in names]

    def path(self, file: str) -> Path:
        """Where a file lies. BadInput where a link leads out of the folder, or the file can't be read."""
        if file in self.outside:
            raise BadInput(
                f"{file} is a link that leads out of {self.root}; put the file itself there, or give its own folder"
            )
        path = self.root / file
        if not path.is_file():
            raise BadInput(f"{file} in {self.root} is no file that can be read; copy it again")
        if not os.access(path, os.R_OK):
            raise BadInput(f"{path} can't be read (Permission denied); make it readable")
        return path


@dataclass(frozen=True)
class Found:
    """A recording in a folder. place : its folder, relative; files : name for the reader -> relative path"""

    place: str
    files: Mapping[str, str] = field(default_factory=dict)


def with_trials(folder: Folder, beside: str, files: Mapping[str, str]) -> dict[str, str]:
    """The files of a recording, and `trials.csv` where one lies in the folder of the file `beside`."""
    own = folder.beside(beside)
    return {**files, **({TRIALS: own[TRIALS]} if TRIALS in own else {})}


def with_probe(folder: Folder, beside: str, files: Mapping[str, str]) -> dict[str, str]:
    """The files of a voltage recording with trials.csv, and a probe file (`probe*.json` or `.csv`) where one lies."""
    probes = {name: file for name, file in folder.beside(beside).items() if is_probe(name)}
    return {**with_trials(folder, beside, files), **probes}


def is_probe(name: str) -> bool:
    """Whether the name of a file says that it describes a probe."""
    return name.endswith((".json", ".csv")) and "probe" in name.lower()


def recording_in(root: Path, registry: Registry, parameters: Mapping[str, Any]) -> tuple[Plugin, dict[str, Path]]:
    """The reader that recognises the one recording in a folder, and its files: name -> path.

    Raises BadInput where there is none, with what would be recognised, and where there are several.
    """
    takers = [plugin for plugin in registry.available().values() if "folder" in plugin.facts]
    folder = Folder.of(root)
    found = [(plugin, each) for plugin in takers for each in _look(plugin)(folder, parameters)]
    if not found:
        known = "; ".join(f"{plugin.facts['folder_is']} ({plugin.name})" for plugin in takers)
        links = f" Links that lead out are not followed: {listed(sorted(folder.outside))}." if folder.outside else ""
        raise BadInput(f"{root} holds no recording that is recognised.{links} A folder may hold: {known}")
    if len(found) > 1:
        places = ", ".join(sorted(f"{folder.root / each.place} ({plugin.name})" for plugin, each in found))
        raise BadInput(f"{root} holds {len(found)} recordings; add one of them at a time: {places}")
    ((plugin, recording),) = found
    return plugin, {name: folder.path(file) for name, file in recording.files.items()}


def _look(plugin: Plugin) -> Any:
    return getattr(importlib.import_module(plugin.module), plugin.facts["folder"])


def _leads_out(path: Path, root: Path) -> bool:
    if not path.is_symlink():
        return False
    try:
        return not path.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):
        return True
