"""Files that outlive a crash and a second process: durable writes, process locks, storage trouble told in words."""

import contextlib
import errno
import fcntl
import logging
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from neuropipe.errors import BadInput

log = logging.getLogger(__name__)
_FULL = {errno.ENOSPC, errno.EDQUOT}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


def write_durably(path: Path, text: str) -> None:
    """Replace `path` by `text` in one step: readers see the old text or the new, even after a power cut."""
    staged = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with staged.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    sync(path.parent)


def move_durably(source: Path, target: Path) -> None:
    """Rename a finished file into place; its bytes are on the disk before its name is."""
    sync(source)
    source.replace(target)
    sync(target.parent)


def sync(path: Path) -> None:
    """Have a file's bytes, or a folder's names, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def process_lock(path: Path) -> Iterator[None]:
    """Hold `path` against other processes and threads. The kernel frees it when its holder dies, however it dies."""
    descriptor = _acquire(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _acquire(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _wait(descriptor, path)
            if _names(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _wait(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log.info("waiting for another process that holds %s", path)
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _names(path: Path, descriptor: int) -> bool:
    # The holder before us unlinked the name; whoever made it anew holds another file, and the lock that counts.
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def is_full(error: OSError) -> bool:
    """Whether the disk, or the user's share of it, is full."""
    return error.errno in _FULL


@contextlib.contextmanager
def storage_trouble_in_words(folder: Path, what: str, needed: int | None = None) -> Iterator[None]:
    """Turn a full disk, a read-only folder and other OSErrors of the body into one sentence about `what`."""
    try:
        yield
    except OSError as error:
        place = error.filename or folder
        if is_full(error):
            size = "an unknown number of" if needed is None else f"{needed:,}"
            text = (
                f"the disk of {folder} is full: {what} needs {size} bytes and {shutil.disk_usage(folder).free:,} are "
                "free; make room and run again, it goes on from where it stopped"
            )
        elif error.errno in _READ_ONLY:
            text = (
                f"{folder} can't be written ({error.strerror}), so {what} can't be stored; "
                "make the data folder writable or choose another one"
            )
        else:
            text = f"{what} did not get into {folder}: {error.strerror or error} ({place})"
        raise BadInput(text) from error
