"""Garbage: artifacts, checkpoints, pointers and raw files that no current session, code version or setting uses.

An artifact is removed only if no other user of the store used it within the grace period, no process reads it, and
nobody is making it. Removal is a rename into the trash followed by deletion: a kill leaves nothing half-deleted in
sight, and the next collection empties the trash.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from resources.files.locks import free_lock, is_held
from resources.files.walking import everything_below
from resources.store import attempts
from resources.store.manifest import MANIFEST, is_damage
from resources.store.store import ArtifactStore
from resources.store.users import ANYTHING, RECORD_EVERY, remove_log

GRACE = 14 * 86400.0
# Staged texts of killed writers are younger than this only while they are written.
_STAGED = 3600.0


LOCK_AGE = 24 * 3600.0  # s


@dataclass(frozen=True)
class Garbage:
    """One thing that nothing needs.

    kind : artifact | attempts | pointer | unfinished | lock | user log | quarantined | trash | raw file
    """

    kind: str
    path: Path
    bytes: int


def collect_garbage(
    store: ArtifactStore,
    needed: set[Path],
    needed_progress: set[Path],
    *,
    dry_run: bool = False,
    grace: float = GRACE,
    since: float | None = None,
) -> list[Garbage]:
    """Remove what is not needed, or with `dry_run` only say what would be removed.

    needed : directories of artifacts to keep; needed_progress : folders of checkpoints to keep; grace : seconds that
    an artifact is kept after another user of the store last used it, 0 to disregard other users; since : when `needed`
    was collected, as what was committed later is kept (default: now)
    """
    return list(_Collection(store, needed, needed_progress, dry_run, grace, since or time.time()).run())


@dataclass(frozen=True)
class _Collection:
    store: ArtifactStore
    needed: set[Path]
    needed_progress: set[Path]
    dry_run: bool
    grace: float
    since: float
    removed: set[Path] = field(default_factory=set)  # artifacts, in a dry run those that would be

    def run(self) -> Iterator[Garbage]:
        trash = [*self._children(".quarantine", "quarantined"), *self._children(".trash", "trash")]
        yield from self._artifacts()
        yield from self._pointers()
        yield from self._progress()
        yield from self._drafts()
        yield from self._locks()
        yield from self._users()
        for item in trash:
            yield item
            self._discard(item.path)

    # -- artifacts -------------------------------------------------------------------------------------------------

    def _artifacts(self) -> Iterator[Garbage]:
        for path in list(self.store.directories()):
            if path in self.needed or not self._unused(path):
                continue
            with self._exclusive(path) as free:
                if free and self._unused(path):
                    yield Garbage("artifact", path, _size(path))
                    self.removed.add(path)
                    self._discard(path)
        base = self.store.root / "artifacts"
        for marker in (path for path in everything_below(base) if path.name.endswith(attempts.NEWEST)):
            first = str(marker).removesuffix(attempts.NEWEST)
            with self._exclusive(Path(first)) as free:
                if free and not attempts.existing(first):
                    yield Garbage("attempts", marker, _size(marker))
                    self._discard(marker)

    def _unused(self, path: Path) -> bool:
        """Whether an artifact was there when the needed ones were listed, and nobody else used it of late."""
        try:
            if path.lstat().st_ctime > self.since:
                return False
        except FileNotFoundError:
            return False
        if self.grace <= 0:
            return True
        uses = self.store.users.by_others()
        # Plans know fingerprints, not attempts: a use of the first attempt's name counts for every attempt.
        first = path.with_name(path.name.partition(".")[0])
        last = max(uses.get(used, 0) for used in (self.store.name(path), self.store.name(first), ANYTHING))
        return last + self.grace + RECORD_EVERY < time.time()

    @contextlib.contextmanager
    def _exclusive(self, path: Path) -> Iterator[bool]:
        """Whether nobody makes or reads an artifact; nobody can as long as this lasts."""
        asset, _, directory = self.store.name(path).rpartition("/")
        with self._claimed(self.store.lock_file(asset, directory.partition(".")[0])) as idle:
            if not idle:
                yield False
                return
            with _unread(path / MANIFEST) as unread:
                yield unread

    # -- everything else -------------------------------------------------------------------------------------------

    def _pointers(self) -> Iterator[Garbage]:
        for pointer in list(self.store.pointers):
            if not self._leads_somewhere(pointer.asset, pointer.directory):
                yield Garbage("pointer", pointer.file, _size(pointer.file))
                if not self.dry_run:
                    self.store.pointers.remove(pointer, lambda asset, found: self._leads_somewhere(asset, found))
        sessions = self.store.root / "sessions"
        for staged in (path for path in everything_below(sessions) if path.name.startswith(".")):
            with contextlib.suppress(FileNotFoundError):
                if staged.lstat().st_mtime < time.time() - _STAGED:
                    yield Garbage("unfinished", staged, _size(staged))
                    self._discard(staged)

    def _leads_somewhere(self, asset: str, directory: str | None) -> bool:
        if directory is None:
            return False
        path = self.store.root / "artifacts" / asset / directory
        return path.is_dir() and not (self.dry_run and path in self.removed)

    def _progress(self) -> Iterator[Garbage]:
        for folder in sorted((self.store.root / ".progress").glob("*")):
            if folder not in self.needed_progress:
                with self._claimed(self.store.root / ".locks" / folder.name) as idle:
                    if idle and os.path.lexists(folder):
                        yield Garbage("unfinished", folder, _size(folder))
                        self._discard(folder)

    def _drafts(self) -> Iterator[Garbage]:
        for draft in sorted((self.store.root / ".stage").glob("*")):
            if draft.suffix != ".lock":
                with self._claimed(draft.with_name(f"{draft.name}.lock")) as idle:
                    if idle and os.path.lexists(draft):
                        yield Garbage("unfinished", draft, _size(draft))
                        self._discard(draft)

    def _locks(self) -> Iterator[Garbage]:
        root = self.store.root
        for file in sorted((*(root / ".stage").glob("*.lock"), *(root / ".locks").glob("*"))):
            if _age(file) < LOCK_AGE:  # every artifact has one, and they cost nothing
                continue
            with self._claimed(file) as idle:
                if idle:
                    yield Garbage("lock", file, 0)

    def _users(self) -> Iterator[Garbage]:
        before = time.time() - max(self.grace, GRACE) - RECORD_EVERY
        for log in self.store.users.abandoned(before):
            if self.dry_run or remove_log(log, before):
                yield Garbage("user log", log, 0)

    def _children(self, folder: str, kind: str) -> list[Garbage]:
        return [Garbage(kind, path, _size(path)) for path in sorted((self.store.root / folder).glob("*"))]

    def _discard(self, path: Path) -> None:
        if not self.dry_run:
            self.store.discard(path)

    @contextlib.contextmanager
    def _claimed(self, lock: Path) -> Iterator[bool]:
        """Whether a lock could be taken without waiting. It is held meanwhile, and unlinked before it is released."""
        if self.dry_run:
            yield not is_held(lock)
            return
        lock.parent.mkdir(parents=True, exist_ok=True)
        with free_lock(lock) as free:
            try:
                yield free
            finally:
                if free:
                    lock.unlink(missing_ok=True)


@contextlib.contextmanager
def _unread(manifest: Path) -> Iterator[bool]:
    """Whether no process holds an artifact open; none can open it as long as this lasts."""
    try:
        descriptor = os.open(manifest, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        if not is_damage(error):
            raise
        yield True  # without a manifest there is nothing to read
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unread = True
    except BlockingIOError:
        unread = False
    try:
        yield unread
    finally:
        os.close(descriptor)


def _age(path: Path) -> float:
    """Seconds since a file was last written; 0 for one that is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _size(path: Path) -> int:
    total = 0
    with contextlib.suppress(OSError):
        if path.is_symlink() or not path.is_dir():
            return path.lstat().st_size
        for folder, _, names in os.walk(path):
            total += sum(os.lstat(os.path.join(folder, name)).st_size for name in names)
    return total
