"""Files whose content was hashed, and how to tell without reading them that they still hold it."""

import hashlib
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from neuropipe.errors import BadInput

# s: a file changed this recently may change again within one tick of the disk's clock, and keep its stamp.
SETTLING_TIME = 2.0


@dataclass(frozen=True)
class Stamp:
    """What the file system says of a file; any change of its content changes the stamp.

    mtime_ns, ctime_ns : ns since 1970, of the last change of the content and of the last change of anything. Programs
        can set the first one back, not the second.
    """

    bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> "Stamp":
        """The stamp of an existing file."""
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)

    @property
    def settled(self) -> bool:
        """Whether the file has rested so long that a further change is sure to give another stamp."""
        return time.time() - self.ctime_ns / 1e9 > SETTLING_TIME

    def to_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True)
class VerifiedFile:
    """A file and the hash of its content. settled : whether the stamp alone proves that nothing changed since."""

    path: Path
    sha256: str
    stamp: Stamp
    settled: bool

    def unchanged(self) -> bool:
        """Whether the file still holds what was hashed. Reads it only if it was written moments before that."""
        try:
            return Stamp.of(self.path) == self.stamp and (self.settled or digest(self.path) == self.sha256)
        except OSError:
            return False


def changed_files(files: Iterable[VerifiedFile]) -> list[Path]:
    """Those of `files` that no longer hold what was hashed."""
    return [file.path for file in files if not file.unchanged()]


def verify(path: Path) -> VerifiedFile:
    """Hash a file. OSError where it can't be read, BadInput where it changes meanwhile."""
    before = Stamp.of(path)
    settled = before.settled
    found = digest(path)
    if Stamp.of(path) != before:
        raise BadInput(f"{path} changed while it was being read; wait until it is written, then run again")
    return VerifiedFile(path, found, before, settled)


def digest(path: Path) -> str:
    """sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def noted(path: Path, sha256: str, stamp: Any) -> VerifiedFile | None:
    """A file whose hash was noted with a stamp, unless its stamp is another one now."""
    now = Stamp.of(path)
    return VerifiedFile(path, sha256, now, True) if stamp == now.to_json() else None
