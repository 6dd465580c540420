"""Naive Bayes: Poisson spike counts, independent between units and bins, with a Gamma prior on every rate."""

from dataclasses import dataclass

import numpy as np

from neuropipe.decoders.pooling import pool
from neuropipe.decoders.score_based import ScoreBasedDecoder, ScoreModel
from neuropipe.parameters import POSITIVE, each_of
from neuropipe.registry import decoder


@dataclass(frozen=True, kw_only=True)
class PoissonModel(ScoreModel):
    """Log likelihoods = pooled counts @ log_rates - expected, over the features that were not silent in training.

    log_rates : (feature, class), 0 for features that were silent; expected : (class,) counts per trial
    """

    prior_trials: float
    log_rates: np.ndarray
    expected: np.ndarray

    def scores(self, running: np.ndarray) -> np.ndarray:
        return pool(running, self.edges) @ self.log_rates - self.expected


@decoder("naive_bayes", task="classification", input="counts", tools=("numpy",), non_negative=True)
class NaiveBayesDecoder(ScoreBasedDecoder):
    """Calibrated Poisson naive Bayes; window, bin width and prior are chosen inside the training trials.

    Bayesian reconstruction with a rate for every unit, bin and class (Foldiak 1993, in Computation and Neural Systems,
    55; Zhang et al. 1998, J Neurophysiol 79:1017). The Gamma prior of a rate has the mean of that feature over all
    classes and counts as much as `prior_trials` trials; the posterior mean is used. Units are not independent, so the
    likelihoods are overconfident, which calibration on the inner folds corrects. Selection, calibration and averaging:
    `score_based.py`.

    prior_trials : weights of the prior to try, in trials; windows, n_bins, n_inner_folds, n_averaged : as in
    `logistic_regression`
    models_ : the chosen models, best first
    """

    model = PoissonModel
    non_negative = True
    offsets = (None,)  # counts are not scaled
    _parameter_constraints = {"prior_trials": each_of(POSITIVE)}

    prior_trials: tuple[float, ...] = (1.0, 4.0, 16.0, 64.0)
    n_averaged: int = 12

    def candidates(self):
        return [(prior_trials,) for prior_trials in self.prior_trials]

    def held_out_scores(self, running, labels, folds, features):
        rows, n_classes = pool(running, features.edges), labels.max() + 1
        scores = []
        for prior_trials in self.prior_trials:
            of_folds = []
            for fold in folds:
                log_rates, expected = _rates(rows[fold.train], labels[fold.train], n_classes, prior_trials)
                of_folds.append(rows[fold.validate] @ log_rates - expected)
            scores.append(np.concatenate(of_folds))
        return np.array(scores)

    def fit_candidate(self, running, labels, features, candidate):
        (prior_trials,) = candidate
        log_rates, expected = _rates(pool(running, features.edges), labels, labels.max() + 1, prior_trials)
        return {"prior_trials": prior_trials, "log_rates": log_rates, "expected": expected}


def _rates(rows: np.ndarray, labels: np.ndarray, n_classes: int, prior_trials: float):
    """Log rates (feature, class) per trial, and the sums of the rates (class,).

    The log rate of a feature that is silent in all rows is set to 0. A class without trials gets the prior's mean.
    """
    members = np.eye(n_classes)[labels]
    rates = (rows.T @ members + prior_trials * rows.mean(axis=0)[:, None]) / (members.sum(axis=0) + prior_trials)
    log_rates = np.log(rates, out=np.zeros_like(rates), where=rates > 0)
    return log_rates, rates.sum(axis=0)
