"""Reduced-rank ridge regression: predicts many targets from many sources through few dimensions.

Izenman 1975 (J Multivariate Analysis 5:248), with the ridge of Mukherjee and Zhu 2011 (Statistical Analysis and Data
Mining 4:612): of all coefficients of a rank, those with the smallest squared error plus ridge.
"""

from dataclasses import dataclass

import numpy as np

RIDGES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # x mean sum of squares of a source


@dataclass(frozen=True)
class ReducedRank:
    """A fit for all ranks at once.

    coefficients : (source, target) of the full rank; directions : (target, rank), the strongest first; the coefficients
    of rank r are coefficients @ directions[:, :r] @ directions[:, :r].T
    """

    coefficients: np.ndarray
    directions: np.ndarray

    @classmethod
    def fit(cls, sources: np.ndarray, targets: np.ndarray, ridge: float) -> "ReducedRank":
        """sources : (sample, source), targets : (sample, target), both centred; ridge : see RIDGES"""
        return Decomposed(sources.T @ sources, sources.T @ targets).solve(ridge)

    def predict(self, sources: np.ndarray, rank: int | None = None) -> np.ndarray:
        """(sample, target); all ranks by default."""
        full = sources @ self.coefficients
        if rank is None:
            return full
        chosen = self.directions[:, :rank]
        return full @ chosen @ chosen.T

    def errors(self, moments: "Moments") -> np.ndarray:
        """(rank + 1,) sum of squared errors of the ranks 0 to the full one, from the moments of other samples."""
        along = self.coefficients @ self.directions
        gain = (along * (moments.sources @ along)).sum(axis=0)
        gain -= 2 * (along * (moments.both @ self.directions)).sum(axis=0)
        # directions are orthonormal, so that each rank changes the error along one of them
        return moments.targets + np.concatenate([[0], np.cumsum(gain)])


@dataclass(frozen=True)
class Moments:
    """sources : (source, source), both : (source, target) sums of products; targets : sum of squares of all."""

    sources: np.ndarray
    both: np.ndarray
    targets: float


class Decomposed:
    """The part of a fit that all ridges share: eigenvectors of the sources' sums of products."""

    def __init__(self, sources: np.ndarray, both: np.ndarray):
        """sources : (source, source), both : (source, target) sums of products"""
        self.eigenvalues, self.vectors = np.linalg.eigh(sources)
        self.projected = self.vectors.T @ both
        self.scale = max(float(self.eigenvalues.mean()), 1e-12)

    def solve(self, ridge: float) -> ReducedRank:
        """The coefficients of one ridge, and the directions of the fitted targets with the ridge counted as data."""
        damped = (self.projected.T / (np.maximum(self.eigenvalues, 0) + ridge * self.scale)).T
        # fitted' fitted + ridge x coefficients' coefficients = (X'Y)' (X'X + ridge)^-1 (X'Y)
        _, directions = np.linalg.eigh(self.projected.T @ damped)
        return ReducedRank(self.vectors @ damped, directions[:, ::-1])
