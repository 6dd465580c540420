"""Correlations of binned activity, summed block by block: counts of an hour need not fit into memory as floats."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

BINS_PER_BLOCK = 1 << 13


class Correlations(NamedTuple):
    """matrix : (unit, unit), 0 for pairs with a unit that never varies, 1 on the diagonal; n : bins

    shrinkage : weight of the identity that Ledoit and Wolf give (2004, J Multivariate Analysis 88:365)
    """

    matrix: np.ndarray
    n: int
    shrinkage: float

    @property
    def shrunk(self) -> np.ndarray:
        """The matrix drawn towards the identity, so that it can be inverted however few bins there are."""
        return (1 - self.shrinkage) * self.matrix + self.shrinkage * np.eye(len(self.matrix))


def correlations(counts: np.ndarray) -> Correlations:
    """Pearson's correlation of all pairs of columns. counts : (time, unit)"""
    n_bins, n_units = counts.shape
    mean = counts.mean(axis=0, dtype=np.float64)
    variance = sum((((block - mean) ** 2).sum(axis=0) for block in _blocks(counts)), np.zeros(n_units)) / n_bins
    varies = variance > 0
    scale = np.where(varies, 1 / np.sqrt(np.where(varies, variance, 1.0)), 0.0)
    matrix, fourth = np.zeros((n_units, n_units)), 0.0
    for block in _blocks(counts):
        standard = (block - mean) * scale
        matrix += standard.T @ standard
        fourth += float(((standard**2).sum(axis=1) ** 2).sum())
    matrix /= n_bins
    spread = ((matrix - np.eye(n_units)) ** 2).sum()
    noise = (fourth / n_bins - (matrix**2).sum()) / n_bins
    shrinkage = float(np.clip(noise / spread, 0.0, 1.0)) if spread > 0 else 1.0
    np.fill_diagonal(matrix, 1.0)
    return Correlations(np.clip(matrix, -1.0, 1.0), n_bins, shrinkage)


def fisher_p_values(correlation: np.ndarray, n: float) -> np.ndarray:
    """Two-sided p of zero correlation of n independent samples, by Fisher's z (1921, Metron 1:3); NaN if n <= 3."""
    from scipy.stats import norm

    if n <= 3:
        return np.full(correlation.shape, np.nan)
    with np.errstate(divide="ignore"):
        return 2 * norm.sf(np.abs(np.arctanh(correlation)) * np.sqrt(n - 3))


def partial_correlations(precision: np.ndarray) -> np.ndarray:
    """Correlation of each pair given all other units, from the inverse of their covariance."""
    scale = np.sqrt(np.diag(precision))
    found = -precision / np.outer(scale, scale)
    np.fill_diagonal(found, 0.0)
    return (found + found.T) / 2


def _blocks(counts: np.ndarray) -> Iterator[np.ndarray]:
    for first in range(0, len(counts), BINS_PER_BLOCK):
        yield np.asarray(counts[first : first + BINS_PER_BLOCK], np.float64)
