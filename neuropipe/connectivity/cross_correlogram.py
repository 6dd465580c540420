"""Excess of the cross-correlogram over a hollow-Gaussian baseline (Stark and Abeles 2009): the anchor."""

from typing import Any, ClassVar

import numpy as np
from scipy.ndimage import convolve1d
from scipy.special import gammaln, pdtr

from neuropipe.connectivity.base import ConnectivityMethod, Estimate
from neuropipe.connectivity.correlograms import correlograms
from neuropipe.connectivity.data import ConnectivityData
from neuropipe.connectivity.shared_sites import bridge_lag_zero, on_one_site
from neuropipe.parameters import POSITIVE, SHARE_BELOW_ONE, Parameters
from neuropipe.registry import connectivity_method

_CUT = 3  # standard deviations at which the Gaussian ends
_BLOCK = 64  # sources at a time


@connectivity_method(
    "cross_correlogram", needs="spikes", directed=True, signed=True, calibrated=False, tools=("numba", "scipy")
)
class CrossCorrelogram(Parameters, ConnectivityMethod):
    """Spike pairs at short lags beyond those that slower co-variation of rates predicts.

    Stark and Abeles 2009, J Neurosci Methods 179:90. The baseline of a correlogram is its convolution with a Gaussian
    whose middle is partly hollow. Excess is summed over the lags from `shortest_lag` to `longest_excess_lag`, both
    included; the weight is excess / sqrt(baseline + 1). p-values come from the Poisson distribution with the paper's
    continuity correction (a count that equals the observed one counts half), for the summed count, two-sided. Counts
    that make up a peak also raise their own baseline, and the baseline's own error is left out, so that p-values are
    approximate. The delay is the lag of the largest excess in the direction of the weight.

    Its defaults are those of the anchor: other methods are judged by what they add to it, and they stay as they are.

    bin_width, gaussian_sd, shortest_lag, longest_excess_lag : s; hollow_fraction : by which the middle is lowered
    """

    bin_width: float = 0.001
    gaussian_sd: float = 0.012
    hollow_fraction: float = 0.6
    shortest_lag: float = 0.001
    longest_excess_lag: float = 0.010

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "bin_width": [POSITIVE],
        "gaussian_sd": [POSITIVE],
        "hollow_fraction": [SHARE_BELOW_ONE],
        "shortest_lag": [POSITIVE],
        "longest_excess_lag": [POSITIVE],
    }

    @property
    def longest_lag(self) -> float:
        """s; so far that the baseline of the longest lag read is whole."""
        n_lags = round(self.longest_excess_lag / self.bin_width) + len(self._kernel()) // 2
        return n_lags * self.bin_width

    def _estimate(self, data: ConnectivityData) -> Estimate:
        assert data.spikes is not None
        first, last = (round(lag / self.bin_width) for lag in (self.shortest_lag, self.longest_excess_lag))
        found = correlograms(data.spikes, start=data.start, longest_lag=self.longest_lag, bin_width=self.bin_width)
        together = on_one_site(data.sites, data.n_units)
        window = slice(found.n_lags + first, found.n_lags + last + 1)
        shape = (data.n_units, data.n_units)
        weights, p_values, delays = np.empty(shape), np.empty(shape), np.empty(shape)
        for begin in range(0, data.n_units, _BLOCK):
            sources = slice(begin, begin + _BLOCK)
            counts = bridge_lag_zero(found.both_sides(sources), together[sources], self.bin_width)
            baseline = convolve1d(counts, self._kernel(), axis=2, mode="nearest")[:, :, window]
            excess = counts[:, :, window] - baseline
            expected, observed = baseline.sum(axis=2), counts[:, :, window].sum(axis=2)
            weights[sources] = (observed - expected) / np.sqrt(expected + 1)
            p_values[sources] = poisson_p_values(observed, expected)
            peak = np.argmax(excess * np.where(weights[sources] < 0, -1, 1)[:, :, None], axis=2)
            delays[sources] = (first + peak) * self.bin_width
        return Estimate(weights, p_values, delays)

    def _kernel(self) -> np.ndarray:
        """The hollow Gaussian, of sum 1."""
        return hollow_gaussian(self.gaussian_sd / self.bin_width, self.hollow_fraction)


def hollow_gaussian(sd: float, hollow_fraction: float) -> np.ndarray:
    """(lag,) weights of sum 1: a Gaussian of this sd (bins), its middle lowered by a fraction."""
    reach = int(_CUT * sd)
    kernel = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sd**2))
    kernel[reach] *= 1 - hollow_fraction
    return kernel / kernel.sum()


def poisson_p_values(observed: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Two-sided p-values of Poisson counts; a count equal to the observed one counts half on either side."""
    expected = np.maximum(expected, 1e-12)
    observed = np.round(observed)
    equal = np.exp(observed * np.log(expected) - expected - gammaln(observed + 1))
    below = np.where(observed > 0, pdtr(np.maximum(observed - 1, 0), expected), 0.0)
    low = below + 0.5 * equal
    return np.clip(2 * np.minimum(low, 1 - low), 0, 1)
