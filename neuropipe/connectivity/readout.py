"""Least-squares readout of every unit from the filtered activity of all units at once."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from neuropipe.connectivity.kernels import distant
from neuropipe.connectivity.moments import LaggedMoments

# An eigenvalue of the covariances at distant lags stands for common drive if it exceeds the largest one that chance
# makes, and the most negative one, which no drive makes, by these factors. In simulated networks without drive it was
# at most 1.4 and 1.2 times as large, in those with drive at least 5.8 and 5.2 times.
CHANCE_FACTOR, NEGATIVE_FACTOR = 2.0, 1.8
MOST_COMPONENTS = 10
_DIAGONAL_ROUNDS = 20


@dataclass(frozen=True)
class Readout:
    """weights, errors : (source, target), coefficients of filtered activity and their standard errors."""

    weights: np.ndarray
    errors: np.ndarray

    @property
    def z_scores(self) -> np.ndarray:
        """(source, target) weights in standard errors; 0 where nothing varies."""
        return np.divide(self.weights, self.errors, out=np.zeros_like(self.weights), where=self.errors > 0)


def readout(
    moments: LaggedMoments,
    kernel: np.ndarray,
    *,
    ridge: float,
    drive_kernel: np.ndarray | None = None,
    loadings: np.ndarray | None = None,
) -> Readout:
    """Regress each unit's activity on the activity of all units, its own included, filtered by `kernel`.

    ridge : penalty, as if every source had this many isolated events more without any effect
    drive_kernel, loadings (unit, component) : the components of the activity filtered by drive_kernel are regressed out
    """
    n_units = moments.n_units
    kernels = [kernel] if drive_kernel is None else [kernel, drive_kernel]
    gram, cross = moments.gram(kernels), moments.cross(kernels)
    normal, right = gram[0, :, 0] + ridge * (kernel @ kernel) * np.eye(n_units), cross[0]
    if loadings is not None and loadings.size:
        mixed, slow = gram[0, :, 1] @ loadings, loadings.T @ gram[1, :, 1] @ loadings
        normal = np.block([[normal, mixed], [mixed.T, slow + 1e-9 * np.trace(slow) * np.eye(len(slow))]])
        right = np.concatenate([right, loadings.T @ cross[1]])
    normal = (normal + normal.T) / 2
    inverse = np.linalg.inv(normal)
    weights = inverse @ right
    explained = np.einsum("ft,ft->t", weights, right) / moments.n_bins
    residual = np.clip(moments.variances - explained, 0.05 * moments.variances, None)
    errors = np.sqrt(np.outer(np.diag(inverse)[:n_units], residual))
    return Readout(weights[:n_units], errors)


def drive_components(moments: LaggedMoments, bin_width: float, most: int = MOST_COMPONENTS) -> np.ndarray:
    """(unit, component) loadings of the drive that units share; bin_width in s.

    They are the factors of the units' covariances at lags of 20 to 140 ms, which synapses hardly reach, over the
    standard deviations; the diagonal is estimated with them (principal-axis factoring). Their number is that of
    eigenvalues beyond CHANCE_FACTOR times the edge of a random matrix, 2 * sqrt(n_units) in standard errors of a
    covariance (Wigner), and beyond NEGATIVE_FACTOR times the most negative one.
    """
    kernel = distant(bin_width)
    sds = np.sqrt(np.maximum(moments.variances, 1e-300))
    shared = moments.cross([kernel])[0] / np.outer(sds, sds) / np.sqrt(moments.n_bins * (kernel @ kernel))
    shared = (shared + shared.T) / 2
    np.fill_diagonal(shared, 0.0)
    chance = 2 * np.sqrt(len(sds))
    kept = np.zeros((len(sds), 0))
    for _ in range(_DIAGONAL_ROUNDS):  # a diagonal of 0 itself makes negative eigenvalues
        values, vectors = np.linalg.eigh(shared)
        limit = max(CHANCE_FACTOR * chance, NEGATIVE_FACTOR * -values[0] if kept.size else 0.0)
        n_components = min(most, int(np.count_nonzero(values > limit)))
        kept = vectors[:, len(values) - n_components :]
        if not n_components:
            break
        np.fill_diagonal(shared, (kept**2) @ values[len(values) - n_components :])
    return kept


def lags_for(kernels: Iterable[np.ndarray], bin_width: float) -> int:
    """Lags (bins of bin_width, s) that moments need for readouts by these kernels and for `drive_components`."""
    return max(len(distant(bin_width)) // 2, *(len(kernel) - 1 for kernel in kernels))
