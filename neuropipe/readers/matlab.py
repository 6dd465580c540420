"""Reads MATLAB files (.mat, version 4 to 7) with binned spike counts and behaviour of a continuous session."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import as_counts, listed, only_file
from neuropipe.readers.matlab_structure import check_structure
from neuropipe.recording import Recording, TimeCounts, TimeSeries
from neuropipe.registry import reader

HDF5_MAGIC = b"\x89HDF"
HDF5_AT = 512  # bytes: where HDF5 begins in a MATLAB 7.3 file, behind a text header
REGULAR = 0.05  # largest deviation of rounded times from even spacing, as a fraction of a bin


@reader("matlab", tools=("scipy",))
def read(
    files: Mapping[str, Path],
    *,
    counts: str = "spikes",
    axes: tuple[str, ...] = ("unit", "time"),
    time: str = "time",
    behaviour: Mapping[str, Any] | None = None,
) -> Recording:
    """Spike counts of a continuous session and behaviour in the same bins, from variables of one .mat file.

    counts : the variable with the counts; axes : the order of its axes; time : the variable with the left edge of
        every bin, s
    behaviour : series -> {variable: name, rows: {column: row of the variable, ...}}; rows may be left out if the
        variable has one value per bin
    """
    path, file = only_file(files, "a MATLAB file"), next(iter(files))
    wanted = {name: dict(facts) for name, facts in (behaviour or {}).items()}
    variables = load_variables(path, file, {counts, time, *(facts["variable"] for facts in wanted.values())})
    if sorted(axes) != ["time", "unit"] or variables[counts].ndim != 2:
        raise BadInput(f"{file}: {counts} has shape {variables[counts].shape}; it needs the axes time and unit")
    values = variables[counts] if tuple(axes) == ("time", "unit") else variables[counts].T
    edges = variables[time].ravel().astype(np.float64)
    width = _bin_width(edges, len(values), f"{file}: {time}")
    published = TimeCounts(np.ascontiguousarray(as_counts(values, f"{file}: {counts}")), width, float(edges[0]))
    regular = edges[0] + width * np.arange(len(edges))
    return Recording(
        units=pd.DataFrame({"unit": np.arange(values.shape[1])}),
        counts=published,
        behaviour={
            name: _series(regular, variables[facts["variable"]], facts, f"{file}: {facts['variable']}")
            for name, facts in wanted.items()
        },
    )


def load_variables(path: Path, file: str, names: set[str]) -> dict[str, np.ndarray]:
    """Numeric variables of a .mat file by name; no code in the file is run. file : what errors call it."""
    found = open_variables(path, file, names)
    for name in sorted(names):
        if not isinstance(found[name], np.ndarray) or found[name].dtype.kind not in "buif":
            raise BadInput(f"{file}: {name} is no array of numbers")
    return found


def open_variables(path: Path, file: str, names: set[str]) -> dict[str, Any]:
    """Variables of a .mat file by name, of any kind: cells and structs are the arrays that scipy makes of them."""
    from scipy.io import loadmat

    _refuse_hdf5(path, file)
    check_structure(path, file)
    try:
        found = loadmat(path, variable_names=sorted(names))
    except Exception as error:  # scipy raises many kinds of errors for damaged files
        raise BadInput(f"{file} can't be read as a MATLAB file: {error}") from error
    for name in sorted(names):
        if name not in found:
            raise BadInput(f"{file} has no variable {name!r}; it has {listed(_names(path))}")
    return {name: found[name] for name in names}


def variable_names(path: Path, file: str) -> list[str]:
    """Names of the variables of a .mat file. file : what errors call it"""
    _refuse_hdf5(path, file)
    check_structure(path, file)
    try:
        return _names(path)
    except Exception as error:  # scipy raises many kinds of errors for damaged files
        raise BadInput(f"{file} can't be read as a MATLAB file: {error}") from error


def _refuse_hdf5(path: Path, file: str) -> None:
    with path.open("rb") as opened:
        head = opened.read(HDF5_AT + len(HDF5_MAGIC))
    if head.startswith(HDF5_MAGIC) or head[HDF5_AT:] == HDF5_MAGIC:
        raise BadInput(f"{file} is a MATLAB 7.3 file; save it again in MATLAB with save(..., '-v7')")


def _names(path: Path) -> list[str]:
    from scipy.io import whosmat

    return [name for name, _, _ in whosmat(path)]


def _bin_width(edges: np.ndarray, n_bins: int, where: str) -> float:
    if len(edges) != n_bins or n_bins < 2:
        raise BadInput(f"{where} has {len(edges)} values for {n_bins} bins; give one a bin, at least two")
    width = (edges[-1] - edges[0]) / (n_bins - 1)
    off = np.abs(edges - (edges[0] + width * np.arange(n_bins)))
    if not width > 0 or not off.max() <= REGULAR * width:
        raise BadInput(f"{where} is not regular: bins must follow each other at one distance, {width:g} s on average")
    return round(float(width), 9)


def _series(times: np.ndarray, values: np.ndarray, facts: Mapping[str, Any], where: str) -> TimeSeries:
    rows = facts.get("rows")
    table = values if values.shape[-1] == len(times) else values.T
    if table.ndim != 2 or table.shape[1] != len(times):
        raise BadInput(f"{where} has shape {values.shape}; one axis must be time, {len(times)} bins")
    if rows is None:
        if len(table) != 1:
            raise BadInput(f"{where} has {len(table)} rows; say in `rows` what each is called")
        return TimeSeries(times, table[0].astype(np.float64))
    bad = [name for name, row in rows.items() if not 0 <= row < len(table)]
    if bad:
        raise BadInput(f"{where} has {len(table)} rows, counted from 0; there is none for {listed(bad)}")
    picked = table[list(rows.values())].T.astype(np.float64)
    return TimeSeries(times, np.ascontiguousarray(picked), tuple(rows))
