"""Checks shared by readers: counts are whole numbers, columns have one finite value per trial, times ascend."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.recording import TrialCounts

LARGEST_COUNT = np.iinfo(np.uint32).max


def only_file(files: Mapping[str, Path], kind: str) -> Path:
    """The path of a session's only file; `kind` names the expected kind of file in errors."""
    if len(files) != 1:
        raise BadInput(f"expected one file, {kind}, found {len(files)}: {listed(files)}")
    ((name, path),) = files.items()
    if not Path(path).is_file():
        raise BadInput(f"the file {name} is not there: no such file as {path}")
    return Path(path)


def listed(names: Iterable[str]) -> str:
    """Sorted names on one line, for errors: 'a, b, c', or 'nothing'."""
    return ", ".join(sorted(map(str, names))) or "nothing"


def as_trial_counts(values: np.ndarray, *, bin_width: float, start: float, where: str) -> TrialCounts:
    """Checked counts, (trial, bin, unit), in the smallest unsigned integer type that holds them."""
    if values.ndim != 3:
        raise BadInput(f"{where} has shape {values.shape}; expected three axes: trial, bin, unit")
    if not (np.isfinite(bin_width) and bin_width > 0 and np.isfinite(start)):
        raise BadInput(f"{where}: bin_width {bin_width} and start {start} must be seconds, and the bin wider than 0")
    return TrialCounts(np.ascontiguousarray(as_counts(values, where)), float(bin_width), float(start))


def as_counts(values: np.ndarray, where: str) -> np.ndarray:
    """Checked counts of any shape, in the smallest unsigned integer type that holds them."""
    if values.dtype.kind not in "buif":
        raise BadInput(f"{where} holds {values.dtype}; spike counts must be numbers")
    if values.size == 0:
        raise BadInput(f"{where} is empty: its shape is {values.shape}")
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= LARGEST_COUNT):  # NaN fails too
        raise _no_count(values, where)
    counts = values.astype(np.min_scalar_type(int(high)))
    if values.dtype.kind == "f" and not np.array_equal(counts, values):
        raise _no_count(values, where)
    return counts


def _no_count(values: np.ndarray, where: str) -> BadInput:
    fits = (values >= 0) & (values <= LARGEST_COUNT) & (values == np.floor(values))
    index = np.unravel_index(np.argmin(fits), values.shape)
    place = ", ".join(str(int(i)) for i in index)
    return BadInput(f"{where} holds {values[index]} at [{place}]; spike counts are whole numbers, 0 or more")


def as_labels(values: np.ndarray, n_rows: int, where: str, per: str = "trial") -> np.ndarray:
    """Checked labels, one per row: text, booleans or finite numbers; if all numbers are whole, they become int64."""
    values = _one_a_row(values, n_rows, where, per)
    if values.dtype.kind not in "biufU":
        raise BadInput(f"{where} holds {values.dtype}; labels must be numbers, booleans or text")
    if values.dtype.kind == "f":
        _refuse_infinite(values, where, "remove these rows or give them a value")
        if np.array_equal(values, np.round(values)):
            return values.astype(np.int64)
    return values


def as_event_times(values: np.ndarray, n_trials: int, where: str, *, may_miss: bool = False) -> np.ndarray:
    """Checked times, one per trial, s, float64; with `may_miss`, NaN marks trials without the event."""
    values = _one_a_row(values, n_trials, where, "trial")
    if values.dtype.kind not in "iuf":
        raise BadInput(f"{where} holds {values.dtype}; times must be numbers, in s")
    times = values.astype(np.float64)
    _refuse_infinite(times[~np.isnan(times)] if may_miss else times, where, "give times in s")
    return times


def check_time_order(starts: np.ndarray, where: str) -> None:
    """Refuse trials that are not in time order: folds are blocks of neighbouring trials."""
    if np.any(np.diff(starts) <= 0):
        trial = int(np.argmax(np.diff(starts) <= 0)) + 1
        raise BadInput(f"{where}: trial {trial} does not start after the one before it; put the trials in time order")


def _one_a_row(values: np.ndarray, n_rows: int, where: str, per: str) -> np.ndarray:
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise BadInput(f"{where} has shape {values.shape}; expected one value a {per}")
    if len(values) != n_rows:
        raise BadInput(f"{where} has {len(values)} values, but there are {n_rows} {per}s")
    return values


def _refuse_infinite(values: np.ndarray, where: str, advice: str) -> None:
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise BadInput(f"{where} is not finite in {len(bad)} rows, first row {bad[0]} ({values[bad[0]]}); {advice}")
