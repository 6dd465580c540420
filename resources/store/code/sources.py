"""Read our source files, and notice which have changed since."""

import hashlib
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

CLOCK_TICK = 20_000_000  # ns; a file may change within a tick of the file system's clock and show the same times


class Stamp(NamedTuple):
    """What tells, without reading a file, that it is another one; ctime cannot be set by a user."""

    mtime_ns: int
    ctime_ns: int
    size: int
    inode: int


def stamp(status: os.stat_result) -> Stamp:
    return Stamp(status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)


@dataclass(frozen=True)
class Source:
    """One file as it was read: a module, or a file beside modules that they may read, such as a template.

    module : dotted name, of a data file that of its folder; settled : whether a later change must show in its stamp
    """

    path: Path
    module: str
    is_package: bool
    content: bytes
    digest: bytes
    stamp: Stamp
    settled: bool

    @property
    def is_module(self) -> bool:
        return self.path.suffix == ".py"


def read_all(root: Path, packages: Iterable[str], known: Mapping[Path, Source]) -> dict[Path, Source]:
    """All files of the packages below `root`; of those in `known` only what may have changed is read again."""
    found: dict[Path, Source] = {}
    for package in sorted(packages):
        folder = root / package
        if folder.is_dir():
            _read_folder(folder, package, known, found)
    return found


def read_module(root: Path, module: str) -> Source | None:
    """One module below `root`, None where there is none."""
    base = root.joinpath(*module.split("."))
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return _read(path, module, stamp(path.stat()), None)
    return None


def _read_folder(folder: Path, module: str, known: Mapping[Path, Source], found: dict[Path, Source]) -> None:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            name, dot, suffix = entry.name.partition(".")
            if not dot and entry.is_dir():
                if name.isidentifier() and name != "__pycache__":
                    _read_folder(folder / name, f"{module}.{name}", known, found)
            elif dot and suffix not in ("pyc", "pyo", "typed") and entry.is_file():
                path = folder / entry.name
                if suffix != "py":
                    found[path] = _read(path, module, stamp(entry.stat()), known.get(path))
                    continue
                dotted = module if name == "__init__" else f"{module}.{name}"
                found[path] = _read(path, dotted, stamp(entry.stat()), known.get(path))


def _read(path: Path, module: str, now: Stamp, known: Source | None) -> Source:
    if known is not None and known.stamp == now and known.settled:
        return known
    settled = time.time_ns() - max(now.ctime_ns, now.mtime_ns) > CLOCK_TICK
    content = path.read_bytes()
    digest = hashlib.sha256(content).digest()
    if known is not None and known.digest == digest:
        content = known.content
    return Source(path, module, path.name == "__init__.py", content, digest, now, settled)


def digest_of(sources: Iterable[Source], *more: str) -> str:
    """64 hex digits over the names and contents of all files, and over `more`."""
    digest = hashlib.sha256("\0".join(more).encode())
    for source in sources:
        digest.update(f"\0{source.module}\0{source.path.name}\0".encode() + source.digest)
    return digest.hexdigest()
