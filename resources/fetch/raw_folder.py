"""The folder of raw files, named by their content.

<root>/<sha256[:2]>/<sha256>         a verified file, read-only
<root>/<sha256[:2]>/<sha256>.json    where it came from
<root>/partial/                      downloads in flight
<root>/quarantine/                   files that were not what they should be
<root>/local/                        hashes of files that stay where they are
"""

import hashlib
import json
import re
import time
from collections.abc import Container, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from resources.fetch.web import Source
from resources.files.safe_files import move_durably, write_durably

_ABANDONED = 24 * 3600.0  # s: what is younger may belong to a process that is fetching it


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

    def place(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256

    def origin(self, sha256: str) -> Origin | None:
        """Where a raw file came from; None where it isn't here."""
        try:
            return Origin(**json.loads(self._note(sha256).read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def holds(self, sha256: str) -> bool:
        """Whether the file is here and as large as when it was verified."""
        origin, path = self.origin(sha256), self.place(sha256)
        return origin is not None and path.exists() and path.stat().st_size == origin.bytes

    def take(self, path: Path, sha256: str, url: str, source: Source) -> Path:
        """Move a file, whose hash the caller has just computed, to its place; the note of its origin comes first."""
        target = self.place(sha256)
        target.parent.mkdir(exist_ok=True)
        size = path.stat().st_size
        origin = Origin(url, source.url, source.etag, source.last_modified, size, time.time())
        write_durably(self._note(sha256), json.dumps(asdict(origin), indent=1) + "\n")
        move_durably(path, target)
        target.chmod(0o444)
        return target

    def mend(self, sha256: str, url: str, name: str) -> bool:
        """Whether a file that lost its note or changed its size is still right; if not, it is put aside."""
        path = self.place(sha256)
        if not path.exists():
            return False
        found = digest(path)
        if found == sha256:
            self.take(path, sha256, url, Source(url))
            return True
        self.put_aside(path, found, name)
        return False

    def put_aside(self, path: Path, found: str, name: str) -> Path:
        """Into quarantine, under what it turned out to be and what it was meant to be."""
        place = self.root / "quarantine" / f"{found[:16]}-{re.sub(r'[^A-Za-z0-9._-]', '_', name)[-100:]}"
        place.parent.mkdir(exist_ok=True)
        path.replace(place)
        return place

    def others_than(self, named: Container[str]) -> Iterator[Path]:
        """Files and notes whose hash is not among `named`, what was put aside, downloads that nobody goes on with."""
        yesterday = time.time() - _ABANDONED
        for path in sorted(self.root.glob("[0-9a-f][0-9a-f]/*")):
            if not path.name.startswith(".") and path.stem not in named and path.stat().st_mtime < yesterday:
                yield path
        yield from sorted((self.root / "quarantine").glob("*"))
        yield from (path for path in sorted((self.root / "partial").glob("*")) if path.stat().st_mtime < yesterday)

    def _note(self, sha256: str) -> Path:
        return self.place(sha256).with_suffix(".json")


def digest(path: Path) -> str:
    """sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
