"""Spike time tiling: how many spikes of one unit have a spike of another near, against how much time is near one."""

import numba
import numpy as np

from neuropipe.connectivity.correlograms import over_units
from neuropipe.recording import SpikeTrains

_ROUNDING = 1e-9  # s; a spike this far beyond the window's edge counts as on it


def shares_near(spikes: SpikeTrains, before: float, after: float) -> np.ndarray:
    """(unit, other) the share of a unit's spikes that have a spike of the other from `before` to `after` later (s).

    `before` may be negative; both edges belong to the window. Units without spikes get NaN.
    """
    order = np.argsort(spikes.times, kind="stable")
    times, n_spikes = spikes.times[order], np.diff(spikes.offsets)
    units = np.repeat(np.arange(spikes.n_units, dtype=np.int32), n_spikes)[order]
    near = np.zeros((spikes.n_units, spikes.n_units), np.int64)

    def count(unit: int) -> None:
        own = spikes.times[spikes.offsets[unit] : spikes.offsets[unit + 1]]
        _count_near(times, units, own, before - _ROUNDING, after + _ROUNDING, near[unit])

    over_units(count, np.argsort(-n_spikes, kind="stable"))
    with np.errstate(invalid="ignore"):
        return near / n_spikes[:, None]


def share_tiled(train: np.ndarray, start: float, stop: float, before: float, after: float) -> float:
    """The share of the recording, start to stop (s), that lies from `before` to `after` (s) of a spike of the train."""
    low = np.clip(train + before, start, stop)
    high = np.clip(train + after, start, stop)
    low[1:] = np.maximum(low[1:], high[:-1])
    return float(np.sum(np.maximum(high - low, 0)) / (stop - start))


def tiling_index(share: np.ndarray, tiled: np.ndarray) -> np.ndarray:
    """(P - T) / (1 - P T): 0 where spikes fall near others as often as by chance; 1 where P T is 1."""
    product = share * tiled
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(product == 1, 1.0, (share - tiled) / (1 - product))


@numba.njit(nogil=True)
def _count_near(times, units, own, before, after, near):
    """Add to near[other] the spikes of `own` with a spike of the other unit from `before` to `after` later."""
    seen = np.full(len(near), -1, np.int64)
    first = 0
    for k in range(len(own)):
        low, high = own[k] + before, own[k] + after
        while first < len(times) and times[first] < low:
            first += 1
        other = first
        while other < len(times) and times[other] <= high:
            if seen[units[other]] != k:
                seen[units[other]] = k
                near[units[other]] += 1
            other += 1
