"""Transfer entropy between binned spike trains (Schreiber 2000), against jittered sources."""

from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from scipy.special import fdtrc
from sklearn.utils._param_validation import Interval

from neuropipe.connectivity.base import ConnectivityMethod, Estimate
from neuropipe.connectivity.binary_trains import (
    BLOCK,
    LONGEST,
    count_patterns,
    largest_entropies,
    patterns,
    sorted_distinct,
)
from neuropipe.connectivity.correlograms import over_units, to_ticks
from neuropipe.connectivity.data import ConnectivityData
from neuropipe.connectivity.shared_sites import blind_lags, on_one_site
from neuropipe.parameters import COUNT_OR_ZERO, POSITIVE, Parameters
from neuropipe.registry import connectivity_method

_NONE = 1e-9  # nats, less than any dependence


@connectivity_method(
    "transfer_entropy", needs="spikes", directed=True, signed=True, calibrated=True, tools=("numba", "scipy")
)
class TransferEntropy(Parameters, ConnectivityMethod):
    """What the source's past says of the target's next bin beyond the target's own last bin.

    Schreiber 2000, Phys Rev Lett 85:461, with delays as in Ito et al. 2011, PLoS ONE 6:e27431: bins hold a spike or
    none, the target's history is one bin, the source is read at each delay of 1 to `n_delays` bins, and the largest
    value T counts. All sources are jittered `n_surrogates` times within windows of 2 * `jitter` (interval jitter,
    Amarasingham et al. 2012, J Neurophysiol 107:517), and T is taken anew, so that the search over delays is part of
    the null. The weight is sqrt(T / mean T of the pair's surrogates), about 1 by chance, signed by whether the target
    fires more or less after the source. Under the null T is taken to be gamma distributed, with the pair's own mean and
    a shape shared by all pairs, so that T over the mean of its surrogates follows an F distribution, which gives the
    p-value. Pairs of one site are read from the first delay on whose bins hold no lag below 1 ms.

    bin_width, jitter : s
    """

    bin_width: float = 0.002
    n_delays: int = 4
    n_surrogates: int = 20
    jitter: float = 0.025
    seed: int = 0

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "bin_width": [POSITIVE],
        "n_delays": [Interval(Integral, 1, LONGEST, closed="both")],
        "n_surrogates": [Interval(Integral, 5, None, closed="left")],
        "jitter": [POSITIVE],
        "seed": [COUNT_OR_ZERO],
    }

    @property
    def longest_lag(self) -> float:
        """s"""
        return max(2 * self.jitter, self.n_delays * self.bin_width)

    def _estimate(self, data: ConnectivityData) -> Estimate:
        bins, offsets, n_bins = distinct_bins(data, self.bin_width)
        first_delays = np.where(on_one_site(data.sites, data.n_units), 2 + blind_lags(self.bin_width), 1)
        targets = Targets.of(bins, offsets, n_bins, self.n_delays)
        entropies, delays = targets.entropies(bins, offsets, first_delays)
        rng = np.random.default_rng(self.seed)
        total, squares = np.zeros_like(entropies), np.zeros_like(entropies)
        for _ in range(self.n_surrogates):
            drawn, at = jittered(bins, offsets, n_bins, round(2 * self.jitter / self.bin_width), rng)
            found = np.abs(targets.entropies(drawn, at, first_delays)[0])
            total += found
            squares += found**2
        mean = total / self.n_surrogates
        variance = (squares - self.n_surrogates * mean**2) / (self.n_surrogates - 1)
        mean = np.maximum(mean, _NONE)
        pairs = ~np.eye(data.n_units, dtype=bool)
        shape = 1 / max(np.mean(variance[pairs] / mean[pairs] ** 2), _NONE)
        ratio = np.abs(entropies) / mean
        p_values = fdtrc(2 * shape, 2 * shape * self.n_surrogates, ratio)
        return Estimate(np.sign(entropies) * np.sqrt(ratio), p_values, delays * self.bin_width)


@dataclass(frozen=True)
class Targets:
    """What is looked up of every target: its patterns, (time,) each, and how often each occurs, (unit, pattern)."""

    patterns: list[np.ndarray]
    occurrences: np.ndarray
    n_delays: int

    @classmethod
    def of(cls, bins: np.ndarray, offsets: np.ndarray, n_bins: int, n_delays: int) -> "Targets":
        """From bins with a spike, unit u owning bins[offsets[u]:offsets[u + 1]]."""
        found = [patterns(train, n_bins, n_delays) for train in np.split(bins, offsets[1:-1])]
        return cls(found, np.stack([np.bincount(each, minlength=2 << n_delays) for each in found]), n_delays)

    def entropies(
        self, bins: np.ndarray, offsets: np.ndarray, first_delays: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Signed transfer entropies at the best delays, nats in all, and those delays, bins; both (source, target).

        bins, offsets : of the sources; first_delays : (source, target), from which on delays are read
        """
        n_units, n_bins = len(self.patterns), len(self.patterns[0])
        entropies, delays = np.empty((n_units, n_units)), np.empty((n_units, n_units), np.int64)
        stretches = np.arange(0, n_bins + BLOCK, BLOCK)
        edges = np.stack([np.searchsorted(train, stretches) for train in np.split(bins, offsets[1:-1])], axis=1)
        edges += offsets[:-1]

        def of_target(target: int) -> None:
            counts = np.empty(self.occurrences.shape, np.int64)
            count_patterns(bins, edges, self.patterns[target], counts)
            largest_entropies(
                counts,
                self.occurrences[target],
                first_delays[:, target],
                self.n_delays,
                entropies[target],
                delays[target],
            )

        over_units(of_target, range(n_units))
        return entropies.T, delays.T


def distinct_bins(data: ConnectivityData, bin_width: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Bins with at least one spike, unit after unit, where each unit's begin, and the number of bins in all."""
    assert data.spikes is not None
    bins = to_ticks(data.spikes.times, data.start, bin_width).astype(np.int64)
    n_bins = max(int(np.ceil(data.duration / bin_width)), int(bins.max()) + 1)
    return *sorted_distinct(bins, data.spikes.offsets), n_bins


def jittered(
    bins: np.ndarray, offsets: np.ndarray, n_bins: int, window: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Each spike drawn anew, uniformly within the window of `window` bins that it is in; bins and offsets."""
    low = bins // window * window
    drawn = low + (rng.random(len(bins)) * np.minimum(window, n_bins - low)).astype(np.int64)
    return sorted_distinct(drawn, offsets)
