"""Finds units that were sorted twice: nearly every spike of one has a spike of the other at the same time."""

from typing import NamedTuple

import numpy as np

from neuropipe.connectivity.data import ConnectivityData
from neuropipe.recording import SpikeTrains

COINCIDENT = 0.0003  # s
SHARE = 0.8  # of the smaller unit's spikes that coincide; two units that merely fire together stay far below


class Duplicate(NamedTuple):
    """Two units that are one, and the share of the smaller one's spikes (or of the bins) that coincide."""

    unit: int
    other: int
    share: float


def duplicates(data: ConnectivityData) -> list[Duplicate]:
    """All pairs of units of which one is a copy of the other, the lower index first.

    Spike times count as the same within COINCIDENT; of activity in bins, only columns that are equal throughout.
    """
    if data.counts is not None:
        return _equal_columns(data.counts)
    assert data.spikes is not None
    n_spikes = np.diff(data.spikes.offsets)
    smaller = np.maximum(np.minimum(n_spikes[:, None], n_spikes[None]), 1)
    share = np.triu(_coincidences(data.spikes) / smaller, 1)
    return [
        Duplicate(int(unit), int(other), min(float(share[unit, other]), 1.0))
        for unit, other in zip(*np.nonzero(share >= SHARE), strict=True)
    ]


def _coincidences(spikes: SpikeTrains) -> np.ndarray:
    """(unit, unit) number of spike pairs at most COINCIDENT apart, symmetric."""
    n_units = spikes.n_units
    order = np.argsort(spikes.times, kind="stable")
    times = spikes.times[order]
    units = np.repeat(np.arange(n_units), np.diff(spikes.offsets))[order]
    found = np.zeros(n_units * n_units, np.int64)
    first = np.arange(len(times))  # spikes that have a coincident one `ahead` places later in time
    ahead = 0
    while len(first):
        ahead += 1
        first = first[first + ahead < len(times)]
        first = first[times[first + ahead] - times[first] <= COINCIDENT]
        found += np.bincount(units[first] * n_units + units[first + ahead], minlength=len(found))
    found = found.reshape(n_units, n_units)
    return found + found.T


def _equal_columns(counts: np.ndarray) -> list[Duplicate]:
    """Columns are compared where their sums agree; silent ones are no copies."""
    totals = counts.sum(axis=0)
    return [
        Duplicate(unit, other, 1.0)
        for unit in np.flatnonzero(totals).tolist()
        for other in (unit + 1 + np.flatnonzero(totals[unit + 1 :] == totals[unit])).tolist()
        if np.array_equal(counts[:, unit], counts[:, other])
    ]
