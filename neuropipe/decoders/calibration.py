"""Calibration of class scores into probabilities: a softmax whose slope is fitted on held-out trials.

    p_k = softmax_k(slope * score_k + log frequency_k),    slope >= 0

With log likelihoods as scores this is temperature scaling (Guo et al. 2017, ICML 70:1321). With the decision function
of a two-class support vector machine it is Platt's sigmoid (Platt 1999, Advances in Large Margin Classifiers, 61) with
the intercept fixed at the class frequencies: intercepts learned from a few hundred trials cost more than they gain
(docs/choices/decoders.md). As in Platt's method, targets are softened, as if two more trials had been seen with the
overall class frequencies, so that the slope stays finite where all held-out trials are classified correctly.
"""

from dataclasses import dataclass

import numpy as np

from neuropipe.decoders.dual_logistic import softmax

_PRIOR_TRIALS = 2
_MOST_DOUBLINGS, _HALVINGS = 60, 40


@dataclass(frozen=True)
class Calibration:
    """Slopes of one or more candidate models. slope : (candidate,); log_frequencies : (class,)

    Scores given to its methods are (candidate, trial, class).
    """

    slope: np.ndarray
    log_frequencies: np.ndarray

    @classmethod
    def uncalibrated(cls, frequencies: np.ndarray) -> "Calibration":
        """Slope 1 for one candidate, which takes scores as log likelihoods: used where no trial can be held out."""
        return cls(np.ones(1), np.log(frequencies))

    @classmethod
    def learn(cls, scores: np.ndarray, labels: np.ndarray, frequencies: np.ndarray) -> "Calibration":
        """Learn the slopes of all candidates at once from the scores of held-out trials.

        labels : (trial,) integers; frequencies : (class,) of all training trials, each above 0
        """
        target, log_frequencies = _softened(labels, frequencies), np.log(frequencies)
        scale = np.sqrt(np.mean((scores - scores.mean(axis=2, keepdims=True)) ** 2, axis=(1, 2)))
        scale = np.where(scale > 0, scale, 1.0)
        return cls(_best_slope(scores / scale[:, None, None], target, log_frequencies) / scale, log_frequencies)

    def __getitem__(self, candidate: int) -> "Calibration":
        return Calibration(self.slope[candidate : candidate + 1], self.log_frequencies)

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """(candidate, trial, class) probabilities."""
        return softmax(self.slope[:, None, None] * scores + self.log_frequencies)

    def log_losses(self, scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Mean log loss per trial of every candidate."""
        true = self.probabilities(scores)[:, np.arange(len(labels)), labels]
        return -np.log(np.maximum(true, 1e-15)).mean(axis=1)


def _softened(labels, frequencies):
    """Targets (trial, class): (n_k * certain + 2 * frequencies) / (n_k + 2) for a trial of class k seen n_k times."""
    certain = np.eye(len(frequencies))[labels]
    seen = certain @ certain.sum(axis=0)
    return (seen[:, None] * certain + _PRIOR_TRIALS * frequencies) / (seen[:, None] + _PRIOR_TRIALS)


def _best_slope(scores, target, log_frequencies):
    """The slope (candidate,) that minimises the convex cross entropy, by bisection; 0 where the minimum is below 0."""

    def falls(slope):
        probability = softmax(slope[:, None, None] * scores + log_frequencies)
        return ((probability - target) * scores).sum(axis=(1, 2)) < 0

    low, high = np.zeros(len(scores)), np.ones(len(scores))
    falling = falls(low)
    for _ in range(_MOST_DOUBLINGS):
        too_low = falling & falls(high)
        if not too_low.any():
            break
        high = np.where(too_low, 2 * high, high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        above = falls(middle)
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(falling, low, 0.0)
