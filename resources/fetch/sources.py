"""The files of the catalogue's sessions on this machine: catalogue, lock files and raw folder brought together."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from neuropipe.catalog import Catalog, FileEntry, Session
from neuropipe.errors import BadInput
from resources.fetch.downloads import FileSpec, RawFiles, completed
from resources.fetch.lockfile import LockFile
from resources.store.stage import Unresolved


@dataclass(frozen=True)
class Sources:
    """raw : the content-addressed folder that the files of `catalog` are fetched into."""

    catalog: Catalog
    raw: RawFiles

    def fetch(self, session: Session, progress=None) -> dict[str, Path]:
        """File name -> verified path on disk, downloading what is not there."""
        lock = self._lock(session)
        return {spec.name: self.raw.fetch(spec, progress=progress, lock=lock) for spec in self._specs(session)}

    def hashes(self, session: Session) -> dict[str, str]:
        """File name -> sha256, by catalogue, lock file or (local files) content. Unresolved while one is not known."""
        lock = self._lock(session)
        found: dict[str, str] = {}
        for name, entry in session.entry.files.items():
            if entry.sha256 is not None and entry.url is not None:
                found[name] = entry.sha256
                continue
            found[name] = self._found(_spec(session, name, entry), lock)
        return found

    def changed_upstream(self, session: Session) -> list[str]:
        """Names of the files whose source no longer holds what was fetched, by ETag, size or hash."""
        lock = self._lock(session)
        return [spec.name for spec in self._specs(session) if self.raw.check_upstream(spec, lock) == "changed"]

    def follow(self, session: Session, name: str) -> None:
        """Let a file whose hash the catalogue leaves open be fetched anew: its entry in the lock is dropped."""
        self._lock(session).forget(session.entry.files[name].url)

    def unused(self) -> Iterator[Path]:
        """Fetched files that no session of the catalogue names any more."""
        named = set()
        for session in self.catalog:
            lock = self._lock(session)
            named |= {completed(spec, lock).sha256 for spec in self._specs(session)}
        return self.raw.others_than(named)

    def _found(self, spec: FileSpec, lock: LockFile) -> str:
        if spec.path is not None:
            try:
                return self.raw.hash_local(spec.path)
            except BadInput as error:  # a plan goes on without the file; a run that needs it will say the same
                raise Unresolved(str(error)) from error
        known = completed(spec, lock).sha256
        if known is None:
            raise Unresolved(f"{spec.name} was never downloaded")
        return known

    def _specs(self, session: Session) -> list[FileSpec]:
        return [_spec(session, name, entry) for name, entry in session.entry.files.items()]

    def _lock(self, session: Session) -> LockFile:
        return LockFile(self.catalog.root / f"{session.dataset_name}.lock")


def _spec(session: Session, name: str, entry: FileEntry) -> FileSpec:
    path = Path(entry.path) if entry.path is not None else None
    return FileSpec(name=name, url=entry.url, path=path, bytes=entry.bytes, sha256=entry.sha256)
