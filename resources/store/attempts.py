"""Attempts at one fingerprint: <first>, <first>.2, <first>.3, ...; <first>.newest tells that there is more than one."""

import os
import shutil
from pathlib import Path

from resources.files.safe_files import write_durably
from resources.store.manifest import read_bytes
from resources.store.pointers import DIRECTORY

NEWEST = ".newest"


def newest(first: str) -> Path | None:
    """Where the newest attempt is. first : path of the first attempt, whether it is there or not."""
    for attempt in range(_announced(first), 0, -1):
        path = _path(first, attempt)
        if os.path.lexists(path):
            return Path(path)
    return None


def announce_next(first: str) -> Path:
    """Where the next attempt goes. It is announced before it is there: nobody may take an older one for the newest."""
    attempt, marker = _highest(first) + 1, Path(first + NEWEST)
    if marker.is_dir() and not marker.is_symlink():
        shutil.rmtree(marker)
    write_durably(marker, str(attempt))
    return Path(_path(first, attempt))


def existing(first: str) -> list[Path]:
    """All attempts that are there."""
    folder, short = os.path.split(first)
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [Path(folder, name) for name in names if DIRECTORY.fullmatch(name) and name.startswith(short)]


def _path(first: str, attempt: int) -> str:
    return first if attempt == 1 else f"{first}.{attempt}"


def _announced(first: str) -> int:
    if not os.path.exists(first + NEWEST):
        return 1
    raw = read_bytes(first + NEWEST)
    if raw is not None and raw.isdigit() and len(raw) < 6:
        return max(1, int(raw))
    return _highest(first)


def _highest(first: str) -> int:
    return max((int(path.name.partition(".")[2] or 1) for path in existing(first)), default=1)
