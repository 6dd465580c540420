"""Reads members of untrusted zip archives, and untrusted .npy arrays: nothing is unpacked to disk or unpickled."""

import contextlib
import difflib
import math
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from neuropipe.errors import BadInput

MAX_MEMBER_BYTES = 16 << 30
# Deflate reaches at most 1032:1, with endless repetition; mostly empty float64 spike counts are near 70:1.
MAX_RATIO = 1000.0
_RATIO_COUNTS_FROM = 64 << 20
_CHUNK = 1 << 20
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError)
_DAMAGE_ON_OPENING = (*_DAMAGE, OSError, ValueError, struct.error, NotImplementedError, OverflowError)


@contextlib.contextmanager
def open_member(
    archive: Path, member: str, *, max_bytes: int = MAX_MEMBER_BYTES, max_ratio: float = MAX_RATIO
) -> Iterator[BinaryIO]:
    """A file object that streams one member of a zip archive, decompressed.

    BadInput for a damaged archive, one with names that climb out of their folder, a member that is missing, a link,
    encrypted, larger than `max_bytes`, or (from 64 MiB) packed tighter than `max_ratio` : 1.
    """
    with _streamed(archive, member, max_bytes, max_ratio) as (file, _):
        yield file


def read_member(
    archive: Path, member: str, *, max_bytes: int = MAX_MEMBER_BYTES, max_ratio: float = MAX_RATIO
) -> bytes:
    """All bytes of one member; refusals as in open_member."""
    with open_member(archive, member, max_bytes=max_bytes, max_ratio=max_ratio) as file:
        return file.read()


def member_names(archive: Path) -> list[str]:
    """Names of the files in a zip archive, in their order; refusals of the archive as in open_member."""
    with _opened(archive) as handle:
        return [name for name in handle.namelist() if not name.endswith("/")]


def require_members(archive: Path, names: Iterable[str]) -> None:
    """Refuse an archive without one of `names`; the error names the most similar members."""
    with _opened(archive) as handle:
        for name in names:
            _find(handle, archive, name)


def load_npy_member(
    archive: Path, member: str, *, max_bytes: int = MAX_MEMBER_BYTES, max_ratio: float = MAX_RATIO
) -> np.ndarray:
    """The array of an .npy member, decompressed straight into it; refusals as in open_member and load_npy."""
    with _streamed(archive, member, max_bytes, max_ratio) as (file, size):
        return _read_npy(file, size, f"{member} of {archive}")


def load_npy(source: Path | BinaryIO, *, name: str | None = None) -> np.ndarray:
    """The array of an .npy file or seekable file object; pickled (object) arrays are refused.

    name : what errors call it
    """
    if not isinstance(source, str | Path):
        here = source.tell()
        size = source.seek(0, 2) - here
        source.seek(here)
        return _read_npy(source, size, name or "the .npy data")
    try:
        with Path(source).open("rb") as file:
            return load_npy(file, name=name or str(source))
    except OSError as error:
        raise BadInput(f"{source} can't be read: {error.strerror}") from error


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    try:
        handle = zipfile.ZipFile(archive)
    except _DAMAGE_ON_OPENING as error:
        raise _damaged(archive, error) from error
    with handle:
        for info in handle.infolist():
            if _climbs(info.orig_filename):
                raise BadInput(
                    f"{archive} holds {info.orig_filename!r}, a name that leaves its folder: no data set is packed "
                    "like that, so nothing is read from it; ask its publisher"
                )
        yield handle


@contextlib.contextmanager
def _streamed(archive: Path, member: str, max_bytes: int, max_ratio: float) -> Iterator[tuple[Any, int]]:
    """The member's file object and its size in bytes."""
    with _opened(archive) as handle:
        info = _find(handle, archive, member)
        _check_size(info, archive, max_bytes, max_ratio)
        try:
            file = handle.open(info)
        except _DAMAGE_ON_OPENING as error:
            raise _damaged(archive, error) from error
        with file:
            try:
                yield file, info.file_size
            except _DAMAGE as error:
                raise _damaged(archive, error) from error


def _damaged(archive: Path, error: Exception) -> BadInput:
    return BadInput(f"{archive} can't be read as a zip archive, it is cut short or damaged ({error}); fetch it again")


def _climbs(name: str) -> bool:
    parts = re.split(r"[/\\]", name)
    return parts[0] == "" or ".." in parts or "\0" in name or re.match("[A-Za-z]:", name) is not None


def _find(handle: zipfile.ZipFile, archive: Path, member: str) -> zipfile.ZipInfo:
    names = [name for name in handle.namelist() if not name.endswith("/")]
    if member not in names:
        by_ending = {name.rpartition("/")[2]: name for name in names}
        near = difflib.get_close_matches(member.rpartition("/")[2], by_ending, n=3)
        held = ", ".join([by_ending[ending] for ending in near] or names[:5]) or "nothing"
        raise BadInput(f"{archive} has no member {member!r}; it holds {held}")
    if names.count(member) > 1:
        raise BadInput(
            f"{archive} holds {names.count(member)} members called {member!r}: which one is meant is unclear"
        )
    info = handle.getinfo(member)
    if stat.S_ISLNK(info.external_attr >> 16):
        raise BadInput(f"{member} of {archive} is a link, not a file; links in archives are not followed")
    if info.flag_bits & 1:
        raise BadInput(f"{member} of {archive} is encrypted; unpack it, and give the file itself in the catalogue")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadInput(f"{member} of {archive} is packed by method {info.compress_type}; repack it with deflate")
    return info


def _check_size(info: zipfile.ZipInfo, archive: Path, max_bytes: int, max_ratio: float) -> None:
    ratio = info.file_size / max(info.compress_size, 1)
    if info.file_size > max_bytes or (info.file_size >= _RATIO_COUNTS_FROM and ratio > max_ratio):
        raise BadInput(
            f"{info.filename} of {archive} would unpack to {info.file_size:,} bytes from {info.compress_size:,} "
            f"({ratio:.0f}:1); at most {max_bytes:,} bytes and {max_ratio:.0f}:1 are read: if it is meant, raise "
            "max_bytes or max_ratio"
        )


def _read_npy(file: BinaryIO, size: int, name: str) -> np.ndarray:
    """size : bytes from here to the end of `file`."""
    start = file.tell()
    shape, fortran_order, dtype = read_npy_header(file, name)
    if dtype.hasobject:
        raise BadInput(
            f"{name} holds pickled Python objects ({dtype}): pickled arrays are refused, because unpickling runs code; "
            "save it again as plain numbers"
        )
    n_values, held = math.prod(shape), size - (file.tell() - start)
    if min(shape, default=0) < 0 or n_values * dtype.itemsize != held:
        raise BadInput(
            f"{name} declares {shape} values of {dtype}, which are {n_values * dtype.itemsize:,} bytes, but holds "
            f"{held:,}; it is cut short or damaged, fetch it again"
        )
    try:
        array = np.empty(n_values, dtype)
    except MemoryError as error:
        raise BadInput(f"{name} needs {held:,} bytes of memory, more than there is") from error
    if held:
        _fill(array.view(np.uint8).data, file, name)
    return array.reshape(shape[::-1]).T if fortran_order else array.reshape(shape)


def read_npy_header(file: BinaryIO, name: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """(shape, whether the order is Fortran's, dtype) of an .npy file that is read from its first byte on."""
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        version = np.lib.format.read_magic(file)
        if version not in readers:
            raise BadInput(
                f"{name} is in version {version} of the .npy format; save it again without unicode field names"
            )
        return readers[version](file)
    except (BadInput, *_DAMAGE):
        raise
    # The header is an untrusted Python literal: numpy's parser raises as many kinds of errors as Python's.
    except Exception as error:
        raise BadInput(f"{name} is no .npy file, or its header is damaged ({error}); fetch it again") from error


def _fill(buffer: memoryview, file: Any, name: str) -> None:
    filled = 0
    while filled < len(buffer):
        count = file.readinto(buffer[filled : filled + _CHUNK])
        if not count:
            raise BadInput(f"{name} ends after {filled:,} of {len(buffer):,} bytes; fetch it again")
        filled += count


def npz_members(path: Path) -> list[str]:
    """Names of the files in an .npz, one per array."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise BadInput(f"{path.name} is no whole .npz file ({error}); save it again with numpy.savez") from error


def npz_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an .npz by name; pickles are refused."""
    return {name.removesuffix(".npy"): load_npy_member(path, name) for name in npz_members(path)}
