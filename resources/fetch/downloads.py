"""Raw files: downloaded once, verified before they get a name, stored by content; a user's own files stay in place."""

import hashlib
import logging
from collections.abc import Container, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from neuropipe.errors import BadInput
from resources.allen import warehouse
from resources.fetch.file_spec import FileSpec, completed
from resources.fetch.local_hashes import hash_local
from resources.fetch.lockfile import LockEntry, LockFile
from resources.fetch.mirror import locate
from resources.fetch.raw_folder import Origin, RawFolder
from resources.fetch.transfer import PartFile, Progress, copy_from_mirror, download
from resources.fetch.upstream import Upstream
from resources.fetch.verified import VerifiedFile, digest
from resources.fetch.web import Patience, Source, head
from resources.files.safe_files import storage_trouble_in_words

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RawFiles:
    """The folder of raw files. mirror : folder or http(s) base that stands in for the internet, or None."""

    root: Path
    mirror: str | None = None
    patience: Patience = field(default_factory=Patience)

    def fetch(self, spec: FileSpec, progress: Progress | None = None, lock: LockFile | None = None) -> Path:
        """Path of the verified file; see `verified`."""
        return self.verified(spec, progress, lock).path

    def verified(self, spec: FileSpec, progress: Progress | None = None, lock: LockFile | None = None) -> VerifiedFile:
        """The file on disk with its hash, downloaded if it is missing or damaged.

        Its content is hashed now, unless that was done before and its stamp (size, times, inode) is the same since. A
        damaged file is quarantined and downloaded again. Ask `.unchanged()` after reading the file.

        progress : called with (bytes done, total or None) while bytes arrive
        lock : supplies the hash of a file whose publisher gives none, and records it at the first download
        """
        if spec.path is not None:
            return self._verified_local(spec)
        while True:
            expected = completed(spec, lock)
            if (found := self._stored(expected)) is not None:
                return found
            with (
                storage_trouble_in_words(self.root, spec.name, expected.bytes),
                self.folder.lock(_key(expected)),
            ):
                if completed(spec, lock) != expected:
                    continue  # another process recorded a hash while this one waited
                return self._stored(expected) or self._mended(expected) or self._first(expected, progress, lock)

    def follow(self, spec: FileSpec, lock: LockFile, progress: Progress | None = None) -> VerifiedFile:
        """Download what `spec.url` holds now, and only then let the lock file name it instead of the old content.

        If anything goes wrong, the old entry and the old file stay as they are. For files
        without a hash in the catalogue.
        """
        if spec.url is None or spec.sha256 is not None:
            raise BadInput(f"file {spec.name}: only a file with a url and without a sha256 can follow its source")
        with storage_trouble_in_words(self.root, spec.name, spec.bytes), self.folder.lock(_key(spec)):
            found = self._download(spec, progress)
            origin = self.origin(found.sha256)
            lock.replace(spec.url, LockEntry(found.sha256, found.stamp.bytes, origin.etag if origin else None))
        return found

    def origin(self, sha256: str) -> Origin | None:
        """Where a raw file came from; None where there is no note of it."""
        return self.folder.origin(sha256)

    def hash_local(self, path: Path) -> str:
        """sha256 of a file in place, computed again only when its size, times or inode change."""
        return self._hashed_local(path).sha256

    def check_upstream(self, spec: FileSpec, lock: LockFile | None = None) -> Upstream:
        """Whether the file's source still holds what was downloaded; asks for headers, downloads nothing."""
        expected = completed(spec, lock)
        place = spec.path or locate(spec.url, self.mirror)
        if isinstance(place, Path):
            return self._check_file(expected, place.expanduser())
        here = self.origin(expected.sha256) if expected.sha256 else None
        if warehouse.is_of_warehouse(place):
            return "unknown"  # the warehouse tells neither a size nor a hash of what it would send
        there = head(place, self.patience)
        if there is None:
            return "unknown"
        size = here.bytes if here else expected.bytes
        if None not in (size, there.total) and size != there.total:
            return "changed"
        if here is None or here.source != there.url:
            return "unknown"
        for before, now in ((here.etag, there.etag), (here.last_modified, there.last_modified)):
            if before and now:
                return "same" if before.removeprefix("W/") == now.removeprefix("W/") else "changed"
        return "unknown"

    def others_than(self, named: Container[str]) -> Iterator[Path]:
        """What is in the folder and neither named by one of these hashes nor in use: `remove` removes it."""
        return self.folder.others_than(named)

    def remove(self, path: Path) -> bool:
        """Remove something that `others_than` named, unless a process is busy with it; whether it is gone."""
        return self.folder.remove(path)

    @property
    def folder(self) -> RawFolder:
        """Its layout on the disk."""
        return RawFolder(self.root)

    def _check_file(self, expected: FileSpec, place: Path) -> Upstream:
        if expected.sha256 is None or not place.is_file():
            return "unknown"
        return "same" if self.hash_local(place) == expected.sha256 else "changed"

    def _hashed_local(self, path: Path) -> VerifiedFile:
        return hash_local(path.expanduser(), self.root / "local", self.folder.quarantine)

    def _verified_local(self, spec: FileSpec) -> VerifiedFile:
        path = spec.path.expanduser().absolute()
        found = self._hashed_local(path)
        if not spec.matches(found.sha256, found.stamp.bytes):
            raise BadInput(
                f"{path} has changed: {found.stamp.bytes:,} bytes with sha256 {found.sha256} where {spec.expectation} "
                "are expected; restore it, or add it again with `neuropipe add`"
            )
        return found

    def _stored(self, expected: FileSpec) -> VerifiedFile | None:
        """The file, if the folder has it undamaged and with its note."""
        if expected.sha256 is None or self.origin(expected.sha256) is None:
            return None
        found = self.folder.verified(expected.sha256)
        return self._of_expected_size(expected, found) if found is not None else None

    def _mended(self, expected: FileSpec) -> VerifiedFile | None:
        """The file, if only its note was lost; a damaged one is put aside."""
        if expected.sha256 is None:
            return None
        found, aside = self.folder.mend(expected.sha256, expected.url, expected.name)
        if aside is not None:
            log.warning("%s was damaged on the disk and put aside as %s; it is fetched again", expected.name, aside)
        return self._of_expected_size(expected, found) if found is not None else None

    def _of_expected_size(self, expected: FileSpec, found: VerifiedFile) -> VerifiedFile:
        if not expected.matches(found.sha256, found.stamp.bytes):
            raise BadInput(
                f"the file {expected.name} whose sha256 is {found.sha256} has {found.stamp.bytes:,} bytes where "
                f"{expected.bytes:,} are expected; correct one of the two in the catalogue (or its lock)"
            )
        return found

    def _first(self, expected: FileSpec, progress: Progress | None, lock: LockFile | None) -> VerifiedFile:
        """Download a file that the folder does not have, and record its hash where the catalogue gives none."""
        found = self._download(expected, progress)
        if lock is not None and expected.sha256 is None:
            origin = self.origin(found.sha256)
            lock.record(expected.url, LockEntry(found.sha256, found.stamp.bytes, origin.etag if origin else None))
        return found

    def _download(self, expected: FileSpec, progress: Progress | None) -> VerifiedFile:
        """Fetch, verify and store a file. The caller holds the lock of its key."""
        part = PartFile(self.root / "partial" / f"{_key(expected)}.part", self.folder.quarantine)
        part.path.parent.mkdir(parents=True, exist_ok=True)
        resumed = part.size > 0
        source = self._fill(expected, part, progress)
        found = digest(part.path)
        if (resumed or source.pieces > 1) and not expected.matches(found, part.size):
            # Pieces may be damaged, or of two versions: fetched whole once before the server is blamed.
            part.clear()
            source = self._fill(expected, part, progress)
            found = digest(part.path)
        hint = _hint(part.path)
        if not expected.matches(found, part.size) or (hint and expected.sha256 is None):
            size = part.size
            aside = self.folder.put_aside(part.path, expected.name)
            part.clear()
            raise BadInput(
                f"{expected.name} from {source.url} is not what was expected: {size:,} bytes with sha256 {found}{hint} "
                f"instead of {expected.expectation}; it was put aside as {aside}. Run again; if it stays so, ask "
                "whether the publisher replaced the file, and correct bytes and sha256 in the catalogue (or its lock)"
            )
        if expected.sha256 is None:
            with self.folder.lock(found):
                stored = self._store(part, found, expected.url, source)
        else:
            stored = self._store(part, found, expected.url, source)
        return stored

    def _store(self, part: PartFile, sha256: str, url: str, source: Source) -> VerifiedFile:
        self.folder.take(part.path, sha256, url, source)
        part.clear()
        stored = self.folder.verified(sha256)
        if stored is None:
            raise BadInput(f"{self.folder.place(sha256)} changed right after it was stored; check the disk, run again")
        return stored

    def _fill(self, expected: FileSpec, part: PartFile, progress: Progress | None) -> Source:
        place = locate(expected.url, self.mirror)
        if isinstance(place, Path):
            return copy_from_mirror(expected.url, expected.bytes, place, part, progress)
        if warehouse.is_of_warehouse(place):
            part.clear()
            warehouse.make(place, part.path, self.root)
            return Source(place, total=part.size)
        return download(
            place,
            part,
            n_bytes=expected.bytes,
            verifiable=expected.sha256 is not None,
            patience=self.patience,
            progress=progress,
        )


def with_deadline(raw: RawFiles, deadline: float) -> RawFiles:
    """The same folder, asked by someone who waits no longer than `deadline` s for a server."""
    patience = raw.patience
    return replace(
        raw,
        patience=replace(
            patience,
            connect_timeout=min(patience.connect_timeout, deadline),
            read_timeout=min(patience.read_timeout, deadline),
        ),
    )


def _key(expected: FileSpec) -> str:
    """What a download is locked and kept by: the content's hash, or that of the URL while the content is unknown."""
    return expected.sha256 or f"url-{hashlib.sha256(expected.url.encode()).hexdigest()}"


def _hint(path: Path) -> str:
    """A word on the commonest wrong file: the page of a login or an error."""
    with path.open("rb") as file:
        start = file.read(200).lstrip().lower()
    return " (a web page, perhaps of a login or an error)" if start.startswith((b"<!doctype html", b"<html")) else ""
