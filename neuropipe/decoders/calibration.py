"""From scores of any scale to probabilities: a softmax whose slope and intercepts are fitted on held-out trials.

    p_k = softmax_k(slope * score_k + bias_k),    slope >= 0

With two classes this is Platt's sigmoid (Platt 1999, Advances in Large Margin Classifiers, 61), with log probabilities
as scores and equal biases temperature scaling (Guo et al. 2017, ICML 70:1321). As Platt's, the targets are softened as
if every class had been seen twice more at its overall frequency, so the slope stays finite where held-out trials are
all told right, and a class that could never be held out keeps a small share.
"""

from dataclasses import dataclass

import numpy as np

from neuropipe.decoders.dual_logistic import softmax

_PRIOR_TRIALS = 2
_MOST_STEPS, _MOST_HALVINGS, _DECREMENT = 50, 30, 1e-12
# Leaves a slope without evidence (scores that are all the same) at 0, and fixes the sum of the biases.
_RIDGE = 1e-8


@dataclass(frozen=True)
class Calibration:
    """slope : (candidate,), bias : (candidate, class); scores : (candidate, trial, class)"""

    slope: np.ndarray
    bias: np.ndarray

    @classmethod
    def trusting(cls, frequencies: np.ndarray) -> "Calibration":
        """For one candidate whose scores are taken as log likelihoods, as no trial could be held out."""
        return cls(np.ones(1), np.log(frequencies)[None])

    @classmethod
    def learn(cls, scores: np.ndarray, labels: np.ndarray, frequencies: np.ndarray) -> "Calibration":
        """From the scores of held-out trials, for all candidates side by side.

        labels : (trial,) integers; frequencies : (class,) of all training trials, each above 0
        """
        target = _softened(labels, frequencies)
        scale = np.sqrt(np.mean((scores - scores.mean(axis=2, keepdims=True)) ** 2, axis=(1, 2)))
        scaled = scores / np.where(scale > 0, scale, 1.0)[:, None, None]
        parameters = _newton(scaled, target, np.append(0.0, np.log(target.mean(axis=0))))
        # Held-out trials that are told apart worse than by chance: the optimum at slope 0 is the mean target.
        parameters = np.where(parameters[:, :1] > 0, parameters, np.append(0.0, np.log(target.mean(axis=0))))
        return cls(parameters[:, 0] / np.where(scale > 0, scale, 1.0), parameters[:, 1:])

    def __getitem__(self, candidate: int) -> "Calibration":
        return Calibration(self.slope[candidate : candidate + 1], self.bias[candidate : candidate + 1])

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        return softmax(self.slope[:, None, None] * scores + self.bias[:, None, :])

    def log_losses(self, scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Log loss a trial of every candidate."""
        true = self.probabilities(scores)[:, np.arange(len(labels)), labels]
        return -np.log(np.maximum(true, 1e-15)).mean(axis=1)


def _softened(labels, frequencies):
    """Targets (trial, class): (n_k * certain + 2 * frequencies) / (n_k + 2) for a trial of class k seen n_k times."""
    certain = np.eye(len(frequencies))[labels]
    seen = certain @ certain.sum(axis=0)
    return (seen[:, None] * certain + _PRIOR_TRIALS * frequencies) / (seen[:, None] + _PRIOR_TRIALS)


def _newton(scores, target, start):
    """Minimise the cross entropy over (slope, biases) of every candidate -> (candidate, 1 + class)."""
    parameters = np.tile(start, (len(scores), 1))
    active = np.arange(len(scores))
    for _ in range(_MOST_STEPS):
        moved, decrement = _newton_step(scores[active], target, parameters[active])
        parameters[active] = moved
        active = active[decrement > _DECREMENT]
        if not len(active):
            break
    return parameters


def _newton_step(scores, target, parameters):
    n_trials, n_classes = target.shape
    probability = softmax(_logits(scores, parameters))
    residual = probability - target
    gradient = np.column_stack([np.einsum("ctk,ctk->c", residual, scores), residual.sum(axis=1)]) / n_trials
    gradient += _RIDGE * parameters
    expected = (probability * scores).sum(axis=2)
    bend = np.empty((len(scores), 1 + n_classes, 1 + n_classes))
    bend[:, 0, 0] = (np.einsum("ctk,ctk->ct", probability, scores**2) - expected**2).sum(axis=1)
    bend[:, 0, 1:] = bend[:, 1:, 0] = (probability * (scores - expected[..., None])).sum(axis=1)
    bend[:, 1:, 1:] = -np.einsum("ctj,ctk->cjk", probability, probability)
    bend[:, 1:, 1:] += np.eye(n_classes) * probability.sum(axis=1)[:, None]
    bend = bend / n_trials + _RIDGE * np.eye(1 + n_classes)
    step = -np.linalg.solve(bend, gradient[..., None])[..., 0]
    slope = (gradient * step).sum(axis=1)
    before = _objective(scores, target, parameters)
    length = np.ones(len(scores))
    for _ in range(_MOST_HALVINGS):
        moved = parameters + length[:, None] * step
        too_far = _objective(scores, target, moved) > before + 1e-4 * length * slope + 1e-14
        if not too_far.any():
            break
        length[too_far] /= 2
    return moved, -slope


def _objective(scores, target, parameters):
    logits = _logits(scores, parameters)
    top = logits.max(axis=2, keepdims=True)
    log_probability = logits - top - np.log(np.exp(logits - top).sum(axis=2, keepdims=True))
    return -(target * log_probability).sum(axis=2).mean(axis=1) + _RIDGE * (parameters**2).sum(axis=1) / 2


def _logits(scores, parameters):
    return parameters[:, 0, None, None] * scores + parameters[:, None, 1:]
