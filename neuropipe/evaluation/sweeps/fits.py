"""One fit of a sweep: a decoder learns from what a condition shows of a fold's training trials, and is tested."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.evaluation.sweeps import Condition, training_trials, view

TINY = np.finfo(np.float64).eps


@dataclass(frozen=True)
class Trials:
    """What is decoded. counts : (trial, bin, unit), labels : (trial,) codes 0 .. n_classes - 1, in time order;
    starts : (trial,) s, or None where trials have no clock; folds : fold -> its training and its test trials.
    """

    counts: np.ndarray
    labels: np.ndarray
    starts: np.ndarray | None
    folds: Mapping[int, tuple[np.ndarray, np.ndarray]]
    n_classes: int

    @property
    def tested(self) -> np.ndarray:
        """Trial numbers that are tested in some fold."""
        return np.sort(np.concatenate([test for _, test in self.folds.values()]))

    @property
    def n_train(self) -> int:
        """Training trials of the fold that has fewest."""
        return min(len(train) for train, _ in self.folds.values())

    @property
    def chance(self) -> float:
        """Share of the commonest class among the test trials: the accuracy of always answering it."""
        return float(np.bincount(self.labels[self.tested]).max() / len(self.tested))


def folds_of(table: pd.DataFrame) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """fold -> (training trials, test trials), ascending. table : (fold, sample, role) of one scheme"""

    def samples(rows: pd.DataFrame, role: str) -> np.ndarray:
        return np.sort(rows.loc[rows["role"] == role, "sample"].to_numpy())

    return {fold: (samples(rows, "train"), samples(rows, "test")) for fold, rows in table.groupby("fold", sort=False)}


@dataclass(frozen=True)
class Fit:
    """What one decoder, fitted in one fold, made of its test trials.

    train, test : (trial,) trial numbers in time order; truth : (trial,) class codes; probabilities : (trial, class)
    """

    condition: Condition
    fold: int
    train: np.ndarray
    test: np.ndarray
    truth: np.ndarray
    probabilities: np.ndarray

    @property
    def accuracy(self) -> float:
        return float(np.mean(self.probabilities.argmax(axis=1) == self.truth))

    @property
    def log_loss(self) -> float:
        """Mean -ln p(true class), nat."""
        of_truth = self.probabilities[np.arange(len(self.truth)), self.truth]
        return float(-np.log(np.clip(of_truth, TINY, 1)).mean())


def fit_and_test(make: Callable[[], Any], trials: Trials, condition: Condition, fold: int) -> Fit:
    """Fit a new decoder under a condition in a fold and predict the fold's test trials. make : () -> decoder"""
    every, test = trials.folds[fold]
    shown = view(trials.counts, condition)
    train = training_trials(every, trials.labels, condition, fold)
    decoder = make()
    decoder.fit(shown[train], trials.labels[train], trial_start=None if trials.starts is None else trials.starts[train])
    probabilities = np.zeros((len(test), trials.n_classes))
    probabilities[:, decoder.classes_] = decoder.predict_proba(shown[test])
    return Fit(condition, fold, train, test, trials.labels[test], probabilities)
