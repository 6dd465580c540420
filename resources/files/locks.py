"""Locks between processes and threads. The kernel frees a lock when its holder ends, also by `kill -9`.

A lock is a file that stays in place. Removed while others wait, it would split them: some would hold the old file,
others a new one of the same name. Only `remove_free_lock` removes lock files, and only while it holds them.
"""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger(__name__)


@contextlib.contextmanager
def process_lock(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, made where it does not exist, and wait for whoever holds it now.

    A thread that asks for a lock that it already holds gets a RuntimeError.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        log.info("waiting for another process%s that holds %s", _pid_in_words(path), path)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def free_lock(path: Path) -> Iterator[bool]:
    """Hold the lock file `path` if nobody else does; yields whether it is held now. Does not wait."""
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def is_held(path: Path) -> bool:
    """Whether a living process, this one included, holds the lock file."""
    if not path.exists():
        return False
    with free_lock(path) as free:
        return not free


def remove_free_lock(path: Path) -> bool:
    """Remove a lock file unless somebody holds it; whether it is gone.

    It is unlinked while it is held: a process that opened it before notices that its file has no name, and tries again.
    """
    if not path.exists():
        return True
    with free_lock(path) as free:
        if free:
            path.unlink(missing_ok=True)
        return free


def _pid_in_words(path: Path) -> str:
    """` (process 123)` where the system tells who holds a lock, else nothing."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        inode = path.stat().st_ino
        for line in Path("/proc/locks").read_text().splitlines():
            # 1: FLOCK  ADVISORY  WRITE 4711 fd:01:262159 0 EOF; a line of someone who waits has `->` after the number.
            fields = line.split()
            if fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == str(inode) and fields[4].isdecimal():
                return f" (process {fields[4]})" if int(fields[4]) not in (0, os.getpid()) else ""
    return ""
