"""Checked input per sample: labels, times and windows."""

from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput


def agreed_length(n_samples: int | None, **given: Any) -> int:
    """The number of samples that all arrays given agree on."""
    lengths = {name: len(values) for name, values in given.items() if values is not None}
    if n_samples is not None:
        lengths = {"n_samples": int(n_samples), **lengths}
    if not lengths:
        raise BadInput("how many samples are there? give labels or n_samples")
    if len(set(lengths.values())) > 1:
        raise BadInput("samples differ in number: " + ", ".join(f"{name} {n}" for name, n in lengths.items()))
    return next(iter(lengths.values()))


def codes_of(values: Any, what: str) -> np.ndarray | None:
    """(sample,) int: distinct values numbered in order of appearance."""
    if values is None:
        return None
    if np.ndim(values) != 1:
        raise BadInput(f"{what} must be one value per sample, found shape {np.shape(values)}")
    missing = np.flatnonzero(pd.isna(np.asarray(values)))
    if len(missing):
        raise BadInput(f"sample {missing[0]} has no value in {what} ({len(missing)} such); leave out such samples")
    return pd.factorize(np.asarray(values))[0]


def times_of(values: Any, what: str) -> np.ndarray:
    """(sample,) finite float64 s."""
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not np.all(np.isfinite(values)):
        raise BadInput(f"{what} must be one finite time (s) per sample")
    return values


def windows_of(starts: Any, stops: Any) -> np.ndarray:
    """(sample, 2) s: the windows [start, stop)."""
    if starts is None or stops is None:
        raise BadInput("windows of samples need both starts and stops")
    windows = np.stack([times_of(starts, "starts"), times_of(stops, "stops")], axis=1)
    empty = np.flatnonzero(windows[:, 1] <= windows[:, 0])
    if len(empty):
        raise BadInput(f"sample {empty[0]} has the window {windows[empty[0]]} s; it must stop after it starts")
    return windows


def time_order(starts: Any, n: int) -> np.ndarray:
    """(sample,) the samples sorted by start; in their own order where no starts are known."""
    return np.arange(n) if starts is None else np.argsort(times_of(starts, "starts"), kind="stable")
