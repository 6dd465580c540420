"""Raw files: fetched once, verified before they get a name, kept by content; a user's own files stay where they are."""

import hashlib
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from neuropipe.errors import BadInput
from resources.fetch.local_hashes import hash_local
from resources.fetch.lockfile import LockEntry, LockFile
from resources.fetch.mirror import check_url, locate
from resources.fetch.raw_folder import Origin, RawFolder, digest
from resources.fetch.transfer import PartFile, Progress, download
from resources.fetch.web import Patience, Source, head
from resources.files.disk import need_disk
from resources.files.safe_files import process_lock, storage_trouble_in_words

Upstream = Literal["same", "changed", "unknown"]
_COPY_CHUNK = 4 << 20


@dataclass(frozen=True, kw_only=True)
class FileSpec:
    """One file of a session: fetched from `url`, or used where it lies at `path`.

    bytes, sha256 : what it must be; None where it is not known yet
    """

    name: str
    url: str | None = None
    path: Path | None = None
    bytes: int | None = None
    sha256: str | None = None

    def __post_init__(self) -> None:
        if (self.url is None) == (self.path is None):
            raise BadInput(f"file {self.name}: give either url or path")
        if self.url is not None:
            check_url(self.url)
        if self.bytes is not None and self.bytes < 0:
            raise BadInput(f"file {self.name}: bytes is {self.bytes}; give the file's size or leave it out")
        if self.sha256 is not None and not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise BadInput(f"file {self.name}: sha256 is {self.sha256!r}; give 64 digits 0-9a-f, or null")

    @property
    def promise(self) -> str:
        """What it must be, in words."""
        if self.bytes is None and self.sha256 is None:
            return "a data file"
        size = "any number of bytes" if self.bytes is None else f"{self.bytes:,} bytes"
        return f"{size} with sha256 {self.sha256 or '(any)'}"

    def matches(self, sha256: str, size: int) -> bool:
        return self.sha256 in (None, sha256) and self.bytes in (None, size)


@dataclass(frozen=True)
class RawFiles:
    """The folder of raw files. mirror : folder or http(s) base that stands in for the internet, or None."""

    root: Path
    mirror: str | None = None
    patience: Patience = field(default_factory=Patience)

    def fetch(self, spec: FileSpec, progress: Progress | None = None, lock: LockFile | None = None) -> Path:
        """The verified file on disk; unless it is a local file, `path.name` is its sha256.

        progress : called with (bytes done, total or None) while bytes arrive
        lock : supplies the hash of a file whose own is not published, and records it at the first download
        """
        if spec.path is not None:
            return self._local(spec)
        expected = completed(spec, lock)
        if not self._holds(expected):
            partial = self.root / "partial"
            key = spec.sha256 or f"url-{hashlib.sha256(spec.url.encode()).hexdigest()}"
            with storage_trouble_in_words(self.root, spec.name, expected.bytes):
                partial.mkdir(parents=True, exist_ok=True)
                with process_lock(partial / f"{key}.busy"):
                    expected = completed(spec, lock)
                    if not self._holds(expected) and not self._mended(expected):
                        found = self._get(expected, PartFile(partial / f"{key}.part"), progress)
                        if lock is not None and spec.sha256 is None:
                            origin = self.origin(found)
                            lock.record(spec.url, LockEntry(found, origin.bytes, origin.etag))
                        expected = replace(expected, sha256=found)
        return self._folder.place(expected.sha256)

    def origin(self, sha256: str) -> Origin | None:
        """Where a raw file came from; None where it isn't here."""
        return self._folder.origin(sha256)

    def hash_local(self, path: Path) -> str:
        """sha256 of a file in place, computed again only when its size, modification time or inode change."""
        return hash_local(path.expanduser(), self.root / "local")

    def check_upstream(self, spec: FileSpec, lock: LockFile | None = None) -> Upstream:
        """Whether the file's source still holds what was fetched; asks for headers, fetches nothing."""
        expected = completed(spec, lock)
        place = spec.path or locate(spec.url, self.mirror)
        if isinstance(place, Path):
            return self._check_file(expected, place.expanduser())
        here = self.origin(expected.sha256) if expected.sha256 else None
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
        """Fetched files whose hash is not among `named`: nobody's, or no longer."""
        return self._folder.others_than(named)

    @property
    def _folder(self) -> RawFolder:
        return RawFolder(self.root)

    def _check_file(self, expected: FileSpec, place: Path) -> Upstream:
        if expected.sha256 is None or not place.is_file():
            return "unknown"
        return "same" if self.hash_local(place) == expected.sha256 else "changed"

    def _local(self, spec: FileSpec) -> Path:
        path = spec.path.expanduser().absolute()
        found, size = self.hash_local(path), path.stat().st_size
        if not spec.matches(found, size):
            raise BadInput(
                f"{path} has changed: {size:,} bytes with sha256 {found} where {spec.promise} are expected; "
                "restore it, or add it again with `neuropipe add`"
            )
        return path

    def _holds(self, expected: FileSpec) -> bool:
        if expected.sha256 is None or not self._folder.holds(expected.sha256):
            return False
        size = self.origin(expected.sha256).bytes
        if not expected.matches(expected.sha256, size):
            raise BadInput(
                f"the file {expected.name} whose sha256 is {expected.sha256} has {size:,} bytes where "
                f"{expected.bytes:,} are expected; correct one of the two in the catalogue"
            )
        return True

    def _mended(self, expected: FileSpec) -> bool:
        if expected.sha256 is None or not self._folder.mend(expected.sha256, expected.url, expected.name):
            return False
        return self._holds(expected)

    def _get(self, expected: FileSpec, part: PartFile, progress: Progress | None) -> str:
        """Fetch, verify, give it its place; its sha256."""
        source = self._fill(expected, part, progress)
        found = digest(part.path)
        if source.pieces > 1 and not expected.matches(found, part.size):
            # Pieces of several responses may not fit together: fetched whole once before the server is blamed.
            part.clear()
            source = self._fill(expected, part, progress)
            found = digest(part.path)
        hint = _hint(part.path)
        if not expected.matches(found, part.size) or (hint and expected.sha256 is None):
            size = part.size
            aside = self._folder.put_aside(part.path, found, expected.name)
            part.clear()
            raise BadInput(
                f"{expected.name} from {source.url} is not what was expected: {size:,} bytes with sha256 {found}{hint} "
                f"instead of {expected.promise}; it was put aside as {aside}. Run again; if it stays so, ask whether "
                "the publisher replaced the file, and correct bytes and sha256 in the catalogue (or its lock)"
            )
        self._folder.take(part.path, found, expected.url, source)
        part.clear()
        return found

    def _fill(self, expected: FileSpec, part: PartFile, progress: Progress | None) -> Source:
        place = locate(expected.url, self.mirror)
        if isinstance(place, Path):
            return _copy(expected, place, part, progress)
        return download(
            place,
            part,
            n_bytes=expected.bytes,
            verifiable=expected.sha256 is not None,
            patience=self.patience,
            progress=progress,
        )


def completed(spec: FileSpec, lock: LockFile | None) -> FileSpec:
    """The spec with what the lock file recorded of it, where the catalogue itself has no hash."""
    entry = lock.get(spec.url) if lock is not None and spec.url is not None and spec.sha256 is None else None
    if entry is None:
        return spec
    return replace(spec, sha256=entry.sha256, bytes=entry.bytes if spec.bytes is None else spec.bytes)


def _copy(expected: FileSpec, place: Path, part: PartFile, progress: Progress | None) -> Source:
    """Copied, not linked: the mirror may change under a link, the raw folder must not."""
    part.clear()
    try:
        original = place.open("rb")
    except OSError as error:
        raise BadInput(
            f"the mirror has no file {place} to read for {expected.url} ({error.strerror}); put it there, or unset "
            "NEUROPIPE_MIRROR to fetch it from the internet"
        ) from error
    with original, part.path.open("wb") as copy:
        total = place.stat().st_size
        if expected.bytes not in (None, total):
            raise BadInput(f"{place} in the mirror has {total:,} bytes, not {expected.bytes:,}; copy it there again")
        need_disk(part.path.parent, total, expected.name)
        while chunk := original.read(_COPY_CHUNK):
            copy.write(chunk)
            if progress is not None:
                progress(copy.tell(), total)
    return Source(str(place), total=total)


def _hint(path: Path) -> str:
    """A word on the commonest wrong file: the page of a login or an error."""
    with path.open("rb") as file:
        start = file.read(200).lstrip().lower()
    return " (a web page, perhaps of a login or an error)" if start.startswith((b"<!doctype html", b"<html")) else ""
