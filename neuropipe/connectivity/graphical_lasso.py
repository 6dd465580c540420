"""Graphical lasso: a sparse network of partial correlations."""

import warnings

import numpy as np

from neuropipe.connectivity.base import ConnectivityMethod, Estimate
from neuropipe.connectivity.covariance import correlations, partial_correlations
from neuropipe.connectivity.data import ConnectivityData
from neuropipe.errors import BadInput
from neuropipe.parameters import COUNT, FOLDS, POSITIVE, Parameters
from neuropipe.registry import connectivity_method


@connectivity_method(
    "graphical_lasso", needs="counts", directed=False, signed=True, calibrated=False, slow=True,
    tools=("scipy", "scikit-learn"),
)  # fmt: skip
class GraphicalLasso(Parameters, ConnectivityMethod):
    """Sparse partial correlations of spike counts: the graphical lasso, its penalty chosen on held-out stretches.

    Friedman et al. 2008 (Biostatistics 9:432), as in scikit-learn, on counts that are scaled to unit variance. The
    penalty is lowered until the counts of contiguous held-out stretches get less likely.

    bin_width : s; activity that comes in bins is read in the nearest multiple of them
    n_penalties : tried, from one that leaves no connection down to 1/100 of it; n_folds : stretches
    """

    _parameter_constraints = {"bin_width": [POSITIVE], "n_penalties": [COUNT], "n_folds": [FOLDS]}

    bin_width: float = 0.02
    n_penalties: int = 8
    n_folds: int = 4

    def _estimate(self, data: ConnectivityData) -> Estimate:
        counts = data.counts_near(self.bin_width)
        if len(counts) < 2 * self.n_folds:
            raise BadInput(f"{len(counts)} bins are too few for {self.n_folds} folds; use shorter bins or fewer folds")
        whole = correlations(counts).shrunk
        largest = np.abs(whole - np.diag(np.diag(whole))).max()
        if largest == 0:
            return Estimate(np.zeros(whole.shape))
        halves = []
        for test in np.array_split(np.arange(len(counts)), self.n_folds):
            kept = np.ones(len(counts), bool)
            kept[test] = False
            halves.append((correlations(counts[kept]).shrunk, correlations(counts[test]).matrix))
        best = (-np.inf, largest)
        for penalty in largest * np.logspace(0, -2, self.n_penalties):
            likelihood = sum(_log_likelihood(unseen, _precision(seen, penalty)) for seen, unseen in halves)
            if likelihood < best[0]:
                break  # below the best penalty the fit takes ever longer and gets ever worse
            best = (likelihood, penalty)
        return Estimate(partial_correlations(_precision(whole, best[1])))


def _precision(correlation: np.ndarray, penalty: float) -> np.ndarray:
    """The sparse inverse of a correlation matrix."""
    from sklearn.covariance import graphical_lasso
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a duality gap of 1e-4 is not always reached in 100 steps
        return graphical_lasso(correlation, penalty, mode="cd")[1]


def _log_likelihood(correlation: np.ndarray, precision: np.ndarray) -> float:
    """Of Gaussian samples with this correlation, per sample and up to a constant."""
    sign, logarithm = np.linalg.slogdet(precision)
    return logarithm - float((correlation * precision).sum()) if sign > 0 else -np.inf
