"""Activity of units filtered by kernels, at chosen bins only."""

from collections.abc import Iterator
from typing import NamedTuple

import numba
import numpy as np

from neuropipe.connectivity.data import ConnectivityData
from neuropipe.connectivity.moments import binned_spikes


class Events(NamedTuple):
    """Bins with activity of one unit, ascending, and how much there is in each."""

    bins: np.ndarray
    amounts: np.ndarray


def events_of(data: ConnectivityData, bin_width: float) -> tuple[list[Events], np.ndarray]:
    """Events of every unit in bins of bin_width (s), and the edges of segments, (segment + 1,) in bins."""
    if data.spikes is not None:
        n_bins = int(np.floor(data.duration / bin_width + 1e-9))
        found = (np.unique(bins, return_counts=True) for bins in binned_spikes(data, bin_width))
        return [Events(bins, counts.astype(np.float64)) for bins, counts in found], np.array([0, n_bins])
    binned = data.binned(bin_width)
    assert binned.counts is not None
    events = []
    for unit in range(data.n_units):
        bins = np.flatnonzero(binned.counts[:, unit])
        events.append(Events(bins, binned.counts[bins, unit].astype(np.float64)))
    return events, binned.segment_edges


def sampled_bins(n_bins: int, n_samples: int, seed: int) -> np.ndarray:
    """(sample,) ascending: all bins if they are no more than n_samples, else one drawn from each of equal stretches."""
    if n_bins <= n_samples:
        return np.arange(n_bins)
    edges = np.linspace(0, n_bins, n_samples + 1).astype(np.int64)
    return edges[:-1] + (np.random.default_rng(seed).random(n_samples) * np.diff(edges)).astype(np.int64)


def traces(events: list[Events], edges: np.ndarray, kernel: np.ndarray, at: np.ndarray) -> Iterator[np.ndarray]:
    """Unit by unit, (sample,) float64: sum over lags d of kernel[d] * activity[at - d], within the segment of `at`.

    kernel : (2 * m + 1,), lags -m..m
    """
    dense = np.empty(int(edges[-1]))
    for unit in events:
        dense[:] = 0.0
        _spread(unit.bins, unit.amounts, kernel, np.asarray(edges, np.int64), dense)
        yield dense[at]


@numba.njit(nogil=True)
def _spread(bins, amounts, kernel, edges, dense):
    reach = len(kernel) // 2
    segment = 0
    for event in range(len(bins)):
        center = bins[event]
        while edges[segment + 1] <= center:
            segment += 1
        first = max(center - reach, edges[segment])
        last = min(center + reach, edges[segment + 1] - 1)
        for time in range(first, last + 1):
            dense[time] += amounts[event] * kernel[time - center + reach]
