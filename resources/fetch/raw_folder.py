"""The folder of raw files, named by their content.

<root>/<sha256[:2]>/<sha256>         a verified file, read-only
<root>/<sha256[:2]>/<sha256>.json    its origin, and the stamp that it had when its content was last hashed
<root>/partial/                      downloads in flight
<root>/quarantine/                   files with unexpected content
<root>/local/                        hashes of files that stay where they are
<root>/allensdk/                     tables of the Allen Institute's warehouse, as allensdk keeps them
<root>/updates/                      requests to download a new version of a file
<root>/.users/                       which hashes the catalogues name that use this folder
<root>/.locks/, .trash/              locks; what a killed removal left
"""

import contextlib
import re
import time
from collections.abc import Container, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from resources.fetch.verified import VerifiedFile, digest, noted, verify
from resources.fetch.web import Source
from resources.files.locks import free_lock, is_held, process_lock, remove_free_lock
from resources.files.notes import read_note, write_note
from resources.files.safe_files import empty_trash, move_durably, remove_durably, set_aside

GRACE = 24 * 3600.0  # s: younger files may be in use by a process that is fetching or reading them


@dataclass(frozen=True)
class Origin:
    """Where a raw file came from. source : the address or mirror file read; fetched_at : s since 1970."""

    url: str
    source: str
    etag: str | None
    last_modified: str | None
    bytes: int
    fetched_at: float


@dataclass(frozen=True)
class RawFolder:
    root: Path

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    def place(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256

    def lock(self, key: str) -> contextlib.AbstractContextManager[None]:
        """Hold what is done about one file, by its hash (or by `url-...` while that is unknown)."""
        return process_lock(self._lock_file(key))

    def origin(self, sha256: str) -> Origin | None:
        """Where a raw file came from; None where there is no undamaged note of it."""
        with contextlib.suppress(TypeError):
            return Origin(**(read_note(self._note(sha256)) or {}).get("origin", {}))
        return None

    def verified(self, sha256: str) -> VerifiedFile | None:
        """The file, if it is here with exactly the content that its name says.

        It is hashed again unless its note has the stamp that it has now. Works in a folder that can only be read.
        """
        path, note = self.place(sha256), read_note(self._note(sha256)) or {}
        try:
            found = noted(path, sha256, note.get("stamp")) or verify(path)
        except OSError:
            return None  # missing, unreadable, or a folder
        if found.sha256 != sha256:
            return None
        stamp = found.stamp.to_json()
        if found.settled and note and note.get("stamp") != stamp:
            with contextlib.suppress(OSError):
                write_note(self._note(sha256), {**note, "stamp": stamp}, self.quarantine)
        return found

    def take(self, path: Path, sha256: str, url: str, source: Source) -> None:
        """Move a file, which the caller has just hashed, to its place. The caller holds the lock of the hash.

        Where the same content is here already it stays, and only its origin is brought up to date.
        """
        size = path.stat().st_size
        here = self.verified(sha256)
        origin = Origin(url, source.url, source.etag, source.last_modified, size, time.time())
        stamp = {"stamp": here.stamp.to_json()} if here is not None and here.settled else {}
        # The note comes first: a file without one would be hashed again for nothing after a kill.
        write_note(self._note(sha256), {"origin": asdict(origin), **stamp}, self.quarantine)
        if here is not None:
            return
        target = self.place(sha256)
        if target.is_dir():
            set_aside(target, self.quarantine)
        path.chmod(0o444)
        move_durably(path, target)

    def mend(self, sha256: str, url: str, name: str) -> tuple[VerifiedFile | None, Path | None]:
        """The file, if it is intact but its note is lost; otherwise where a damaged file was put aside.

        The caller holds the lock of the hash.
        """
        found, path = self.verified(sha256), self.place(sha256)
        if found is not None:
            if self.origin(sha256) is None:
                origin = Origin(url, url, None, None, found.stamp.bytes, time.time())
                stamp = {"stamp": found.stamp.to_json()} if found.settled else {}
                write_note(self._note(sha256), {"origin": asdict(origin), **stamp}, self.quarantine)
            return found, None
        return None, self.put_aside(path, name) if path.exists() else None

    def put_aside(self, path: Path, name: str) -> Path | None:
        """Move a file to quarantine, named by its content and by what it was meant to be."""
        try:
            found = digest(path)
        except OSError:
            return set_aside(path, self.quarantine)  # unreadable, or a folder
        place = self.quarantine / f"{found[:16]}-{re.sub(r'[^A-Za-z0-9._-]', '_', name)[-100:]}"
        self.quarantine.mkdir(exist_ok=True)
        path.replace(place)
        return place

    # -- garbage ---------------------------------------------------------------------------------------------------

    def note_user(self, user: str, named: Iterable[str], about: str) -> None:
        """Note which hashes the catalogue `user` names, so that another installation does not remove their files."""
        content = {"catalogue": about, "hashes": sorted(named), "time": time.time()}
        write_note(self.root / ".users" / f"{user}.json", content, self.quarantine)

    def named_by_others(self, user: str, since: float) -> set[str]:
        """Hashes named by the catalogues other than `user` that noted their use after `since`, s since 1970."""
        others = [path for path in (self.root / ".users").glob("*.json") if path.stem != user]
        notes: list[dict[str, Any]] = [read_note(path) or {} for path in others]
        return {sha256 for note in notes if note.get("time", 0.0) >= since for sha256 in note.get("hashes", ())}

    def others_than(self, named: Container[str]) -> Iterator[Path]:
        """Files and notes whose hash is not among `named`, quarantined files, abandoned downloads, unused locks."""
        yesterday = time.time() - GRACE
        for path in sorted(self.root.glob("[0-9a-f][0-9a-f]/*")):
            if path.name.removeprefix(".")[:64] not in named and _changed_at(path) < yesterday:
                yield path
        yield from sorted(self.quarantine.glob("*"))
        for path in sorted((*(self.root / "partial").glob("*"), *(self.root / ".locks").glob("*"))):
            if _changed_at(path) < yesterday and not is_held(self._lock_file(path.stem)):
                yield path
        yield from sorted((self.root / ".trash").glob("*"))

    def remove(self, path: Path) -> bool:
        """Remove something that `others_than` named, unless a process is busy with it; whether it is gone."""
        if path.parent == self.root / ".locks":
            return remove_free_lock(path)
        if path.parent == self.root / ".trash":
            empty_trash(path.parent)
            return True
        key = path.name.removeprefix(".")[:64] if len(path.parent.name) == 2 else path.stem
        with free_lock(self._lock_file(key)) as free:
            if free:
                remove_durably(path, self.root / ".trash")
            return free

    def _note(self, sha256: str) -> Path:
        return self.place(sha256).with_suffix(".json")

    def _lock_file(self, key: str) -> Path:
        return self.root / ".locks" / key


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
