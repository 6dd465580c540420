"""Least-squares readout of every unit from the filtered activity of all units at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuropipe.connectivity.kernels import surrounding
from neuropipe.connectivity.moments import LaggedMoments

# Eigenvalues of slow covariance that stand for common drive exceed the most negative one, which no common drive makes,
# by this factor (in networks without drive, synapses made it up to 1.55; with drive, it was 2.1 and above).
DRIVE_FACTOR = 1.8
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


def drive_components(moments: LaggedMoments, kernel: np.ndarray, most: int = MOST_COMPONENTS) -> np.ndarray:
    """(unit, component) loadings of the drive that units share, as the factors of their smoothed covariances.

    kernel : symmetric, 0 at lag 0, so that a unit's own spikes don't count. Covariances are divided by standard
    deviations. Synapses alone make eigenvalues of both signs alike, common drive makes positive ones: those that exceed
    DRIVE_FACTOR times the most negative one are kept (after principal-axis factoring, with the diagonal estimated).
    """
    sds = np.sqrt(np.maximum(moments.variances, 1e-300))
    shared = moments.cross([kernel])[0] / np.outer(sds, sds) / moments.n_bins
    shared = (shared + shared.T) / 2
    np.fill_diagonal(shared, 0.0)
    values = np.linalg.eigvalsh(shared)
    least = max(-values[0], 0.0)
    n_components = 0
    for _ in range(_DIAGONAL_ROUNDS):  # a zero diagonal itself makes negative eigenvalues, so it is estimated first
        values, vectors = np.linalg.eigh(shared)
        n_components = min(most, int(np.count_nonzero(values > DRIVE_FACTOR * max(-values[0], least * 1e-3))))
        if not n_components:
            break
        kept = vectors[:, len(values) - n_components :]
        np.fill_diagonal(shared, (kept**2) @ values[len(values) - n_components :])
    return vectors[:, len(values) - n_components :] if n_components else np.zeros((len(values), 0))


def z_without_drive(
    moments: LaggedMoments, kernels: Sequence[np.ndarray], *, ridge: float, drive_time: float, bin_width: float
) -> list[Readout]:
    """Readouts by each kernel, with the drive that units share regressed out. drive_time, bin_width : s"""
    slow = surrounding(drive_time, bin_width)
    loadings = drive_components(moments, slow)
    return [readout(moments, kernel, ridge=ridge, drive_kernel=slow, loadings=loadings) for kernel in kernels]
