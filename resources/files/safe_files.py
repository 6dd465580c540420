"""Files that survive crashes: written, moved and removed in one step, and storage errors told in one sentence."""

import contextlib
import errno
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

from neuropipe.errors import BadInput
from resources.files.locks import process_lock

__all__ = [
    "clear_leftovers",
    "empty_trash",
    "is_full",
    "move_durably",
    "process_lock",
    "remove_durably",
    "set_aside",
    "size_of",
    "storage_trouble_in_words",
    "sync",
    "write_durably",
]

_FULL = {errno.ENOSPC, errno.EDQUOT}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}
_LONGEST_NAME = 200  # characters of a name that a suffix is added to; file systems allow 255


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


def clear_leftovers(path: Path) -> None:
    """Remove what `write_durably` left beside `path` when it was killed. Only for whoever holds the lock of `path`."""
    own = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{32}}")
    for found in path.parent.glob(".*"):
        if own.fullmatch(found.name):
            found.unlink(missing_ok=True)


def move_durably(source: Path, target: Path) -> None:
    """Rename a finished file into place; its bytes are on the disk before its name is."""
    sync(source)
    source.replace(target)
    sync(target.parent)


def remove_durably(path: Path, trash: Path) -> bool:
    """Remove a file or folder; whether it was there. A kill at any instant leaves all of it in place or nothing.

    trash : folder on the same file system that `path` is renamed into before anything of it is deleted. What a kill
        leaves there is deleted by `empty_trash`.
    """
    doomed = _rename_into(trash, path)
    if doomed is not None:
        _delete(doomed)
    return doomed is not None


def empty_trash(trash: Path) -> None:
    """Delete what killed removals left in `trash`."""
    for path in sorted(trash.glob("*")):
        _delete(path)


def set_aside(path: Path, quarantine: Path) -> Path | None:
    """Move a damaged file or folder to `quarantine`, on the same file system; its new place, or None if it is gone."""
    return _rename_into(quarantine, path)


def sync(path: Path) -> None:
    """Have a file's bytes, or a folder's names, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; what vanishes meanwhile counts nothing."""
    with contextlib.suppress(OSError):
        if path.is_symlink() or not path.is_dir():
            return path.lstat().st_size
        return sum(size_of(inner) for inner in path.iterdir())
    return 0


def is_full(error: OSError) -> bool:
    """Whether the disk, or the user's share of it, is full."""
    # numpy's tofile says it in words alone: "29003 requested and 2552 written".
    return error.errno in _FULL or (error.errno is None and " requested and " in str(error))


@contextlib.contextmanager
def storage_trouble_in_words(folder: Path, what: str, needed: int | None = None) -> Iterator[None]:
    """Turn an OSError of the body (full disk, read-only folder, ...) into one sentence about storing `what`."""
    try:
        yield
    except OSError as error:
        place = error.filename or folder
        if is_full(error):
            size = "an unknown number of" if needed is None else f"{needed:,}"
            text = (
                f"the disk of {folder} is full: {what} needs {size} bytes and {shutil.disk_usage(folder).free:,} are "
                "free; make room and run again, what is finished is kept"
            )
        elif error.errno in _READ_ONLY:
            text = (
                f"{folder} can't be written ({error.strerror}), so {what} can't be stored; "
                "make the data folder writable or choose another one"
            )
        else:
            text = f"{what} did not get into {folder}: {error.strerror or error} ({place})"
        raise BadInput(text) from error


def _rename_into(folder: Path, path: Path) -> Path | None:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{path.name[:_LONGEST_NAME]}.{uuid.uuid4().hex}"
    try:
        path.rename(target)
    except FileNotFoundError:
        return None
    sync(path.parent)
    return target


def _delete(path: Path) -> None:
    """Delete a file or folder that others may be deleting, too."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, onerror=_delete_protected)
    else:
        path.unlink(missing_ok=True)


def _delete_protected(remove, name: str, failure) -> None:
    """Called by rmtree: files of write-protected folders are deleted, too; what is gone already is no error."""
    if isinstance(failure[1], FileNotFoundError):
        return
    path = Path(name)
    for folder in (path.parent, path):
        if folder.is_dir() and not folder.is_symlink():
            folder.chmod(folder.stat().st_mode | stat.S_IRWXU)
    if remove in (os.scandir, os.open, os.listdir):
        shutil.rmtree(path)
    else:
        remove(name)
