"""Covariances of all pairs of units at all lags: all that a least-squares model of filtered activity needs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuropipe.connectivity.correlograms import correlograms
from neuropipe.connectivity.data import ConnectivityData
from neuropipe.recording import SpikeTrains

_BLOCK = 32  # sources whose lags are float64 at a time


@dataclass(frozen=True)
class LaggedMoments:
    """products : (source, target, lag), lag = 0..n_lags in bins: sum over t of x_source[t] * x_target[t + lag]

    rates : (unit,) mean of x per bin; n_pairs : (lag,) number of bins t whose t + lag lies in the same segment
    """

    products: np.ndarray
    rates: np.ndarray
    n_pairs: np.ndarray

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.rates)

    @property
    def n_bins(self) -> int:
        """Number of bins of all segments."""
        return int(self.n_pairs[0])

    @property
    def variances(self) -> np.ndarray:
        """(unit,) of x, per bin."""
        own = np.arange(self.n_units)
        return self.products[own, own, 0] / self.n_bins - self.rates**2

    def weighted(self, lag_weights: np.ndarray) -> np.ndarray:
        """(kernel, source, target): sums over lags of the covariances times n_pairs.

        lag_weights : (kernel, 2 * m + 1), for the lags -m..m, m <= n_lags; a lag is positive where the target follows
        """
        reach = lag_weights.shape[1] // 2
        chance = np.concatenate([self.n_pairs[reach:0:-1], self.n_pairs[: reach + 1]]) @ lag_weights.T  # (kernel,)
        found = np.empty((len(lag_weights), self.n_units, self.n_units))
        for first in range(0, self.n_units, _BLOCK):
            block = slice(first, first + _BLOCK)
            ahead = self.products[block, :, : reach + 1].astype(np.float64)
            behind = self.products[:, block, reach:0:-1].swapaxes(0, 1).astype(np.float64)
            sums = ahead @ lag_weights[:, reach:].T + behind @ lag_weights[:, :reach].T  # (source, target, kernel)
            found[:, block] = np.moveaxis(sums, 2, 0)
        return found - chance[:, None, None] * np.outer(self.rates, self.rates)

    def gram(self, kernels: Sequence[np.ndarray]) -> np.ndarray:
        """(kernel, unit, kernel, unit): sums over time of the products of all pairs of centred filtered activities.

        kernels : each (2 * m + 1,), the weights of the lags -m..m, with 2 * m <= n_lags for the longest.
        Filtered activity is f[t] = sum over d of kernel[d] * x[t - d].
        """
        kernels = _same_length(kernels)
        n_kernels, n_units = len(kernels), self.n_units
        pairs = [(one, other) for one in range(n_kernels) for other in range(one, n_kernels)]
        lag_weights = np.array([np.convolve(kernels[one], kernels[other][::-1]) for one, other in pairs])
        found = np.empty((n_kernels, n_units, n_kernels, n_units))
        for (one, other), block in zip(pairs, self.weighted(lag_weights), strict=True):
            found[one, :, other] = block
            found[other, :, one] = block.T
        return found

    def cross(self, kernels: Sequence[np.ndarray]) -> np.ndarray:
        """(kernel, source, target): sums over time of the source's filtered activity times the target's."""
        return self.weighted(np.array(_same_length(kernels)))


def _same_length(kernels: Sequence[np.ndarray]) -> list[np.ndarray]:
    reach = max(len(kernel) for kernel in kernels) // 2
    return [np.pad(kernel, reach - len(kernel) // 2) for kernel in kernels]


def lagged_moments(data: ConnectivityData, bin_width: float, n_lags: int, *, binary: bool = False) -> LaggedMoments:
    """Moments of the activity in bins of `bin_width` (s) up to `n_lags` bins; binary : counts above 1 are 1.

    Spike times take time proportional to the pairs of spikes within n_lags, counts to bins * units ** 2 * n_lags.
    """
    if data.spikes is not None:
        return _of_spikes(data, data.spikes, bin_width, n_lags, binary)
    binned = data.binned(bin_width)
    assert binned.counts is not None
    return _of_counts(binned.counts, binned.segment_edges, n_lags, binary)


def binned_spikes(data: ConnectivityData, bin_width: float) -> list[np.ndarray]:
    """Bin of each spike, (spike,) int64 ascending, one array per unit; without those behind the last whole bin."""
    assert data.spikes is not None
    n_bins = int(np.floor(data.duration / bin_width + 1e-9))
    bins = np.floor((data.spikes.times - data.start) / bin_width + 1e-6).astype(np.int64)
    return [of_unit[of_unit < n_bins] for of_unit in np.split(bins, data.spikes.offsets[1:-1])]


def _of_spikes(
    data: ConnectivityData, spikes: SpikeTrains, bin_width: float, n_lags: int, binary: bool
) -> LaggedMoments:
    bins = binned_spikes(data, bin_width)
    if binary:
        bins = [np.unique(of_unit) for of_unit in bins]
    centred = SpikeTrains.from_list([of_unit + 0.5 for of_unit in bins])
    counts = correlograms(centred, longest_lag=float(n_lags), bin_width=1.0, ticks_per_bin=1).counts
    totals = np.array([len(of_unit) for of_unit in bins])
    own = np.arange(len(bins))
    counts[own, own, 0] += totals.astype(counts.dtype)  # a spike is no pair with itself in a correlogram
    n_bins = int(np.floor(data.duration / bin_width + 1e-9))
    return LaggedMoments(counts, totals / n_bins, np.maximum(n_bins - np.arange(n_lags + 1), 0).astype(np.float64))


def _of_counts(counts: np.ndarray, edges: np.ndarray, n_lags: int, binary: bool) -> LaggedMoments:
    values = (counts > 0 if binary else counts).astype(np.float32)
    segment = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    n_units = values.shape[1]
    products, n_pairs = np.zeros((n_units, n_units, n_lags + 1)), np.zeros(n_lags + 1)
    for lag in range(min(n_lags, len(values) - 1) + 1):
        same = segment[lag:] == segment[: len(segment) - lag]
        n_pairs[lag] = np.count_nonzero(same)
        before, after = values[: len(values) - lag], values[lag:]
        if not same.all():
            before, after = before[same], after[same]
        products[:, :, lag] = before.T @ after
    return LaggedMoments(products, values.mean(axis=0, dtype=np.float64), n_pairs)
