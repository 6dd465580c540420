"""The artifact store: immutable directories, content-hashed, committed in one rename, never half visible.

<root>/<asset>/<session>/<fingerprint>[.<attempt>]/{_manifest.json, data/, extras/}
<root>/<asset>/<session>/LATEST       fingerprint directory of the default configuration
<root>/<asset>/<session>/FAILED       what the last attempt died of, until one succeeds
<root>/.stage, .locks, .quarantine    work in flight, locks, artifacts whose bytes no longer match
<root>/.progress                      what killed work had done so far, to be gone on with
"""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from neuropipe.errors import BadInput
from resources.files.safe_files import is_full, process_lock, storage_trouble_in_words, sync, write_durably
from resources.store.artifact import MANIFEST, Artifact, Draft

UNPARTITIONED = "_"
SCHEMA = 1
PROGRESS_OF = "of.json"
_BESIDE = ("LATEST", "FAILED")
_VERSION_FIELD = b'{"data_version": "'


def canonical(value: Any) -> bytes:
    """The one JSON text of a value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def digest(value: Any) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()


class CorruptArtifact(BadInput):
    """The bytes of an artifact are not those that were committed."""


@dataclass(frozen=True)
class ArtifactStore:
    root: Path

    # -- reading ---------------------------------------------------------------------------------------------------

    def probe(self, asset: str, session: str | None, fingerprint: str) -> str | None:
        """Data version of the newest attempt at a fingerprint, or None; two system calls where there is one attempt."""
        folder = self._folder(asset, session)
        first = f"{folder}/{fingerprint[:32]}"
        if not os.path.exists(f"{first}.2") and (version := _read_data_version(f"{first}/{MANIFEST}")):
            return version
        name = _newest_attempt(folder, fingerprint)
        return _read_data_version(f"{folder}/{name}/{MANIFEST}") if name else None

    def lookup(self, asset: str, session: str | None, fingerprint: str) -> Artifact | None:
        path = self.newest(asset, session, fingerprint)
        return Artifact.read(path) if path is not None else None

    def latest(self, asset: str, session: str | None) -> Artifact | None:
        """The artifact last committed or reused under default configuration: for people, never for pipeline inputs."""
        folder = Path(self._folder(asset, session))
        try:
            return Artifact.read(folder / (folder / "LATEST").read_text())
        except FileNotFoundError:
            return None

    def newest(self, asset: str, session: str | None, fingerprint: str) -> Path | None:
        """Where the newest attempt at a fingerprint lies."""
        folder = self._folder(asset, session)
        name = _newest_attempt(folder, fingerprint)
        return Path(folder, name) if name else None

    def others(self, asset: str, session: str | None, fingerprint: str | None) -> list[Path]:
        """Where the artifacts of an asset of a session lie that are not attempts at this fingerprint."""
        folder = self._folder(asset, session)
        try:
            names = os.listdir(folder)
        except (FileNotFoundError, NotADirectoryError):
            return []
        own = fingerprint[:32] if fingerprint else "none"
        return [Path(folder, name) for name in sorted(names) if name not in _BESIDE and not name.startswith(own)]

    def artifacts(self, asset: str | None = None, session: str | None = None) -> Iterator[Artifact]:
        """Every committed artifact, of one asset and session where given."""
        base = self.root if asset is None else Path(self._folder(asset, session)) if session else self.root / asset
        for manifest in sorted(base.rglob(MANIFEST)) if base.is_dir() else []:
            if not manifest.relative_to(self.root).parts[0].startswith("."):
                artifact = Artifact.read(manifest.parent)
                if artifact is not None:
                    yield artifact

    def missized(self, artifact: Artifact) -> list[str]:
        """Files whose presence or size differs from the manifest: what a hit can afford to look at."""
        return [
            name
            for name, (_, size) in artifact.manifest["files"].items()
            if _size(artifact.path / "data" / name) != size
        ]

    def verify(self, artifact: Artifact) -> list[str]:
        """Files whose bytes differ from the manifest, and files it does not know."""
        found = _hash_tree(artifact.path / "data")
        known = {name: tuple(entry) for name, entry in artifact.manifest["files"].items()}
        return sorted(name for name in {*found, *known} if found.get(name) != known.get(name))

    def open_verified(self, asset: str, session: str | None, fingerprint: str) -> Artifact:
        """An artifact to compute from: its bytes are checked once in this process; a damaged one is set aside."""
        artifact = self.lookup(asset, session, fingerprint)
        if artifact is None:
            raise CorruptArtifact(f"{asset} of {session} has vanished from the store: run again to rebuild it")
        if artifact.path not in self._verified:
            damaged = self.verify(artifact)
            if damaged:
                self.quarantine(artifact.path)
                raise CorruptArtifact(
                    f"{asset} of {session} is damaged ({', '.join(damaged[:3])}) and was set aside: "
                    "run again to rebuild it"
                )
            self._verified.add(artifact.path)
        return artifact

    # -- writing ---------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def draft(self) -> Iterator[Draft]:
        """A staging directory, gone at exit unless committed; its lock file tells `gc` that its owner is alive."""
        stage = self.root / ".stage" / uuid.uuid4().hex
        # The lock comes first: `gc` takes a draft without one for abandoned.
        with self._locked(stage.with_suffix(".lock")):
            try:
                stage.mkdir()
                yield Draft(stage)
            except OSError as error:
                if is_full(error):
                    raise BadInput(_full_disk(self.root)) from error
                raise
            finally:
                shutil.rmtree(stage, ignore_errors=True)

    def commit(
        self,
        draft: Draft,
        *,
        asset: str,
        session: str | None,
        fingerprint: str,
        ingredients: Mapping[str, Any],
        variant: str = "",
        facts: Mapping[str, Any] | None = None,
        new_attempt: bool = False,
    ) -> Artifact:
        """Make a draft visible in one rename. The first to commit a fingerprint wins, unless a new attempt is asked."""
        files = _hash_tree(draft.data)
        manifest = {
            "data_version": _tree_version(files),
            "schema": SCHEMA,
            "asset": asset,
            "session": session,
            "fingerprint": fingerprint,
            "variant": variant,
            "ingredients": ingredients,
            "metadata": draft.metadata,
            "checks": draft.checks,
            "bytes": sum(size for _, size in files.values()),
            **(facts or {}),
            "files": {name: list(entry) for name, entry in files.items()},
        }
        (draft.path / MANIFEST).write_text(json.dumps(manifest, allow_nan=False))
        _sync_tree(draft.path)
        folder = Path(self._folder(asset, session))
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            newest = _newest_attempt(str(folder), fingerprint)
            if newest and not new_attempt:
                won = Artifact.read(folder / newest)
                if won is not None:
                    return won
                self.quarantine(folder / newest)
                newest = None
            final = folder / _attempt_name(fingerprint, newest)
            try:
                draft.path.rename(final)
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
                continue
            sync(folder)
            return Artifact(final, manifest)

    def point_latest(self, artifact: Artifact) -> None:
        if artifact.variant:
            return
        pointer = artifact.path.parent / "LATEST"
        with contextlib.suppress(FileNotFoundError):
            if pointer.read_text() == artifact.path.name:
                return
        write_durably(pointer, artifact.path.name)

    def quarantine(self, path: Path) -> Path:
        """Move a corrupt artifact out of sight, so that the next run rebuilds it."""
        target = self.root / ".quarantine" / f"{'-'.join(path.relative_to(self.root).parts)}-{uuid.uuid4().hex[:8]}"
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            path.rename(target)
        return target

    @contextlib.contextmanager
    def lock(self, asset: str, session: str | None, fingerprint: str) -> Iterator[None]:
        """Held by one process at a time: two that want the same artifact build it once. Freed when its owner dies."""
        with self._locked(self.root / ".locks" / _work_name(asset, session, fingerprint)):
            yield

    # -- work in progress ------------------------------------------------------------------------------------------

    def progress(self, asset: str, session: str | None, fingerprint: str, overrides: Mapping[str, Any]) -> Path:
        """A folder for what the work on an artifact may go on with after a kill; it is there until `clear_progress`."""
        folder = self._progress_folder(asset, session, fingerprint)
        owner = {"asset": asset, "session": session, "fingerprint": fingerprint, "overrides": overrides}
        with storage_trouble_in_words(self.root, "work in progress"):
            folder.mkdir(parents=True, exist_ok=True)
            write_durably(folder / PROGRESS_OF, json.dumps(owner))
        return folder

    def clear_progress(self, asset: str, session: str | None, fingerprint: str) -> None:
        shutil.rmtree(self._progress_folder(asset, session, fingerprint), ignore_errors=True)

    def _progress_folder(self, asset: str, session: str | None, fingerprint: str) -> Path:
        return self.root / ".progress" / _work_name(asset, session, fingerprint)

    # -- failures --------------------------------------------------------------------------------------------------

    def record_failure(self, asset: str, session: str | None, fingerprint: str, variant: str, message: str) -> None:
        folder = Path(self._folder(asset, session))
        record = {"fingerprint": fingerprint, "variant": variant, "message": message, "time": time.time()}
        # A disk that takes no note must not hide what went wrong.
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            write_durably(folder / "FAILED", json.dumps(record))

    def clear_failure(self, asset: str, session: str | None) -> None:
        note = Path(self._folder(asset, session), "FAILED")
        if note.exists():  # a store that can only be read must still serve hits
            note.unlink(missing_ok=True)

    def failure(self, asset: str, session: str | None) -> dict[str, Any] | None:
        record = f"{self._folder(asset, session)}/FAILED"
        # Asked of every pair that a plan looks at, and hardly ever there.
        return json.loads(Path(record).read_text()) if os.path.exists(record) else None

    # -- inside ----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        with contextlib.ExitStack() as held:
            with storage_trouble_in_words(self.root, "an artifact"):
                path.parent.mkdir(parents=True, exist_ok=True)
                held.enter_context(process_lock(path))
            yield

    def _folder(self, asset: str, session: str | None) -> str:
        return f"{self._root}/{asset}/{session or UNPARTITIONED}"

    @cached_property
    def _root(self) -> str:
        return str(self.root)

    @cached_property
    def _verified(self) -> set[Path]:
        return set()


def _work_name(asset: str, session: str | None, fingerprint: str) -> str:
    """Name of the lock, and of the folder of work in progress, of what is to become an artifact."""
    return digest([asset, session, fingerprint])[:32]


def _attempt_name(fingerprint: str, newest: str | None) -> str:
    short = fingerprint[:32]
    if newest is None:
        return short
    return f"{short}.{int(newest.partition('.')[2] or 1) + 1}"


def _newest_attempt(folder: str, fingerprint: str) -> str | None:
    short = fingerprint[:32]
    try:
        names = [name for name in os.listdir(folder) if name.startswith(short)]
    except (FileNotFoundError, NotADirectoryError):
        return None
    if len(names) <= 1:
        return names[0] if names else None
    return max(names, key=lambda name: int(name.partition(".")[2] or 1))


def _read_data_version(path: str) -> str | None:
    """The data version stands first in a manifest, so that a hit need not parse the rest."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        head = os.read(descriptor, len(_VERSION_FIELD) + 65)
    finally:
        os.close(descriptor)
    if not head.startswith(_VERSION_FIELD) or head[-1:] != b'"':
        return None
    return head[len(_VERSION_FIELD) : -1].decode()


def _hash_tree(root: Path) -> dict[str, tuple[str, int]]:
    """Relative path -> (sha256, bytes) of every file below `root`, in sorted order."""
    files = {}
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        with path.open("rb") as file:
            sha = hashlib.file_digest(file, "sha256").hexdigest()
        files[path.relative_to(root).as_posix()] = (sha, path.stat().st_size)
    return files


def _tree_version(files: Mapping[str, tuple[str, int]]) -> str:
    return digest({name: sha for name, (sha, _) in files.items()})


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return -1


def _sync_tree(root: Path) -> None:
    for path in root.rglob("*"):
        if path.is_file():
            sync(path)
    sync(root)


def _full_disk(root: Path) -> str:
    free = shutil.disk_usage(root).free / 1e6
    return f"the disk that holds {root} is full ({free:.0f} MB free): free some space (`neuropipe gc` helps) and rerun"
