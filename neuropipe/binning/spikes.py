"""Spike times read slice by slice and checked as they are read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropipe.errors import BadInput

COMPARED = 1 << 20  # spikes compared with their successors at once


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


def _refuse_bad_times(part: SpikeSlice, before: float) -> None:
    """before : the last spike of the unit that the slice continues, else -inf."""
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


def first_unsorted(times: np.ndarray, bounds: np.ndarray) -> int:
    """Index of the first spike not followed by an equal or later one in its part (NaN never is), else -1.

    Part p is times[bounds[p]:bounds[p + 1]]. Compared a piece at a time, so that little memory is taken.
    """
    for begin in range(0, len(times) - 1, COMPARED):
        end = min(begin + COMPARED, len(times) - 1)
        falls = begin + np.flatnonzero(~(times[begin:end] <= times[begin + 1 : end + 1]))
        falls = falls[~np.isin(falls + 1, bounds)]  # a part may begin before the last one ended
        if len(falls):
            return int(falls[0])
    return -1
