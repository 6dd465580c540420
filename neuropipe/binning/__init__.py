"""Spike times to spike counts in bins around trials, exactly and in one pass over the spikes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropipe.errors import BadInput

ON_GRID = 1e-6  # bins; how far from a bin edge a decimal such as 0.3 / 0.1 may land


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


@dataclass(frozen=True)
class Windows:
    """One window of n_bins bins of bin_width (s) from each of starts ((trial,) s)."""

    starts: np.ndarray
    bin_width: float
    n_bins: int

    @classmethod
    def of(cls, starts: np.ndarray, bin_width: float, n_bins: int) -> "Windows":
        """Checked windows."""
        starts = _float_vector(starts, "trial starts")
        if not np.isfinite(bin_width) or bin_width <= 0:
            raise BadInput(f"bin_width is {bin_width} s; it must be a positive number of seconds")
        if not float(n_bins).is_integer() or n_bins < 1:
            raise BadInput(f"n_bins is {n_bins}; a trial needs a whole number of bins, at least 1")
        bad = np.flatnonzero(~np.isfinite(starts))
        if len(bad):
            raise BadInput(f"trial {bad[0]} starts at {starts[bad[0]]} s; leave out trials whose start is not known")
        return cls(starts, float(bin_width), int(n_bins))

    @property
    def steps(self) -> np.ndarray:
        """(n_bins + 1,) s, the edges relative to a start."""
        return np.arange(self.n_bins + 1) * self.bin_width

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, trials: slice) -> "Windows":
        return Windows(self.starts[trials], self.bin_width, self.n_bins)


@dataclass(frozen=True)
class SpikeSlice:
    """Consecutive spikes: part p, times[bounds[p]:bounds[p + 1]], belongs to unit first_unit + p.

    continued : the first part goes on with a unit that an earlier slice began.
    """

    times: np.ndarray
    first_unit: int
    bounds: np.ndarray
    continued: bool

    @property
    def units(self) -> slice:
        return slice(self.first_unit, self.first_unit + len(self.bounds) - 1)


@dataclass(frozen=True)
class SpikeSource:
    """Spike times that are read slice by slice: `times` is a numpy array, a zarr array or whatever slices like them."""

    times: Any
    offsets: np.ndarray

    @classmethod
    def of(cls, times: Any, offsets: np.ndarray) -> "SpikeSource":
        """Checked offsets; the times themselves are checked as they are read."""
        times = times if hasattr(times, "shape") else np.asarray(times)
        if len(times.shape) != 1 or np.dtype(times.dtype).kind not in "fiu":
            raise BadInput(f"spike times must be one row of numbers, found {times.dtype} of shape {times.shape}")
        offsets = np.asarray(offsets)
        if offsets.ndim != 1 or len(offsets) == 0 or offsets.dtype.kind not in "iu":
            raise BadInput(f"offsets must be (n_units + 1,) integers, found {offsets.dtype} of shape {offsets.shape}")
        offsets = offsets.astype(np.int64)
        if offsets[0] != 0 or offsets[-1] != times.shape[0] or np.any(np.diff(offsets) < 0):
            raise BadInput(f"offsets must rise from 0 to the number of spikes ({times.shape[0]}), found {offsets}")
        return cls(times, offsets)

    @property
    def n_spikes(self) -> int:
        return int(self.offsets[-1])

    @property
    def n_units(self) -> int:
        return len(self.offsets) - 1

    def slices(self, n_spikes: int) -> Iterator[SpikeSlice]:
        """All spikes in order, n_spikes at once, refused with their unit named where unsorted or not finite."""
        before = -np.inf
        for begin in range(0, self.n_spikes, n_spikes):
            end = min(begin + n_spikes, self.n_spikes)
            first = int(np.searchsorted(self.offsets, begin, "right")) - 1
            last = int(np.searchsorted(self.offsets, end, "left"))
            bounds = np.clip(self.offsets[first : last + 1], begin, end) - begin
            times = np.ascontiguousarray(self.times[begin:end], dtype=np.float64)
            part = SpikeSlice(times, first, bounds, continued=bool(self.offsets[first] < begin))
            _refuse_bad_times(part, before)
            before = times[-1] if self.offsets[last] > end else -np.inf
            yield part


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


def rebin(counts: np.ndarray, factor: int) -> np.ndarray:
    """Sum each `factor` adjacent bins: (trial, bin, unit) -> (trial, bin / factor, unit), in the smallest type."""
    counts = np.asarray(counts)
    if counts.ndim != 3 or counts.dtype.kind != "u":
        raise BadInput(f"counts must be (trial, bin, unit) unsigned integers, found {counts.dtype} {counts.shape}")
    n_trials, n_bins, n_units = counts.shape
    if not float(factor).is_integer() or factor < 1 or n_bins % factor:
        raise BadInput(f"{n_bins} bins can't be summed {factor} at a time; the factor must divide the number of bins")
    wide = np.min_scalar_type(int(counts.max(initial=0)) * int(factor))
    if wide.kind != "u":
        raise BadInput(f"sums of {factor} bins may exceed 64 bits")
    sums = counts.reshape(n_trials, n_bins // int(factor), int(factor), n_units).sum(axis=2, dtype=wide)
    return sums.astype(np.min_scalar_type(sums.max(initial=0)), copy=False)


def rebin_window(
    counts: np.ndarray, bin_width: float, start: float, *, window: tuple[float, float], new_bin_width: float
) -> np.ndarray:
    """Counts published in bins of bin_width from start, cut to [window[0], window[1]) in bins of new_bin_width.

    counts : (trial, bin, unit) unsigned integers; all times in s, relative to the event that trials are aligned to.
    Raises BadInput unless window and new bins lie on the published grid.
    """
    if not (bin_width > 0 and new_bin_width > 0 and window[1] > window[0]):
        raise BadInput(f"bins of {bin_width} s and {new_bin_width} s in the window {window} s: all must be positive")
    n_bins = counts.shape[1]
    factor = _whole(new_bin_width / bin_width, f"new bins of {new_bin_width} s are not whole bins of {bin_width} s")
    first, last = (
        _whole((edge - start) / bin_width, f"the edge {edge} s is not on the grid of {bin_width} s from {start} s")
        for edge in window
    )
    if first < 0 or last > n_bins:
        held = f"[{start}, {start + n_bins * bin_width:g}) s"
        raise BadInput(f"the window [{window[0]}, {window[1]}) s reaches beyond the published bins {held}")
    return rebin(counts[:, first:last], factor)


def _whole(value: float, otherwise: str) -> int:
    if not np.isfinite(value) or abs(value - round(value)) > ON_GRID:
        raise BadInput(f"{otherwise}; counts can't be split between bins")
    return round(value)


def _float_vector(values: Any, what: str) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 1 or (values.dtype.kind not in "fiu" and values.size):
        raise BadInput(f"{what} must be one row of numbers in s, found {values.dtype} of shape {values.shape}")
    return values.astype(np.float64)


def _refuse_bad_times(part: SpikeSlice, before: float) -> None:
    """before : the last spike of the unit that the slice continues, else -inf."""
    from neuropipe.binning.kernel import first_unsorted

    times, bounds = part.times, part.bounds
    spike = first_unsorted(times, bounds)
    held = np.flatnonzero(np.diff(bounds))
    # Sorted times are finite if the first and the last one of the part are.
    ends = np.sort(np.concatenate([bounds[held], bounds[held + 1] - 1]))
    infinite = ends[~np.isfinite(times[ends])]
    suspects = [index for index in (spike, spike + 1) if spike >= 0 and not np.isfinite(times[index])] + list(infinite)
    if suspects:
        unit = part.first_unit + int(np.searchsorted(bounds, suspects[0], "right")) - 1
        raise BadInput(f"unit {unit} has a spike at {times[suspects[0]]} s; remove spike times that are not finite")
    if spike >= 0 or times[0] < before:
        late, early = (times[spike], times[spike + 1]) if spike >= 0 else (before, times[0])
        unit = part.first_unit + int(np.searchsorted(bounds, max(spike, 0), "right")) - 1
        raise BadInput(
            f"the spike times of unit {unit} are not sorted ({early} s follows {late} s); sort them within each unit"
        )
