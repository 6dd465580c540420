"""Partial correlation of spike counts: the correlation of two units given all others."""

import numpy as np

from neuropipe.connectivity.base import ConnectivityMethod, Estimate
from neuropipe.connectivity.covariance import correlations, fisher_p_values, partial_correlations
from neuropipe.connectivity.data import ConnectivityData
from neuropipe.parameters import POSITIVE, Parameters
from neuropipe.registry import connectivity_method


@connectivity_method(
    "partial_correlation", needs="counts", directed=False, signed=True, calibrated=False,
    tools=("scipy", "scikit-learn"),
)  # fmt: skip
class PartialCorrelation(Parameters, ConnectivityMethod):
    """Correlation of the counts of two units given those of all others, from a shrunk correlation matrix.

    The inverse of the correlation matrix, kept invertible by Ledoit and Wolf's shrinkage (2004, J Multivariate Analysis
    88:365). Paths over recorded units are explained away, drive from hidden ones is not. p-values are Fisher's for
    partial correlations (1924, Metron 3:329), without regard to the shrinkage and to the dependence of bins.

    bin_width : s; activity that comes in bins is read in the nearest multiple of them
    """

    _parameter_constraints = {"bin_width": [POSITIVE]}

    bin_width: float = 0.02

    def _estimate(self, data: ConnectivityData) -> Estimate:
        found = correlations(data.counts_near(self.bin_width))
        partial = partial_correlations(np.linalg.pinv(found.shrunk, hermitian=True))
        return Estimate(partial, fisher_p_values(partial, found.n - (data.n_units - 2)))
