"""What the catalogue and its lock file say of one file."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from neuropipe.errors import BadInput
from resources.fetch.lockfile import LockFile
from resources.fetch.mirror import check_url


@dataclass(frozen=True, kw_only=True)
class FileSpec:
    """One file of a session: downloaded from `url`, or used where it lies at `path`.

    bytes, sha256 : expected size and hash; None where they are not known yet
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
    def expectation(self) -> str:
        """What the file must be, in words."""
        if self.bytes is None and self.sha256 is None:
            return "a data file"
        size = "any number of bytes" if self.bytes is None else f"{self.bytes:,} bytes"
        return f"{size} with sha256 {self.sha256 or '(any)'}"

    def matches(self, sha256: str, size: int) -> bool:
        return self.sha256 in (None, sha256) and self.bytes in (None, size)


def completed(spec: FileSpec, lock: LockFile | None) -> FileSpec:
    """The spec with the hash and size that the lock file recorded, where the catalogue itself gives no hash."""
    entry = lock.get(spec.url) if lock is not None and spec.url is not None and spec.sha256 is None else None
    if entry is None:
        return spec
    return replace(spec, sha256=entry.sha256, bytes=entry.bytes if spec.bytes is None else spec.bytes)
