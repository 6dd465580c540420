"""Continuous sessions: spike counts and behaviour in bins that follow each other, and samples with their history.

Time is cut into segments, stretches without interruption. A sample is one bin together with the bins before it, all of
one segment; what it is to be decoded into is the behaviour in its last bin.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuropipe.binning.rebinning import ON_GRID
from neuropipe.binning.trials import bin_spikes
from neuropipe.errors import BadInput
from neuropipe.recording import SpikeTrains, TimeCounts, TimeSeries

# Behaviour is interpolated between observations no further apart than this many usual sampling intervals.
LONGEST_GAP = 3


@dataclass(frozen=True)
class Grid:
    """Bins of equal width in segments. starts : (segment,) s; n_bins : (segment,); bin_width : s"""

    starts: np.ndarray
    n_bins: np.ndarray
    bin_width: float

    @classmethod
    def of(cls, stretches: Sequence[tuple[float, float]] | np.ndarray, bin_width: float) -> "Grid":
        """As many whole bins as each stretch (start, stop) s holds; stretches shorter than a bin are left out."""
        spans = np.array(sorted(map(tuple, stretches)), np.float64).reshape(-1, 2)
        if np.any(spans[1:, 0] < spans[:-1, 1] - ON_GRID * bin_width):
            raise BadInput("stretches of a recording overlap; each moment may belong to one only")
        n_bins = np.floor((spans[:, 1] - spans[:, 0]) / bin_width + ON_GRID).astype(np.int64)
        if not np.any(n_bins > 0):
            raise BadInput(f"the stretches {spans.tolist()} s hold no bin of {bin_width} s")
        return cls(spans[n_bins > 0, 0], n_bins[n_bins > 0], float(bin_width))

    @property
    def segments(self) -> np.ndarray:
        """(segment, 2) int64: first bin and the bin after the last."""
        stops = np.cumsum(self.n_bins)
        return np.stack([stops - self.n_bins, stops], axis=1)

    @property
    def edges(self) -> np.ndarray:
        """(time,) s, the left edge of every bin."""
        parts = [start + self.bin_width * np.arange(n) for start, n in zip(self.starts, self.n_bins, strict=True)]
        return np.concatenate(parts)


def count_spikes(spikes: SpikeTrains, grid: Grid) -> np.ndarray:
    """Spikes of every unit in every bin of the grid: (time, unit), the smallest unsigned integers that hold them."""
    parts = [
        bin_spikes(spikes.times, spikes.offsets, np.array([start]), grid.bin_width, int(n))[0]
        for start, n in zip(grid.starts, grid.n_bins, strict=True)
    ]
    widest = np.result_type(*(part.dtype for part in parts))
    return np.concatenate([part.astype(widest, copy=False) for part in parts])


def rebin_published(
    published: TimeCounts, stretches: Sequence[tuple[float, float]] | None, bin_width: float
) -> tuple[Grid, np.ndarray]:
    """Published counts of the stretches (of all time where None), in bins of a whole number of published ones.

    A stretch begins with the first published bin that lies in it wholly. counts come back as (time, unit).
    """
    width, n = published.bin_width, len(published.counts)
    factor = round(bin_width / width)
    if factor < 1 or abs(bin_width / width - factor) > ON_GRID:
        raise BadInput(
            f"bin_width {bin_width} s is no whole number of the published bins of {width} s; take a multiple"
        )
    spans = np.array(stretches if stretches is not None else [(published.start, published.start + n * width)], float)
    first = np.clip(np.ceil((spans[:, 0] - published.start) / width - ON_GRID), 0, n).astype(np.int64)
    last = np.clip(np.floor((spans[:, 1] - published.start) / width + ON_GRID), 0, n).astype(np.int64)
    grid = Grid.of(np.stack([first, last], axis=1) * width + published.start, bin_width)
    starts = np.rint((grid.starts - published.start) / width).astype(np.int64)
    parts = [
        published.counts[start : start + n_bins * factor].reshape(n_bins, factor, -1).sum(axis=1, dtype=np.uint64)
        for start, n_bins in zip(starts, grid.n_bins, strict=True)
    ]
    sums = np.concatenate(parts)
    return grid, sums.astype(np.min_scalar_type(int(sums.max(initial=0))))


def average_in_bins(series: TimeSeries, grid: Grid, *, circular: bool = False) -> np.ndarray:
    """(time, k) behaviour in every bin: the mean of what was observed in it, of angles (rad) the circular mean.

    A bin without an observation takes the value interpolated at its middle, where the observations on either side are
    at most three usual sampling intervals (or one bin) apart, else NaN. Observations that are NaN count as not made.
    """
    values = np.asarray(series.values, np.float64).reshape(len(series.times), -1)
    seen = np.isfinite(values).all(axis=1)
    times, values = np.asarray(series.times, np.float64)[seen], values[seen]
    if len(times) < 2 or np.any(np.diff(times) <= 0):
        raise BadInput("a behavioural series needs at least two finite observations at ascending times")
    parts = np.hstack([np.cos(values), np.sin(values)]) if circular else values
    longest = max(LONGEST_GAP * np.median(np.diff(times)), grid.bin_width) * (1 + ON_GRID)
    found = [
        _average(times, parts, start, int(n), grid.bin_width, longest)
        for start, n in zip(grid.starts, grid.n_bins, strict=True)
    ]
    mean = np.concatenate(found)
    return np.arctan2(*np.split(mean, 2, axis=1)[::-1]) if circular else mean


def _average(times, values, start: float, n_bins: int, width: float, longest: float) -> np.ndarray:
    first, last = np.searchsorted(times, [start - ON_GRID * width, start + (n_bins - ON_GRID) * width])
    owner = np.clip(np.floor((times[first:last] - start) / width + ON_GRID).astype(np.int64), 0, n_bins - 1)
    number = np.bincount(owner, minlength=n_bins)
    sums = np.stack([np.bincount(owner, column, minlength=n_bins) for column in values[first:last].T], axis=1)
    mean = np.divide(sums, number[:, None], out=np.full(sums.shape, np.nan), where=number[:, None] > 0)
    empty = np.flatnonzero(number == 0)
    middle = start + (empty + 0.5) * width
    after = np.searchsorted(times, middle)
    near = (after > 0) & (after < len(times))
    near[near] = times[after[near]] - times[after[near] - 1] <= longest
    for column in range(values.shape[1]):
        mean[empty[near], column] = np.interp(middle[near], times, values[:, column])
    return mean


def sample_bins(segments: np.ndarray, history: int, usable: np.ndarray) -> np.ndarray:
    """(sample,) int64: the usable bins that have `history` - 1 bins of their own segment before them.

    segments : (segment, 2) first bin and the bin after the last; usable : (time,) bool
    """
    full = np.concatenate([np.arange(start + history - 1, stop) for start, stop in segments]).astype(np.int64)
    return full[usable[full]]


def histories(counts: np.ndarray, bins: np.ndarray, history: int) -> np.ndarray:
    """(sample, bin, unit): each sample's bin and the history - 1 bins before it, the current one last.

    counts : (time, unit); bins : (sample,). Nothing is copied where the samples follow each other without a gap.
    """
    if len(bins) == 0 or bins.min() < history - 1:
        raise BadInput(f"no sample has a history of {history} bins; take a shorter history or a longer recording")
    strided = np.lib.stride_tricks.sliding_window_view(counts, history, axis=0).transpose(0, 2, 1)
    first, last = int(bins[0]), int(bins[-1])
    if np.array_equal(bins, np.arange(first, last + 1)):
        return strided[first - history + 1 : last - history + 2]
    return strided[bins - history + 1]
