"""Naive Bayes: Poisson spike counts, independent between units and bins, with a Gamma prior on every rate."""

from dataclasses import dataclass

import numpy as np

from neuropipe.decoders.calibrated import CalibratedDecoder, CalibratedModel
from neuropipe.decoders.inputs import refuse_negative
from neuropipe.decoders.pooling import pool
from neuropipe.registry import decoder


@dataclass(frozen=True, kw_only=True)
class PoissonModel(CalibratedModel):
    """Log likelihoods = pooled counts @ log_rates - expected, over the features that fired in training.

    log_rates : (feature, class), 0 for features that were silent; expected : (class,) counts of a trial
    """

    prior_trials: float
    log_rates: np.ndarray
    expected: np.ndarray

    def scores(self, running: np.ndarray) -> np.ndarray:
        return pool(running, self.edges) @ self.log_rates - self.expected


@decoder("naive_bayes", task="classification", input="counts", tools=("numpy",))
class NaiveBayesDecoder(CalibratedDecoder):
    """Poisson naive Bayes; window, bin width and prior are chosen inside the training trials, then it is calibrated.

    Bayesian reconstruction with a rate for every unit, bin and class (Foldiak 1993, in Computation and Neural Systems,
    55; Zhang et al. 1998, J Neurophysiol 79:1017). A rate's Gamma prior has the mean of that feature over all classes
    and counts as much as `prior_trials` trials; the posterior mean is used. Units are not independent, so the
    likelihoods are far too sure of themselves: calibration on the inner folds puts that right. How the best are chosen,
    calibrated and averaged: `calibrated.py`.

    prior_trials : strengths of the prior tried; windows, n_bins, n_inner_folds, n_averaged : as in
    `logistic_regression`
    models_ : what was chosen, best first
    """

    model = PoissonModel
    offsets = (None,)

    prior_trials: tuple[float, ...] = (1.0, 4.0, 16.0, 64.0)
    n_averaged: int = 12

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags

    def _learn(self, counts, labels):
        refuse_negative(self, counts)
        super()._learn(counts, labels)

    def _probabilities(self, counts: np.ndarray) -> np.ndarray:
        refuse_negative(self, counts)
        return super()._probabilities(counts)

    def candidates(self):
        return [(prior_trials,) for prior_trials in self.prior_trials]

    def held_out_scores(self, running, labels, folds, view):
        rows, n_classes = pool(running, view.edges), labels.max() + 1
        scores = []
        for prior_trials in self.prior_trials:
            of_folds = []
            for fold in folds:
                log_rates, expected = _rates(rows[fold.train], labels[fold.train], n_classes, prior_trials)
                of_folds.append(rows[fold.validate] @ log_rates - expected)
            scores.append(np.concatenate(of_folds))
        return np.array(scores)

    def fit_candidate(self, running, labels, view, candidate):
        (prior_trials,) = candidate
        log_rates, expected = _rates(pool(running, view.edges), labels, labels.max() + 1, prior_trials)
        return {"prior_trials": prior_trials, "log_rates": log_rates, "expected": expected}


def _rates(rows: np.ndarray, labels: np.ndarray, n_classes: int, prior_trials: float):
    """Log rates (feature, class) of a trial, and their sums (class,). Features silent in all rows say nothing.

    A class without trials gets the prior's mean.
    """
    members = np.eye(n_classes)[labels]
    rates = (rows.T @ members + prior_trials * rows.mean(axis=0)[:, None]) / (members.sum(axis=0) + prior_trials)
    log_rates = np.log(rates, out=np.zeros_like(rates), where=rates > 0)
    return log_rates, rates.sum(axis=0)
