"""Members of HDF5 files, with sentences for those that are missing, and text as text."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import listed

UNSUSPICIOUS = 64 << 20  # bytes that an array may claim, whatever the file holds of it
MOST_PACKED = 1100  # bytes that one packed byte can stand for (zlib: 1032)


@contextlib.contextmanager
def opened(path: Path, name: str, kind: str) -> Iterator[Any]:
    """An HDF5 file open for reading. BadInput where it, or what is read of it, is no sound HDF5.

    name, kind : what errors call the file, and what it is meant to be, as in "an NWB 2 (HDF5) file"
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            yield file
    except BadInput:
        raise
    except Exception as error:  # h5py raises many kinds of errors for damaged files
        if not isinstance(error, OSError) and not _raised_by_h5py(error):
            raise
        raise BadInput(
            f"{name} can't be read as {kind}: {str(error)[:200] or 'it is damaged'}; copy it again"
        ) from error


def _raised_by_h5py(error: Exception) -> bool:
    """Whether an error comes out of h5py rather than out of the code that uses it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and "h5py" in trace.tb_frame.f_code.co_filename


def member(group: Any, key: str, name: str) -> Any:
    """A member of a group; BadInput that says what there is instead. name : of the file"""
    if not hasattr(group, "keys"):
        raise BadInput(f"{name} holds no group where {key} is looked for; copy it again")
    if key not in group:
        raise BadInput(f"{name} has no {group.name.rstrip('/')}/{key}; there is {listed(group)}")
    found = group[key]
    if not hasattr(found, "keys"):
        _check_dataset(found, f"{name}: {key}")
    return found


def _check_dataset(found: Any, where: str) -> None:
    """Refuse what is neither group nor array, and an array that claims far more values than the file can hold."""
    if not hasattr(found, "shape"):
        raise BadInput(f"{where} is no array; copy the file again")
    claimed, stored = found.size * found.dtype.itemsize if found.size else 0, found.id.get_storage_size()
    if claimed > UNSUSPICIOUS and claimed > MOST_PACKED * stored:
        raise BadInput(f"{where} claims {claimed:,} bytes, and the file holds {stored:,} of it; copy it again")


def is_text(column: Any) -> bool:
    """Whether a dataset holds text."""
    import h5py

    return h5py.check_string_dtype(column.dtype) is not None


def values_of(column: Any) -> np.ndarray:
    """A dataset in memory; text as str."""
    _check_dataset(column, column.name)
    return column.asstr()[:].astype(str) if is_text(column) else column[:]
