"""Spike trains of sorted units, or true spikes of imaged cells."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from neuropipe.errors import BadInput


@dataclass(frozen=True)
class SpikeTrains:
    """Spike times of all units, one unit after another.

    times : (spike,) float64, s, ascending within each unit, on the recording's own clock
    offsets : (n_units + 1,) int64; unit u owns times[offsets[u]:offsets[u + 1]]
    """

    times: np.ndarray
    offsets: np.ndarray
    _checked: bool = field(default=False, repr=False, compare=False)

    @classmethod
    def from_list(cls, trains: list[np.ndarray]) -> "SpikeTrains":
        """Join the spike times of several units, one array per unit."""
        offsets = np.concatenate([[0], np.cumsum([len(train) for train in trains])]).astype(np.int64)
        times = np.concatenate(trains) if trains else np.empty(0)
        return cls(np.ascontiguousarray(times, np.float64), offsets)

    @classmethod
    def sorting(cls, times: np.ndarray, offsets: np.ndarray) -> "SpikeTrains":
        """Spike trains of times (float64) that are sorted here, in place, wherever a unit's do not ascend.

        Times are looked at once: `check` looks at them again only where they are not finite.
        """
        finite = True
        for first, last in pairwise(offsets.tolist()):
            train = times[first:last]
            if not _ascends(train):
                train.sort()
                finite = finite and _ascends(train)
        return cls(times, offsets, finite)

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.offsets) - 1

    def check(self) -> None:
        """Refuse (BadInput) offsets that don't divide the times into units, and times that are not finite or sorted."""
        times, offsets = self.times, self.offsets
        if times.ndim != 1 or times.dtype != np.float64 or offsets.ndim != 1 or offsets.dtype.kind not in "iu":
            raise BadInput(
                f"spike times must be float64 (spike,) and offsets integers (n_units + 1,); found {times.dtype} "
                f"{times.shape} and {offsets.dtype} {offsets.shape}"
            )
        if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(times) or np.any(offsets[1:] < offsets[:-1]):
            raise BadInput(f"offsets must rise from 0 to the number of spikes ({len(times)})")
        if self._checked:
            return
        for unit in range(self.n_units):
            train = times[offsets[unit] : offsets[unit + 1]]
            if _ascends(train):
                continue
            if not np.all(np.isfinite(train)):
                raise BadInput(f"unit {unit} has spike times that are not finite")
            if np.any(np.diff(train) < 0):
                raise BadInput(f"the spike times of unit {unit} are not sorted; sort them within each unit")


def _ascends(train: np.ndarray) -> bool:
    """Whether times ascend and are finite: NaN compares as false, and infinity can stand at an end only."""
    return len(train) == 0 or bool(np.isfinite(train[[0, -1]]).all() and (train[1:] >= train[:-1]).all())
