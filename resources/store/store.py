"""The artifact store: immutable directories found by fingerprint, committed in one rename, removed in one rename.

<root>/artifacts/<asset>/<fingerprint[:32]>[.<attempt>]/{_manifest.json, data/, extras/}
<root>/artifacts/<asset>/<fingerprint[:32]>.newest   number of the newest attempt, where there was more than one
<root>/sessions/<key or _>/<asset>/LATEST            directory name of the artifact of the default configuration
<root>/sessions/<key or _>/<asset>/FAILED            what the last attempt died of, until one succeeds
<root>/sessions/<key or _>/<asset>/variants/<name>   which settings made the artifact of this directory name
<root>/.stage, .progress                             work in flight; checkpoints of interrupted runs, used to resume
<root>/.quarantine, .trash                           damaged artifacts; what is being deleted
<root>/.locks, .users                                one lock per fingerprint; which installation used which artifact
"""

import contextlib
import errno
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from neuropipe.errors import BadInput
from resources.files.safe_files import (
    is_full,
    process_lock,
    remove_durably,
    set_aside,
    storage_trouble_in_words,
    sync,
    write_durably,
)
from resources.store import attempts
from resources.store.artifact import Artifact, CorruptArtifact, Draft
from resources.store.commit import SCHEMA, finish, make_folder
from resources.store.manifest import (
    MANIFEST,
    canonical,
    digest,
    hash_tree,
    is_damage,
    read_data_version,
    read_json,
    size,
    stamp,
)
from resources.store.pointers import DIRECTORY, Pointers, check_asset
from resources.store.users import UserLogs

__all__ = ["MANIFEST", "SCHEMA", "Artifact", "ArtifactStore", "CorruptArtifact", "Variant", "canonical", "digest"]

PROGRESS_OF = "of.json"


class Variant(NamedTuple):
    """An artifact made with other settings than the default ones. created : unix seconds."""

    variant: str
    overrides: Mapping[str, Any]
    artifact: Artifact
    created: float


@dataclass(frozen=True)
class ArtifactStore:
    """A store of artifacts. user : name of the log of what this installation uses; empty for none."""

    root: Path
    user: str = ""

    # -- finding ---------------------------------------------------------------------------------------------------

    def probe(self, asset: str, fingerprint: str) -> str | None:
        """Data version of the newest attempt at a fingerprint, or None; two system calls where there is one attempt."""
        first = f"{self._artifacts}/{asset}/{fingerprint[:32]}"
        if not os.path.exists(first + attempts.NEWEST):
            return read_data_version(f"{first}/{MANIFEST}")
        newest = self.newest(asset, fingerprint)
        return read_data_version(f"{newest}/{MANIFEST}") if newest is not None else None

    def newest(self, asset: str, fingerprint: str) -> Path | None:
        """Where the newest attempt at a fingerprint is, whole or not."""
        return attempts.newest(self._first(asset, fingerprint))

    def lookup(self, asset: str, fingerprint: str) -> Artifact | None:
        """The newest attempt at a fingerprint, if its manifest is whole; its files are not looked at."""
        path = self.newest(asset, fingerprint)
        return _read(path, asset, fingerprint) if path is not None else None

    def whole(self, artifact: Artifact) -> list[str]:
        """Files that are missing or have another size than the manifest says: a check cheap enough for every hit."""
        start = f"{artifact.path}/data/"
        return [name for name, (_, expected) in artifact.manifest["files"].items() if size(start + name) != expected]

    def serve(self, asset: str, fingerprint: str) -> Artifact | None:
        """The newest attempt at a fingerprint, if it is whole. A damaged one is set aside, and None returned."""
        path = self.newest(asset, fingerprint)
        if path is None:
            return None
        inode = _inode(path)
        artifact = _read(path, asset, fingerprint)
        if artifact is not None and not self.whole(artifact):
            return artifact
        self.quarantine(path, inode)
        return None

    def verify(self, artifact: Artifact) -> list[str]:
        """Files whose bytes differ from the manifest, and files it does not know."""
        found = hash_tree(artifact.path / "data")
        known = {name: tuple(entry) for name, entry in artifact.manifest["files"].items()}
        return sorted(name for name in {*found, *known} if found.get(name) != known.get(name))

    def open_verified(self, asset: str, fingerprint: str, what: str) -> Artifact:
        """An artifact to compute from, held against `gc`. what : its name in messages.

        Its bytes are verified once per process, and again when any of its files was touched. Raises CorruptArtifact
        for one that is gone or damaged; a damaged one is set aside, so that the next run rebuilds it.
        """
        path = self.newest(asset, fingerprint)
        inode = _inode(path) if path is not None else None
        artifact = _read(path, asset, fingerprint, hold=True) if path is not None else None
        if path is None or (artifact is None and _inode(path) != inode):
            raise CorruptArtifact(f"{what} is no longer in the store: run again to rebuild it")
        if artifact is None:
            damaged = [MANIFEST]
        else:
            touched = stamp(path / "data")
            if self._verified.get(path) == touched:
                return artifact
            damaged = self.verify(artifact)
        if damaged:
            self.quarantine(path, inode)
            raise CorruptArtifact(
                f"{what} is damaged ({', '.join(damaged[:3])}) and was set aside: run again to rebuild it"
            )
        self._verified[path] = touched
        return artifact

    def artifacts(self, asset: str | None = None) -> Iterator[Artifact]:
        """Every artifact with a whole manifest, of one asset where given."""
        for path in self.directories(asset):
            artifact = Artifact.read(path)
            if artifact is not None:
                yield artifact

    def directories(self, asset: str | None = None) -> Iterator[Path]:
        """Every directory that has the name of an artifact, of one asset where given, whole or not."""
        base = Path(self._artifacts)
        for folder, names, files in os.walk(base / asset if asset else base):
            found = sorted(name for name in (*names, *files) if DIRECTORY.fullmatch(name))
            yield from (Path(folder, name) for name in found)
            names[:] = sorted(set(names) - set(found)) if asset is None else []

    def name(self, path: Path) -> str:
        """`<asset>/<directory name>` of the directory of an artifact."""
        return path.relative_to(self._artifacts).as_posix()

    # -- writing ---------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def draft(self) -> Iterator[Draft]:
        """A staging directory, gone at exit unless committed; its lock file tells `gc` that its owner is alive."""
        stage = self.root / ".stage" / uuid.uuid4().hex
        # The lock comes first: `gc` takes a draft without one for abandoned.
        lock = stage.with_suffix(".lock")
        with self._locked(lock):
            try:
                stage.mkdir()
                yield Draft(stage)
            except OSError as error:
                if is_full(error):
                    raise BadInput(_full_disk(self.root)) from error
                raise
            finally:
                shutil.rmtree(stage, ignore_errors=True)
                lock.unlink(missing_ok=True)

    def commit(
        self,
        draft: Draft,
        *,
        asset: str,
        fingerprint: str,
        ingredients: Mapping[str, Any],
        facts: Mapping[str, Any] | None = None,
        new_attempt: bool = False,
        before_commit: Callable[[], None] | None = None,
    ) -> Artifact:
        """Make a draft visible in one rename. The first to commit a fingerprint wins, unless a new attempt is asked.

        facts : further fields of the manifest; before_commit : called when all is on the disk, right before the
        rename; nothing is committed if it raises
        """
        check_asset(asset)
        manifest = finish(draft, asset, fingerprint, ingredients, facts or {})
        first = self._first(asset, fingerprint)
        make_folder(Path(first).parent, self.root)
        self.used([first])
        if before_commit is not None:
            before_commit()
        return self._rename(draft, manifest, new_attempt)

    def _rename(self, draft: Draft, manifest: Mapping[str, Any], new_attempt: bool) -> Artifact:
        asset, fingerprint = manifest["asset"], manifest["fingerprint"]
        first = self._first(asset, fingerprint)
        while True:
            newest = self.newest(asset, fingerprint)
            if newest is not None and not new_attempt:
                inode = _inode(newest)
                won = _read(newest, asset, fingerprint)
                if won is not None and not self.verify(won):
                    return won
                self.quarantine(newest, inode)
                continue
            final = Path(first)
            if newest is not None:
                final = attempts.announce_next(first)
            try:
                draft.path.rename(final)
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                    raise
                continue
            sync(final.parent)
            self.used([str(final)])
            return Artifact(final, manifest)

    def quarantine(self, path: Path, inode: int | None = None) -> Path | None:
        """Move a damaged artifact out of sight, so that the next run rebuilds it; its new place, None if it is gone.

        inode : that of the damaged directory, where it is known
        """
        with storage_trouble_in_words(self.root, f"the damaged {path.name}"):
            target = set_aside(path, self.root / ".quarantine")
        # Somebody else may have set it aside and rebuilt it since it was read: theirs goes back.
        if target is not None and inode is not None and _inode(target) not in (inode, None):
            with contextlib.suppress(OSError):
                target.rename(path)
        return target

    def discard(self, path: Path) -> None:
        """Remove a file or a folder of the store. It vanishes in one rename; then its bytes are freed."""
        with storage_trouble_in_words(self.root, f"the unneeded {path.name}"):
            remove_durably(path, self.root / ".trash")

    @contextlib.contextmanager
    def lock(self, asset: str, fingerprint: str) -> Iterator[None]:
        """Held by one process at a time: two that want the same artifact build it once. Freed when its owner dies."""
        with self._locked(self.lock_file(asset, fingerprint)):
            yield

    def lock_file(self, asset: str, fingerprint: str) -> Path:
        return self.root / ".locks" / _work_name(asset, fingerprint)

    # -- what sessions point at ------------------------------------------------------------------------------------

    def latest(self, asset: str, session: str | None) -> Artifact | None:
        """The artifact of the default configuration that was last made or reused: for people, never for inputs."""
        directory = self.pointers.latest(asset, session)
        return self._pointed_at(asset, directory) if directory else None

    def point(self, asset: str, session: str | None, artifact: Artifact) -> None:
        """Make an artifact of the default configuration the latest one of a session."""
        self.pointers.point(asset, session, artifact.path.name)

    def note_variant(
        self, asset: str, session: str | None, artifact: Artifact, variant: str, overrides: Mapping[str, Any]
    ) -> None:
        """Note which settings made an artifact of a session."""
        self.pointers.note_variant(asset, session, artifact.path.name, variant, overrides)

    def variants(self, asset: str, session: str | None) -> list[Variant]:
        """Artifacts of a session made with other settings than the default ones, oldest first."""
        found = (
            (note, self._pointed_at(asset, directory)) for directory, note in self.pointers.variants(asset, session)
        )
        return [
            Variant(note["variant"], note["overrides"], artifact, note["created"])
            for note, artifact in found
            if artifact is not None
        ]

    def sessions(self) -> list[str]:
        """Keys of the sessions that have pointers."""
        return self.pointers.sessions()

    def record_failure(
        self, asset: str, session: str | None, message: str, fingerprint: str | None = None, variant: str = ""
    ) -> None:
        self.pointers.record_failure(asset, session, message, fingerprint, variant)

    def clear_failure(self, asset: str, session: str | None) -> None:
        self.pointers.clear_failure(asset, session)

    def failure(self, asset: str, session: str | None) -> dict[str, Any] | None:
        """What the last attempt died of: fingerprint, variant, message, time. None where none is recorded."""
        return self.pointers.failure(asset, session)

    def used(self, artifact_dirs: Iterable[str]) -> None:
        """Note that this installation uses artifacts, given as directories or as `<asset>/<directory name>`."""
        start = f"{self._artifacts}/"
        self.users.record(str(path).removeprefix(start) for path in artifact_dirs)

    # -- work in progress ------------------------------------------------------------------------------------------

    def progress(self, asset: str, fingerprint: str, owner: Mapping[str, Any]) -> Path:
        """A folder for checkpoints of the work on an artifact; `clear_progress` removes it. owner : noted inside."""
        folder = self.progress_folder(asset, fingerprint)
        with storage_trouble_in_words(self.root, "work in progress"):
            if not folder.is_dir() and os.path.lexists(folder):
                folder.unlink()
            folder.mkdir(parents=True, exist_ok=True)
            note = folder / PROGRESS_OF
            if note.is_dir():
                self.discard(note)
            write_durably(note, json.dumps({**owner, "asset": asset, "fingerprint": fingerprint}))
        return folder

    def progress_folder(self, asset: str, fingerprint: str) -> Path:
        return self.root / ".progress" / _work_name(asset, fingerprint)

    def progress_owners(self) -> dict[Path, dict[str, Any] | None]:
        """Folder -> owner of all work in progress; None for one whose note is missing or damaged."""
        owners = {folder: read_json(folder / PROGRESS_OF) for folder in sorted((self.root / ".progress").glob("*"))}
        return {folder: owner if isinstance(owner, dict) else None for folder, owner in owners.items()}

    def clear_progress(self, asset: str, fingerprint: str) -> None:
        folder = self.progress_folder(asset, fingerprint)
        if os.path.lexists(folder):
            self.discard(folder)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _pointed_at(self, asset: str, directory: str) -> Artifact | None:
        artifact = Artifact.read(Path(self._artifacts, asset, directory))
        return artifact if artifact is not None and artifact.asset == asset else None

    @contextlib.contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        with contextlib.ExitStack() as held:
            with storage_trouble_in_words(self.root, "an artifact"):
                path.parent.mkdir(parents=True, exist_ok=True)
                held.enter_context(process_lock(path))
            yield

    @cached_property
    def pointers(self) -> Pointers:
        return Pointers(self.root / "sessions")

    @cached_property
    def users(self) -> UserLogs:
        return UserLogs(self.root / ".users", self.user)

    def _first(self, asset: str, fingerprint: str) -> str:
        return f"{self._artifacts}/{asset}/{fingerprint[:32]}"

    @cached_property
    def _artifacts(self) -> str:
        return f"{self.root}/artifacts"

    @cached_property
    def _verified(self) -> dict[Path, frozenset]:
        return {}


def _work_name(asset: str, fingerprint: str) -> str:
    """Name of the lock, and of the folder of work in progress, of what is to become an artifact."""
    return digest([asset, fingerprint[:32]])[:32]


def _read(path: Path, asset: str, fingerprint: str, *, hold: bool = False) -> Artifact | None:
    """The artifact in a directory, unless it is another than the one whose directory this should be."""
    artifact = Artifact.read(path, hold=hold)
    if artifact is None or artifact.manifest.get("asset") != asset or artifact.manifest["fingerprint"] != fingerprint:
        return None
    return artifact


def _inode(path: Path) -> int | None:
    try:
        return path.lstat().st_ino
    except OSError as error:
        if is_damage(error):
            return None
        raise


def _full_disk(root: Path) -> str:
    free = shutil.disk_usage(root).free / 1e6
    return f"the disk that holds {root} is full ({free:.0f} MB free): free some space (`neuropipe gc` helps) and rerun"
