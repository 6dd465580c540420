"""GLMCC: a generalised linear model of each pair's cross-correlogram (Kobayashi et al. 2019)."""

from typing import Any, ClassVar

import numba
import numpy as np
from scipy.special import chdtrc

from neuropipe.connectivity.base import ConnectivityMethod, Estimate
from neuropipe.connectivity.correlogram_fit import fit, start_of
from neuropipe.connectivity.correlograms import correlograms, over_units
from neuropipe.connectivity.data import ConnectivityData
from neuropipe.connectivity.shared_sites import blind_lags, on_one_site
from neuropipe.errors import BadInput
from neuropipe.parameters import POSITIVE, Parameters, each_of
from neuropipe.registry import connectivity_method

_SCAN = 20  # points per bin in means of the kernel over a bin


@connectivity_method("glmcc", needs="spikes", directed=True, signed=True, calibrated=False, tools=("numba", "scipy"))
class GLMCC(Parameters, ConnectivityMethod):
    """Couplings of both directions of a pair, fitted to its correlogram together with a slowly varying baseline.

    Kobayashi et al. 2019, Nat Commun 10:4468. The rate of the correlogram at lag t is
    exp(a(t) + J_ij f(t) + J_ji f(-t)), f(t) = exp(-(t - d) / tau) from the synaptic delay d on, within lags up to
    `longest_lag_fitted`. Its prior keeps a(t) slow: beta / 2 times the integral of (da/dt)^2, beta in ms. The delay is
    the one of `delays` with the highest posterior, the same for both directions of a pair, as in the authors' program.

    Here counts in bins are fitted instead of the times themselves. A coupling is tested by the likelihood ratio of the
    model without it, both at their highest posterior, as in the authors' later version; its p-value is that of a
    chi-square of one degree of freedom times the number of delays. The weight is the square root of the ratio with the
    sign of J (a z-score), since J itself of units that fire rarely is mostly noise. `couplings_` holds J of the units
    that fire, (source, target). Pairs of one site are fitted without the lags up to 1 ms.

    bin_width, longest_lag_fitted, tau, delays : s; smoothness : beta, ms
    """

    bin_width: float = 0.001
    longest_lag_fitted: float = 0.05
    tau: float = 0.004
    delays: tuple[float, ...] = (0.001, 0.002, 0.003, 0.004)
    smoothness: float = 4000.0

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "bin_width": [POSITIVE],
        "longest_lag_fitted": [POSITIVE],
        "tau": [POSITIVE],
        "delays": each_of(POSITIVE),
        "smoothness": [POSITIVE],
    }

    @property
    def longest_lag(self) -> float:
        """s"""
        return self.longest_lag_fitted

    def _estimate(self, data: ConnectivityData) -> Estimate:
        if max(self.delays) + self.tau > self.longest_lag_fitted:
            raise BadInput(
                f"longest_lag_fitted ({1e3 * self.longest_lag_fitted:g} ms) must hold the longest delay and tau, "
                f"{1e3 * (max(self.delays) + self.tau):g} ms"
            )
        assert data.spikes is not None
        n_units = data.n_units
        found = correlograms(
            data.spikes, start=data.start, longest_lag=self.longest_lag_fitted, bin_width=self.bin_width
        )
        kernels = np.stack([self._kernels(found.n_lags, delay) for delay in self.delays])
        used = np.ones((2, 2 * found.n_lags + 1), bool)
        blind = blind_lags(self.bin_width)
        used[1, found.n_lags - blind : found.n_lags + blind + 1] = False
        together = on_one_site(data.sites, n_units)
        beta = self.smoothness / (1e3 * self.bin_width)
        couplings, ratios = np.zeros((n_units, n_units)), np.zeros((n_units, n_units))
        delays = np.full((n_units, n_units), np.nan)

        def of_source(source: int) -> None:
            counts = found.both_sides(slice(source, source + 1))[0]
            for target in range(source + 1, n_units):
                mask = used[int(together[source, target])]
                chosen, forward, backward = fit_pair(counts[target], mask, kernels, beta)
                delays[source, target] = delays[target, source] = self.delays[chosen]
                couplings[source, target], ratios[source, target] = forward
                couplings[target, source], ratios[target, source] = backward

        over_units(of_source, range(n_units))
        self.couplings_ = couplings
        p_values = np.minimum(1, len(self.delays) * chdtrc(1, ratios))
        return Estimate(np.sign(couplings) * np.sqrt(ratios), p_values, delays)

    def _kernels(self, n_lags: int, delay: float) -> np.ndarray:
        """(2, lag) means over each bin of f(t) and f(-t)."""
        within = (np.arange(_SCAN) + 0.5) / _SCAN - 0.5
        times = (np.arange(-n_lags, n_lags + 1)[:, None] + within) * self.bin_width
        forward = np.where(times >= delay, np.exp(-np.maximum(times - delay, 0) / self.tau), 0).mean(axis=1)
        return np.stack([forward, forward[::-1]])


@numba.njit(nogil=True)
def fit_pair(counts, used, kernels, beta):
    """The number of the best delay, and (coupling, likelihood ratio) forward and backward, of one correlogram.

    counts : (lag,), lags below 0 first; used : (lag,) bool; kernels : (delay, 2, lag); beta : of the prior, in bins
    """
    both = np.ones(2, np.bool_)
    best, chosen = -np.inf, 0
    best_baseline, best_couplings = start_of(counts, used), np.zeros(2)
    for delay in range(len(kernels)):
        baseline, couplings = best_baseline.copy(), np.zeros(2)
        value = fit(counts, used, kernels[delay], beta, both, baseline, couplings)
        if value > best:
            best, chosen = value, delay
            best_baseline, best_couplings = baseline, couplings
    ratios = np.zeros(2)
    for without in range(2):
        free = both.copy()
        free[without] = False
        baseline, couplings = best_baseline.copy(), best_couplings.copy()
        couplings[without] = 0.0
        value = fit(counts, used, kernels[chosen], beta, free, baseline, couplings)
        ratios[without] = max(2 * (best - value), 0.0)
    return chosen, (best_couplings[0], ratios[0]), (best_couplings[1], ratios[1])
