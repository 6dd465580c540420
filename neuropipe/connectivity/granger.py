"""Granger causality between units: does the source's past improve the prediction of the target from all others?"""

from typing import Any, ClassVar

import numpy as np
from scipy.stats import f as f_distribution

from neuropipe.connectivity.base import ConnectivityMethod, Estimate
from neuropipe.connectivity.data import ConnectivityData
from neuropipe.connectivity.moments import lagged_moments
from neuropipe.errors import BadInput
from neuropipe.parameters import POSITIVE, Parameters
from neuropipe.registry import connectivity_method

_MOST_REGRESSORS = 8_000


@connectivity_method("granger", needs="counts", directed=True, signed=True, calibrated=False, tools=("numba", "scipy"))
class Granger(Parameters, ConnectivityMethod):
    """Conditional Granger causality: an F-test of the source's lags in a vector autoregression of all units.

    Granger 1969, Econometrica 37:424; Geweke 1984, J Am Stat Assoc 79:907; for spikes Kim et al. 2011, PLoS Comput Biol
    7:e1001110, whose likelihood ratio of point-process models this replaces by its least-squares form on counts.
    The model of x_j[t] has x_i[t - 1] .. x_i[t - n] of every unit i. For each pair, F compares it with the model
    without the source's lags. The weight is sign * sqrt(n * F), the sign that of the sum of the source's
    coefficients; the p-value is that of F. Common drive makes it too small.

    bin_width : s, of spike times; activity in bins keeps its own
    history : s, the past that is read, in whole bins, at least one
    """

    bin_width: float = 0.002
    history: float = 0.01

    _parameter_constraints: ClassVar[dict[str, Any]] = {"bin_width": [POSITIVE], "history": [POSITIVE]}

    @property
    def longest_lag(self) -> float:
        """s"""
        return self.history

    def _estimate(self, data: ConnectivityData) -> Estimate:
        width = self.bin_width if data.bin_width is None else data.bin_width
        n_units, n_lags = data.n_units, max(1, round(self.history / width))
        _check_size(n_units, n_lags)
        moments = lagged_moments(data, width, 2 * n_lags)
        kernels = list(np.eye(2 * n_lags + 1)[n_lags + 1 :])
        n_regressors = n_units * n_lags
        gram = moments.gram(kernels).reshape(n_regressors, n_regressors)
        gram += 1e-9 * np.trace(gram) / n_regressors * np.eye(n_regressors)
        cross = moments.cross(kernels).reshape(n_regressors, n_units)
        inverse = np.linalg.inv((gram + gram.T) / 2)
        coefficients = inverse @ cross
        unexplained = moments.n_bins * moments.variances - np.einsum("rt,rt->t", coefficients, cross)
        freedom = moments.n_bins - n_regressors - 1
        residual = np.maximum(unexplained, 1e-9 * moments.n_bins * moments.variances) / freedom
        by_source = coefficients.reshape(n_lags, n_units, n_units)
        own = np.arange(n_units)
        blocks = inverse.reshape(n_lags, n_units, n_lags, n_units)[:, own, :, own]  # (source, lag, lag)
        lost = np.einsum("kit,ikl,lit->it", by_source, np.linalg.inv(blocks), by_source, optimize=True)
        f_statistic = lost / (n_lags * residual)  # what the fit loses without the source's lags, over the noise
        sign = np.sign(by_source.sum(axis=0))
        return Estimate(sign * np.sqrt(n_lags * f_statistic), f_distribution.sf(f_statistic, n_lags, freedom))


def _check_size(n_units: int, n_lags: int) -> None:
    if n_units * n_lags > _MOST_REGRESSORS:
        raise BadInput(
            f"{n_units} units with {n_lags} lags are {n_units * n_lags} regressors, more than the {_MOST_REGRESSORS} "
            "that fit in memory; shorten history, or choose fewer units"
        )
