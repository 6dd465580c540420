"""Scaling of features learned from training rows: (x - mean) / (sd + c)."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scaling:
    """x -> (x - mean) * factor. mean, factor : (feature,)"""

    mean: np.ndarray
    factor: np.ndarray

    @classmethod
    def learn(cls, rows: np.ndarray, scale_offset: float) -> "Scaling":
        """Learn from training rows (trial, feature), with c = scale_offset x the mean sd over features.

        c = 0 is the z-score. A large c keeps the features' own variances, so that nearly silent units count little.
        All features are then multiplied by one common factor that makes the mean squared length of a training row 1:
        a penalty means the same whatever the number of features, the bin width and c. Features that are constant over
        the training rows carry no information and get the factor 0.
        """
        mean, sd = rows.mean(axis=0), rows.std(axis=0)
        sd[rows.max(axis=0) == rows.min(axis=0)] = 0
        spread = sd + scale_offset * sd.mean()
        factor = np.divide(1.0, spread, out=np.zeros_like(sd), where=sd > 0)
        length = np.linalg.norm(sd * factor)
        return cls(mean, factor / length if length > 0 else factor)

    def apply(self, rows: np.ndarray) -> np.ndarray:
        """Scale rows (trial, feature)."""
        return (rows - self.mean) * self.factor
