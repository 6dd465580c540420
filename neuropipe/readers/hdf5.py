"""Members of HDF5 files, with sentences for those that are missing, and text as text."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import listed


@contextlib.contextmanager
def opened(path: Path, name: str, kind: str) -> Iterator[Any]:
    """An HDF5 file open for reading. BadInput where it, or what is read of it, is no sound HDF5.

    name, kind : what errors call the file, and what it is meant to be, as in "an NWB 2 (HDF5) file"
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            yield file
    except OSError as error:
        raise BadInput(f"{name} can't be read as {kind}: {error}") from error


def member(group: Any, key: str, name: str) -> Any:
    """A member of a group; BadInput that says what there is instead. name : of the file"""
    if key not in group:
        raise BadInput(f"{name} has no {group.name.rstrip('/')}/{key}; there is {listed(group)}")
    return group[key]


def is_text(column: Any) -> bool:
    """Whether a dataset holds text."""
    import h5py

    return h5py.check_string_dtype(column.dtype) is not None


def values_of(column: Any) -> np.ndarray:
    """A dataset in memory; text as str."""
    return column.asstr()[:].astype(str) if is_text(column) else column[:]
