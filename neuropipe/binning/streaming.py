"""Binning of sessions of any length: spike times are read in slices, trial blocks are written to Zarr once each."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from neuropipe.binning.layout import Layout
from neuropipe.binning.spikes import SpikeSource
from neuropipe.binning.trials import count_trials, counting_type, refuse_overflow
from neuropipe.binning.windows import Windows
from neuropipe.errors import BadInput

# The C library reuses buffers of up to 32 MiB; larger ones cost a page fault for each 4 KiB every time.
SLICE_BYTES = 32 << 20


@dataclass(frozen=True)
class BinnedSummary:
    """What was counted. dtype : of the array; n_spikes : sum of all counts; spikes_per_unit : (unit,) int64.

    Of imaged ROIs both are sums of events, float64.
    """

    dtype: np.dtype
    n_spikes: int | float
    spikes_per_unit: np.ndarray


def bin_to_zarr(
    times: Any,
    offsets: np.ndarray,
    starts: np.ndarray,
    bin_width: float,
    n_bins: int,
    group: Any,
    *,
    name: str = "counts",
    dtype: Any = "auto",
    memory_limit: int = 1_500_000_000,
    progress: Callable[[int, int], None] | None = None,
) -> BinnedSummary:
    """Count as `bin_spikes` does, from `times` into the new array group[name] (trial, bin, unit), Zarr v3 with zstd.

    times : (spike,) s, anything that slices to numpy (a zarr array, a memory map), read in slices, never whole;
    group : an open zarr.Group; memory_limit : bytes that counts, slices and write buffers may take together;
    progress : called with (steps done, steps in all).
    A chunk is some trials x all bins x all units, a shard a block of trials, written once and whole. A tensor larger
    than the memory allows takes one pass over the spikes for each of its superblocks of trials. Type and input are
    settled before the array is created: BadInput leaves the group as it was.
    """
    windows = Windows.of(starts, bin_width, n_bins)
    session = _Session(SpikeSource.of(times, offsets), windows, memory_limit)
    if name in group:
        raise BadInput(f"the group {group.path or '/'!r} already holds {name!r}; delete it or choose another name")
    wanted, held = session.settle_type(counting_type(dtype), dtype)
    layout = Layout.of(len(windows), windows.n_bins, session.spikes.n_units, wanted)
    superblocks = session.superblocks(layout)
    report = _Progress(progress, len(superblocks) * session.n_slices + ceil(len(windows) / layout.shard_trials))
    array = layout.create(group, name)
    per_unit = np.zeros(session.spikes.n_units, np.int64)
    for trials in superblocks:
        if held is None:
            counts, _, counted = count_trials(report.each(session.slices()), windows[trials], len(per_unit), wanted)
        else:
            (counts, counted), held = held, None
            report.advance(session.n_slices)
        for first in range(0, len(counts), layout.shard_trials):
            last = min(first + layout.shard_trials, len(counts))
            array[trials.start + first : trials.start + last] = counts[first:last]
            report.advance(1)
        per_unit += counted.astype(np.int64)
        del counts  # before the next superblock is allocated
    return BinnedSummary(wanted, int(per_unit.sum()), per_unit)


def write_counts(counts: np.ndarray, group: Any, *, name: str = "counts") -> BinnedSummary:
    """Write (trial, bin, unit) that is binned already, counts or float32 activity, in the layout of `bin_to_zarr`."""
    n_trials, n_bins, n_units = counts.shape
    layout = Layout.of(n_trials, n_bins, n_units, counts.dtype)
    array = layout.create(group, name)
    for first in range(0, len(counts), layout.shard_trials):
        array[first : first + layout.shard_trials] = counts[first : first + layout.shard_trials]
    per_unit = counts.sum(axis=(0, 1), dtype=np.int64 if counts.dtype.kind == "u" else np.float64)
    return BinnedSummary(counts.dtype, per_unit.sum().item(), per_unit)


def spikes_in_windows(times: Any, offsets: np.ndarray, starts: np.ndarray, bin_width: float, n_bins: int) -> np.ndarray:
    """(unit,) int64: spikes in the trials' windows, a spike in two windows counted twice, without binning them.

    A check on counts made by other means: counts.sum(axis=(0, 1)) must equal it.
    """
    windows = Windows.of(starts, bin_width, n_bins)
    spikes = SpikeSource.of(times, offsets)
    edges = np.sort(windows.starts)
    stops = edges + windows.steps[-1]
    inside = np.zeros(spikes.n_units, np.int64)
    for part in spikes.slices(_slice_length(times, SLICE_BYTES)):
        for index, unit in enumerate(range(part.units.start, part.units.stop)):
            train = part.times[part.bounds[index] : part.bounds[index + 1]]
            inside[unit] += np.searchsorted(train, stops).sum() - np.searchsorted(train, edges).sum()
    return inside


@dataclass(frozen=True)
class _Session:
    """One session's spikes and windows, and the bytes there are to bin them in."""

    spikes: SpikeSource
    windows: Windows
    memory_limit: int

    @property
    def block_bytes(self) -> int:
        """For the counts of one superblock; the rest is for slices of spikes and for write buffers."""
        return self.memory_limit // 2

    @property
    def slice_length(self) -> int:
        return _slice_length(self.spikes.times, min(SLICE_BYTES, self.memory_limit // 16))

    @property
    def n_slices(self) -> int:
        return ceil(self.spikes.n_spikes / self.slice_length)

    def slices(self) -> Any:
        return self.spikes.slices(self.slice_length)

    def superblocks(self, layout: Layout) -> list[slice]:
        """Trials that are counted in one pass: as many whole shards as fit."""
        fit = self.block_bytes // max(1, layout.shard_bytes)
        if fit == 0 and layout.n_bytes:
            raise BadInput(
                f"memory_limit is {self.memory_limit} bytes, but {layout.shard_trials} trials of {self.windows.n_bins} "
                f"bins x {self.spikes.n_units} units take {layout.shard_bytes} and need twice that: raise the limit, "
                "or cut long windows into several"
            )
        step = max(1, fit) * layout.shard_trials
        return [slice(first, min(first + step, len(self.windows))) for first in range(0, len(self.windows), step)]

    def settle_type(self, wanted: np.dtype, asked: Any) -> tuple[np.dtype, tuple[np.ndarray, np.ndarray] | None]:
        """The type that holds every count and, where one superblock holds all trials, what was counted.

        That is (counts, spikes counted of each unit).
        """
        n_units = self.spikes.n_units
        while len(self.superblocks(Layout.of(len(self.windows), self.windows.n_bins, n_units, wanted))) <= 1:
            counts, largest, counted = count_trials(self.slices(), self.windows, n_units, wanted)
            if largest.max(initial=0) <= np.iinfo(wanted).max:
                refuse_overflow(largest, asked)
                return wanted, (counts, counted)
            wanted = np.min_scalar_type(largest.max())
            del counts  # before the wider ones are allocated
        largest = self.survey()
        refuse_overflow(largest, asked)
        return np.promote_types(wanted, np.min_scalar_type(largest.max(initial=0))), None

    def survey(self) -> np.ndarray:
        """(unit,) uint64, each unit's largest count, with the counts of one unit in memory at a time."""
        from neuropipe.binning.kernel import add_counts

        largest, counted = np.zeros((2, self.spikes.n_units), np.uint64)
        step = max(1, self.block_bytes // (8 * self.windows.n_bins))
        for first in range(0, len(self.windows), step):
            windows = self.windows[first : first + step]
            rows = np.argsort(windows.starts, kind="stable")
            merge = (windows.starts[rows], rows, windows.steps, windows.bin_width)
            column = np.zeros((len(windows), windows.n_bins, 1), np.uint64)
            for part in self.slices():
                for index, unit in enumerate(range(part.units.start, part.units.stop)):
                    if index or not part.continued:
                        column[:] = 0
                    outcome = (largest[unit : unit + 1], counted[unit : unit + 1])
                    add_counts(part.times, part.bounds[index : index + 2], 0, 1, *merge, column, 0, *outcome)
        return largest


def _slice_length(times: Any, n_bytes: int) -> int:
    """Spikes to read at once: about n_bytes, in whole chunks of a chunked array so that none is decoded twice."""
    chunk = (getattr(times, "chunks", None) or (1,))[0]
    return max(1, n_bytes // (8 * chunk)) * chunk


class _Progress:
    """Steps done of steps in all, told to the caller where it wants to know."""

    def __init__(self, tell: Callable[[int, int], None] | None, n_steps: int):
        self.tell, self.n_steps, self.done = tell, n_steps, 0

    def advance(self, steps: int) -> None:
        self.done += steps
        if self.tell is not None:
            self.tell(self.done, self.n_steps)

    def each(self, items: Any) -> Any:
        for item in items:
            yield item
            self.advance(1)
