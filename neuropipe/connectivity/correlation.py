"""Pearson's correlation of spike counts: the plainest measure of functional connectivity."""

from neuropipe.connectivity.base import ConnectivityMethod, Estimate
from neuropipe.connectivity.covariance import correlations, fisher_p_values
from neuropipe.connectivity.data import ConnectivityData
from neuropipe.parameters import POSITIVE, Parameters
from neuropipe.registry import connectivity_method


@connectivity_method(
    "correlation", needs="counts", directed=False, signed=True, calibrated=False, tools=("scipy", "scikit-learn")
)
class Correlation(Parameters, ConnectivityMethod):
    """Pearson's correlation of spike counts in bins; both directions of a pair get the same value.

    It can't tell a direct connection from an indirect one or from common drive. p-values are Fisher's, for bins that
    are independent; those of a recording rarely are, so too many pairs are found.

    bin_width : s; activity that comes in bins is read in the nearest multiple of them
    """

    _parameter_constraints = {"bin_width": [POSITIVE]}

    bin_width: float = 0.02

    def _estimate(self, data: ConnectivityData) -> Estimate:
        found = correlations(data.counts_near(self.bin_width))
        return Estimate(found.matrix, fisher_p_values(found.matrix, found.n))
