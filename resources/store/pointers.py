"""What each session points at: <root>/<session>/<asset>/{LATEST, FAILED, variants/<directory name>}.

Pointers and notes are for people; no fingerprint depends on them. A damaged one counts as absent and is written again.
"""

import contextlib
import errno
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from resources.files.safe_files import storage_trouble_in_words, write_durably
from resources.files.walking import everything_below
from resources.store.manifest import read_bytes, read_json

UNPARTITIONED = "_"
LATEST, FAILED, VARIANTS = "LATEST", "FAILED", "variants"
DIRECTORY = re.compile(r"[0-9a-f]{32}(\.[1-9][0-9]*)?")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


class Pointer(NamedTuple):
    """A file that leads to an artifact. directory : the artifact's directory name; None if the file is damaged."""

    file: Path
    asset: str
    session: str | None
    directory: str | None


class Pointers:
    """Pointers and notes of all sessions of a store."""

    def __init__(self, root: Path):
        self.root = root
        self._text = str(root)

    def folder(self, asset: str, session: str | None) -> Path:
        """Where the pointers of an asset of a session are."""
        check_asset(asset)
        if session is not None and not _PART.fullmatch(session):
            raise ValueError(f"{session!r} can't be the key of a session")
        return self.root / (session or UNPARTITIONED) / asset

    # -- LATEST ----------------------------------------------------------------------------------------------------

    def latest(self, asset: str, session: str | None) -> str | None:
        """Directory name of the artifact of the default configuration."""
        return _directory(self.folder(asset, session) / LATEST)

    def point(self, asset: str, session: str | None, directory: str) -> None:
        if self.latest(asset, session) != directory:
            _write(self.folder(asset, session) / LATEST, directory)

    # -- variants --------------------------------------------------------------------------------------------------

    def note_variant(
        self, asset: str, session: str | None, directory: str, variant: str, overrides: Mapping[str, Any]
    ) -> None:
        file = self.folder(asset, session) / VARIANTS / directory
        note = json.loads(json.dumps({"variant": variant, "overrides": overrides}))
        known = _variant_note(file)
        if known is None or {**known, "created": 0} != {**note, "created": 0}:
            _write(file, json.dumps({**note, "created": time.time()}))

    def variants(self, asset: str, session: str | None) -> list[tuple[str, dict[str, Any]]]:
        """(directory name, note) of every variant, oldest first."""
        folder = self.folder(asset, session) / VARIANTS
        names = sorted(path.name for path in folder.glob("*") if DIRECTORY.fullmatch(path.name))
        found = [(name, note) for name in names if (note := _variant_note(folder / name)) is not None]
        return sorted(found, key=lambda item: (item[1]["created"], item[0]))

    # -- failures --------------------------------------------------------------------------------------------------

    def record_failure(
        self, asset: str, session: str | None, message: str, fingerprint: str | None, variant: str
    ) -> None:
        note = {"fingerprint": fingerprint, "variant": variant, "message": message, "time": time.time()}
        # A disk that is full must not hide what went wrong.
        with contextlib.suppress(OSError):
            _write_note(self.folder(asset, session) / FAILED, json.dumps(note))

    def clear_failure(self, asset: str, session: str | None) -> None:
        file = self.folder(asset, session) / FAILED
        # Asked after every hit; a store that can't be written must still serve hits.
        with contextlib.suppress(OSError):
            if file.exists():
                _make_way(file)
                file.unlink(missing_ok=True)

    def failure(self, asset: str, session: str | None) -> dict[str, Any] | None:
        """What the last attempt died of: fingerprint, variant, message, time. None where none is recorded."""
        file = f"{self._text}/{session or UNPARTITIONED}/{asset}/{FAILED}"
        # Plans ask this of every pair, and the file is hardly ever there.
        note = read_json(Path(file)) if os.path.exists(file) else None
        if not isinstance(note, dict) or not isinstance(note.get("message"), str):
            return None
        return note

    # -- all of them -----------------------------------------------------------------------------------------------

    def remove(self, pointer: Pointer, leads_somewhere: Callable[[str, str | None], bool]) -> None:
        """Remove a pointer, unless it was written anew in the meantime."""
        aside = pointer.file.with_name(f".{pointer.file.name}.{uuid.uuid4().hex}")
        with contextlib.suppress(FileNotFoundError):
            pointer.file.rename(aside)
            if pointer.file.name == LATEST and leads_somewhere(pointer.asset, _directory(aside)):
                with contextlib.suppress(FileExistsError):
                    os.link(aside, pointer.file)  # not over a still newer one
            shutil.rmtree(aside) if aside.is_dir() and not aside.is_symlink() else aside.unlink()

    def sessions(self) -> list[str]:
        """Keys of the sessions that have pointers."""
        return sorted({pointer.session for pointer in self if pointer.session is not None})

    def __iter__(self) -> Iterator[Pointer]:
        for file in everything_below(self.root):
            key, *asset = file.parent.relative_to(self.root).parts or ("",)
            session = None if key == UNPARTITIONED else key
            if file.name == LATEST and asset:
                yield Pointer(file, "/".join(asset), session, _directory(file))
            elif len(asset) > 1 and asset[-1] == VARIANTS and not file.name.startswith("."):
                whole = DIRECTORY.fullmatch(file.name) and _variant_note(file) is not None
                yield Pointer(file, "/".join(asset[:-1]), session, file.name if whole else None)


def check_asset(asset: str) -> None:
    """Raise ValueError for a name whose folders could be mistaken for an artifact or a pointer."""
    for part in asset.split("/"):
        if not _PART.fullmatch(part) or DIRECTORY.fullmatch(part) or part in (LATEST, FAILED, VARIANTS):
            raise ValueError(f"{asset!r} can't be the name of an asset, because of {part!r}")


def _directory(file: Path) -> str | None:
    raw = read_bytes(file)
    try:
        text = raw.decode("ascii") if raw is not None else ""
    except UnicodeDecodeError:
        return None
    return text if DIRECTORY.fullmatch(text) else None


def _variant_note(file: Path) -> dict[str, Any] | None:
    note = read_json(file)
    if not isinstance(note, dict) or not isinstance(note.get("variant"), str):
        return None
    if not isinstance(note.get("overrides"), dict) or not isinstance(note.get("created"), int | float):
        return None
    return note


def _write(file: Path, text: str) -> None:
    """Write a pointer. A store that can't be written keeps the old one: it must still serve what it has."""
    with storage_trouble_in_words(file.parent, "a note of which artifact is the latest"):
        try:
            _write_note(file, text)
        except OSError as error:
            if error.errno not in _READ_ONLY:
                raise


def _write_note(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    _make_way(file)
    write_durably(file, text)


def _make_way(file: Path) -> None:
    """Move a folder aside that has the name of a note."""
    if file.is_dir() and not file.is_symlink():
        file.rename(file.with_name(f".{file.name}.{time.time_ns()}"))
