"""Excess of the cross-correlogram over what jittered spikes would give (Amarasingham et al. 2012)."""

from typing import Any, ClassVar

import numpy as np

from neuropipe.connectivity.base import ConnectivityMethod, Estimate
from neuropipe.connectivity.correlograms import Correlograms, correlograms, to_ticks
from neuropipe.connectivity.data import ConnectivityData
from neuropipe.connectivity.jitter import Null, interval_jitter, two_sided_p_values
from neuropipe.connectivity.shared_sites import blind_lags, on_one_site
from neuropipe.errors import BadInput
from neuropipe.parameters import POSITIVE, Parameters
from neuropipe.registry import connectivity_method


@connectivity_method(
    "jitter_correlogram", needs="spikes", directed=True, signed=True, calibrated=True, tools=("numba", "scipy")
)
class JitterCorrelogram(Parameters, ConnectivityMethod):
    """Spike pairs at short lags against interval jitter, whose distribution is computed, not sampled.

    Amarasingham et al. 2012, J Neurophysiol 107:517. The recording is cut into windows of 2 * `jitter`; under the null
    each target spike falls anywhere in its window, so that rates which change slower than that are kept. The statistic
    counts pairs at the lags from one bin to `longest_lag_read`, weighted by the shape of a synaptic effect, a rise of
    `rise` and a decay of `decay`, fixed beforehand: there is no search over lags and nothing to correct for. The weight
    is the statistic's z-score under the null, the p-value two-sided from its first three cumulants. Spike times are
    taken to bins first. The delay is the lag with the most pairs, or the fewest where the weight is negative. Pairs of
    one site are read from the first lag above 1 ms on, and what they have too many or too few at lag 0 is no part of
    the null.

    jitter, bin_width, longest_lag_read, rise, decay : s
    """

    jitter: float = 0.025
    bin_width: float = 0.001
    longest_lag_read: float = 0.016
    rise: float = 0.002
    decay: float = 0.008

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "jitter": [POSITIVE],
        "bin_width": [POSITIVE],
        "longest_lag_read": [POSITIVE],
        "rise": [POSITIVE],
        "decay": [POSITIVE],
    }

    @property
    def longest_lag(self) -> float:
        """s"""
        return 2 * self.jitter

    def _estimate(self, data: ConnectivityData) -> Estimate:
        kernel, window = self._kernel(), round(2 * self.jitter / self.bin_width)
        if len(kernel) >= window:
            raise BadInput(
                f"longest_lag_read ({1e3 * self.longest_lag_read:g} ms) must be shorter than the jitter window, "
                f"{2e3 * self.jitter:g} ms"
            )
        assert data.spikes is not None
        spikes, blind = data.spikes, blind_lags(self.bin_width)
        found = correlograms(
            spikes,
            start=data.start,
            longest_lag=max(len(kernel), blind + 1) * self.bin_width,
            bin_width=self.bin_width,
            ticks_per_bin=1,
        )
        ticks = to_ticks(spikes.times, data.start, self.bin_width)
        n_ticks = max(int(np.ceil(data.duration / self.bin_width)), int(ticks.max()) + 1)

        def with_kernel(kernel: np.ndarray, artefacts: np.ndarray | float) -> tuple[np.ndarray, ...]:
            """Weights, p-values and delays; artefacts : (source, target) pairs at lag 0 that the null leaves out."""
            null = interval_jitter(ticks, spikes.offsets, n_ticks, window, kernel)
            null = null._replace(mean=null.mean - artefacts * share_of_neighbour(kernel, window))
            return _against(found.counts[:, :, 1 : len(kernel) + 1], kernel, null, self.bin_width)

        results = with_kernel(kernel, 0.0)
        together = on_one_site(data.sites, data.n_units)
        if together.any():
            late = np.where(np.arange(1, len(kernel) + 1) <= blind, 0.0, kernel)
            for whole, part in zip(results, with_kernel(late, beyond_neighbours(found, blind)), strict=True):
                whole[together] = part[together]
        return Estimate(*results)

    def _kernel(self) -> np.ndarray:
        """(lag,) from one bin on, largest 1."""
        lags = np.arange(1, round(self.longest_lag_read / self.bin_width) + 1) * self.bin_width
        kernel = (1 - np.exp(-lags / self.rise)) * np.exp(-lags / self.decay)
        return kernel / kernel.max()


def share_of_neighbour(kernel: np.ndarray, window: int) -> float:
    """What a pair at lag 0 adds to the mean of the null, averaged over where in a window it lies."""
    lags = np.arange(1, len(kernel) + 1)
    return float(np.sum(kernel * (1 - lags / window)) / window)


def beyond_neighbours(found: Correlograms, blind: int) -> np.ndarray:
    """(source, target) pairs at the lags -blind..blind beyond what the two lags beside them suggest."""
    counts = found.counts.astype(np.float64)
    inside = counts[:, :, 0] + counts[:, :, 1 : blind + 1].sum(axis=2) + counts[:, :, 1 : blind + 1].sum(axis=2).T
    return inside - (2 * blind + 1) * (counts[:, :, blind + 1] + counts[:, :, blind + 1].T) / 2


def _against(counts: np.ndarray, kernel: np.ndarray, null: Null, bin_width: float) -> tuple[np.ndarray, ...]:
    """Weights, p-values and delays of counts, (source, target, lag from 1 on)."""
    observed = counts @ kernel
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.where(null.variance > 0, (observed - null.mean) / np.sqrt(null.variance), 0.0)
    sign, read = np.where(weights < 0, -1.0, 1.0)[:, :, None], np.flatnonzero(kernel)
    delays = (1 + read[np.argmax(sign * counts[:, :, read], axis=2)]) * bin_width
    return weights, two_sided_p_values(observed, null), delays
