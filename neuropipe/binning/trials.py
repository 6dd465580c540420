"""Spike counts in bins around trials, exactly and in one pass over the spikes."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from neuropipe.binning.spikes import SpikeSlice, SpikeSource
from neuropipe.binning.windows import Windows
from neuropipe.errors import BadInput


def bin_spikes(
    times: np.ndarray, offsets: np.ndarray, starts: np.ndarray, bin_width: float, n_bins: int, dtype: Any = "auto"
) -> np.ndarray:
    """Count the spikes of every unit in the bins of every trial.

    times : (spike,) s, ascending within each unit; offsets : (n_units + 1,), unit u owns
    times[offsets[u]:offsets[u + 1]]; starts : (trial,) s, in any order, windows may overlap; bin_width : s;
    dtype : an unsigned integer type, or "auto" for the smallest that holds the counts.
    Returns (trial, bin, unit). Bin k is [start + k * bin_width, start + (k + 1) * bin_width), edges computed so in
    float64: the counts are those of numpy.searchsorted over these edges, spike for spike.
    Raises BadInput for times that are unsorted or not finite and for counts that dtype can't hold.
    """
    windows = Windows.of(starts, bin_width, n_bins)
    spikes = SpikeSource.of(times, offsets)
    wanted = counting_type(dtype)
    whole = list(spikes.slices(max(1, spikes.n_spikes)))
    counts, largest, _ = count_trials(whole, windows, spikes.n_units, wanted)
    while largest.max(initial=0) > np.iinfo(counts.dtype).max:
        counts, largest, _ = count_trials(whole, windows, spikes.n_units, np.min_scalar_type(largest.max()))
    refuse_overflow(largest, dtype)
    return counts


def count_trials(
    slices: Iterable[SpikeSlice], windows: Windows, n_units: int, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(counts (trial, bin, unit), largest count of each unit, spikes counted of each unit).

    Where largest exceeds what dtype holds it is a lower bound and the counts are void: count again with a wider type.
    """
    from neuropipe.binning.kernel import add_counts, over_parts

    counts = np.zeros((len(windows), windows.n_bins, n_units), dtype)
    largest, counted = np.zeros((2, n_units), np.uint64)
    rows = np.argsort(windows.starts, kind="stable")
    merge = (windows.starts[rows], rows, windows.steps, windows.bin_width, counts)
    for part in slices:
        outcome = (part.first_unit, largest[part.units], counted[part.units])

        def count(first: int, last: int, part: SpikeSlice = part, outcome: tuple = outcome) -> None:
            add_counts(part.times, part.bounds, first, last, *merge, *outcome)

        over_parts(count, part.bounds)
    return counts, largest, counted


def counting_type(dtype: Any) -> np.dtype:
    """The type to begin counting with."""
    wanted = np.dtype(np.uint8 if isinstance(dtype, str) and dtype == "auto" else dtype)
    if wanted.kind != "u":
        raise BadInput(f"counts are held in unsigned integers; dtype {dtype!r} is not one, use 'auto' or e.g. 'uint16'")
    return wanted


def refuse_overflow(largest: np.ndarray, dtype: Any) -> None:
    """Refuse a dtype asked for that can't hold the largest count of some unit."""
    if isinstance(dtype, str) and dtype == "auto":
        return
    limit = np.iinfo(dtype).max
    over = np.flatnonzero(largest > limit)
    if len(over):
        raise BadInput(
            f"unit {over[0]} has {largest[over[0]]} spikes in one bin, but {np.dtype(dtype)} holds at most {limit}; "
            f"use dtype='auto' or {np.min_scalar_type(largest.max())}"
        )
