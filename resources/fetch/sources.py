"""The files of the catalogue's sessions on this machine: catalogue, lock files and raw folder together."""

import contextlib
import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from neuropipe.catalog import Catalog, FileEntry, Session
from neuropipe.errors import BadInput
from resources.fetch.downloads import RawFiles, with_deadline
from resources.fetch.file_spec import FileSpec, completed
from resources.fetch.lockfile import LockFile
from resources.fetch.transfer import Progress
from resources.fetch.upstream import Upstream, ask_all
from resources.fetch.verified import VerifiedFile
from resources.files.notes import write_note
from resources.files.safe_files import size_of, storage_trouble_in_words
from resources.store.stage import Unresolved

log = logging.getLogger(__name__)
UPSTREAM_DEADLINE = 60.0  # s for all look-ups together; Dagster gives a schedule 180 s
USER_GRACE = 14 * 24 * 3600.0  # s: files that another catalogue named within this time are kept


@dataclass(frozen=True)
class Sources:
    """root : folder of the catalogue; raw : the content-addressed folder that its files are fetched into.

    read : gives the catalogue as it is now, which is asked where all its sessions count, not for the files of one
    """

    root: Path
    raw: RawFiles
    read: Callable[[], Catalog]

    def fetch(self, session: Session, progress: Progress | None = None) -> dict[str, Path]:
        """File name -> verified path on disk; missing files are downloaded."""
        return {name: file.path for name, file in self.verified(session, progress).items()}

    def verified(self, session: Session, progress: Progress | None = None) -> dict[str, VerifiedFile]:
        """File name -> verified file; missing and damaged files are downloaded, requested updates are carried out.

        Ask `verified.changed_files(...)` of them right before committing what was made from them.
        """
        lock = self._lock(session)
        found = {}
        for spec in self._specs(session):
            if self._update_requested(session, spec):
                self._update(session, spec, lock, progress)
            found[spec.name] = self.raw.verified(spec, progress, lock)
        if found:
            with contextlib.suppress(BadInput):  # a raw folder that can only be read still serves its files
                self.note_use()
        return found

    def hashes(self, session: Session) -> dict[str, str]:
        """File name -> sha256, from catalogue, lock file or (local files) content. Unresolved if one is not known."""
        lock = self._lock(session)
        found: dict[str, str] = {}
        for name, entry in session.entry.files.items():
            if entry.sha256 is not None and entry.url is not None:
                found[name] = entry.sha256
                continue
            spec = _spec(session, name, entry)
            if self._update_requested(session, spec):
                raise Unresolved(f"{name} changed upstream and is to be downloaded again")
            found[name] = self._found(spec, lock)
        return found

    # -- upstream --------------------------------------------------------------------------------------------------

    def check_upstream(
        self, sessions: Iterable[Session], deadline: float = UPSTREAM_DEADLINE
    ) -> dict[str, dict[str, Upstream]]:
        """Session key -> file name -> whether its source still holds what was downloaded, by ETag, size or hash.

        All servers are asked at once; what did not answer within `deadline` s is `unknown`.
        """
        raw = with_deadline(self.raw, deadline)
        files = {
            (session.key, spec.name): completed(spec, self._lock(session))
            for session in sessions
            for spec in self._specs(session)
        }
        # Sessions may share files, and data sets too: each is looked up once.
        answers = ask_all({spec: lambda spec=spec: raw.check_upstream(spec) for spec in files.values()}, deadline)
        found: dict[str, dict[str, Upstream]] = {}
        for (key, name), spec in files.items():
            found.setdefault(key, {})[name] = answers[spec]
        return found

    def changed_upstream(self, session: Session) -> list[str]:
        """Names of the files whose source no longer holds what was downloaded."""
        answers = self.check_upstream([session]).get(session.key, {})
        return [name for name, answer in answers.items() if answer == "changed"]

    def follow(self, session: Session, name: str, progress: Progress | None = None) -> None:
        """Download what the source of a file holds now, then replace its hash in the lock file. BadInput if that fails:
        the old file and hash stay in use."""
        self.raw.follow(_spec(session, name, session.entry.files[name]), self._lock(session), progress)

    def request_update(self, session: Session, name: str) -> None:
        """Have the next `fetch` of the session follow the source of a file; until then its hash is Unresolved.

        For callers that have no time for downloads, such as a schedule.
        """
        spec = _spec(session, name, session.entry.files[name])
        content = {"session": session.key, "name": name, "url": spec.url, "time": time.time()}
        with storage_trouble_in_words(self.raw.root, "the request for an update"):
            write_note(self._request(session, spec), content, self.raw.root / "quarantine")

    def _update_requested(self, session: Session, spec: FileSpec) -> bool:
        follows = session.dataset.follow_upstream and spec.url is not None and spec.sha256 is None
        return follows and self._request(session, spec).exists()

    def _update(self, session: Session, spec: FileSpec, lock: LockFile, progress: Progress | None) -> None:
        try:
            self.raw.follow(spec, lock, progress)
        except BadInput as error:
            if completed(spec, lock).sha256 is None:
                raise
            log.warning("%s: the new version of %s is not used, the old one stays: %s", session.key, spec.name, error)
        # Whatever came of it: the next look upstream says whether there is still a change to follow.
        with storage_trouble_in_words(self.raw.root, "the request for an update"):
            self._request(session, spec).unlink(missing_ok=True)

    def _request(self, session: Session, spec: FileSpec) -> Path:
        # Other clones may use the same raw folder, each with lock files of its own.
        key = f"{self._lock(session).path.absolute()}\n{spec.url}"
        return self.raw.root / "updates" / f"{hashlib.sha256(key.encode()).hexdigest()}.json"

    # -- garbage ---------------------------------------------------------------------------------------------------

    def named(self) -> set[str]:
        """The hashes of all files that the catalogue and its lock files name."""
        found, recorded = set(), {}
        for session in self.read():
            for entry in session.entry.files.values():
                if entry.sha256 is None and entry.url is not None:
                    if session.dataset_name not in recorded:
                        recorded[session.dataset_name] = self._lock(session).read()
                    known = recorded[session.dataset_name].get(entry.url)
                    found |= {known.sha256} if known is not None else set()
                elif entry.sha256 is not None:
                    found.add(entry.sha256)
        return found

    def note_use(self) -> None:
        """Note for other installations that share the raw folder which of its files this catalogue names."""
        with storage_trouble_in_words(self.raw.root, "the note of who uses raw files"):
            self.raw.folder.note_user(self._user, self.named(), str(self.root.absolute()))

    def unused(self, grace: float = USER_GRACE) -> Iterator[Path]:
        """Raw files that neither this catalogue names nor one that noted its use within `grace` s.

        Remove them by `raw.remove`, which leaves alone what a process is busy with.
        """
        others = self.raw.folder.named_by_others(self._user, time.time() - grace)
        return self.raw.others_than(self.named() | others)

    def remove_unused(self, grace: float = USER_GRACE, *, dry_run: bool = False) -> list[tuple[Path, int]]:
        """Remove what is `unused`; each path that is gone (or, with `dry_run`, would be) with its size in bytes."""
        found = []
        for path in list(self.unused(grace)):
            n_bytes = size_of(path)
            if dry_run or self.raw.remove(path):
                found.append((path, n_bytes))
        return found

    @property
    def _user(self) -> str:
        return hashlib.sha256(str(self.root.absolute()).encode()).hexdigest()[:32]

    def _found(self, spec: FileSpec, lock: LockFile) -> str:
        if spec.path is not None:
            try:
                return self.raw.hash_local(spec.path)
            except BadInput as error:  # a plan continues without the file; a run that needs it will say the same
                raise Unresolved(str(error)) from error
        known = completed(spec, lock).sha256
        if known is None:
            raise Unresolved(f"{spec.name} was never downloaded")
        return known

    def _specs(self, session: Session) -> list[FileSpec]:
        return [_spec(session, name, entry) for name, entry in session.entry.files.items()]

    def _lock(self, session: Session) -> LockFile:
        return LockFile(self.root / f"{session.dataset_name}.lock")


def _spec(session: Session, name: str, entry: FileEntry) -> FileSpec:
    path = Path(entry.path) if entry.path is not None else None
    return FileSpec(name=name, url=entry.url, path=path, bytes=entry.bytes, sha256=entry.sha256)
