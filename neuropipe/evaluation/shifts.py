"""Null distributions that respect time: labels are shifted within windows of test trials, predictions stay fixed.

docs/evaluation.md says why windows are short, why no shift crosses a training trial and why scores under shifts are
spread by sqrt(2); `benchmarks/interval_coverage.py` measures the rate of false positives.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.evaluation.metrics import LOWER_IS_BETTER
from neuropipe.evaluation.table import Predicted, check_probabilities, encode, read_predictions

TESTED = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "roc_auc")
WINDOW = 12  # trials, at least; slower changes count as drift
RUNS = 4  # a window holds at least this many runs of equal labels on average
SHORTEST = 8  # trials: fewer in a row are not shifted
FEWEST_SHIFTS = 19  # with fewer, p can't reach .05


@dataclass(frozen=True)
class Null:
    """Scores without any relation between activity and labels.

    observed : metric -> score; scores : metric -> (shift,) scores under shifts; p_value : metric -> (1 + k) / (1 + n),
    k of n scores are as good as the observed one or better; NaN if fewer than 19 shifts exist
    """

    observed: dict[str, float]
    scores: dict[str, np.ndarray]
    p_value: dict[str, float]


def null_distribution(
    predictions: pd.DataFrame, folds: pd.DataFrame, classes: Sequence, *, n_shifts: int = 2000, seed: int = 0
) -> dict[str, Null]:
    """Scheme -> its null. If there are no more than n_shifts different shifts, all are used."""
    return {
        scheme: shift_null(predicted, folds[folds["scheme"] == scheme], n_shifts=n_shifts, seed=seed)
        for scheme, predicted in read_predictions(predictions, classes).items()
    }


def shift_null(predicted: Predicted, folds: pd.DataFrame, *, n_shifts: int, seed: int) -> Null:
    """The null of one scheme; `folds` holds the rows of that scheme."""
    windows = shift_windows(predicted.sample, predicted.fold, predicted.truth, folds)
    shifts = draw_shifts([len(window) for window in windows], n_shifts, np.random.default_rng(seed))
    observed, scores = {}, {}
    # Each pair of trials of two folds counts twice, once in either role (see docs/evaluation.md).
    spread = np.sqrt(2) if len(np.unique(predicted.fold)) > 1 else 1.0
    for metric in TESTED:
        table = contributions(predicted, metric)
        observed[metric] = _total(table, predicted.truth)
        expected, deviation = observed[metric], np.zeros(len(shifts))
        for column, window in enumerate(windows):
            of_shift = _window_scores(table[window], predicted.truth[window])
            expected += of_shift.mean() - of_shift[0]
            deviation += of_shift[shifts[:, column]] - of_shift.mean()
        scores[metric] = expected + spread * deviation
    return Null(observed, scores, _p_values(observed, scores))


def shift_windows(sample: np.ndarray, fold: np.ndarray, truth: np.ndarray, folds: pd.DataFrame) -> list[np.ndarray]:
    """Row positions of each window: neighbouring test trials of one fold, without a training trial between them.

    A window holds 12 trials or 4 mean runs of equal labels, whichever is longer, if there are as many.
    """
    run = len(truth) / (1 + np.count_nonzero(np.diff(truth)))
    target = max(WINDOW, RUNS * run)
    windows = []
    for name in pd.unique(fold):
        rows = np.flatnonzero(fold == name)
        train = np.sort(folds.loc[(folds["fold"] == name) & (folds["role"] == "train"), "sample"].to_numpy())
        trained_before = np.searchsorted(train, sample[rows])
        for stretch in np.split(rows, np.flatnonzero(np.diff(trained_before)) + 1):
            windows += np.array_split(stretch, max(1, round(len(stretch) / target)))
    return [window for window in windows if len(window) >= SHORTEST]


def draw_shifts(lengths: list[int], n_shifts: int, rng: np.random.Generator) -> np.ndarray:
    """(shift, window) independent shifts of each window; all combinations but the identity if these are few."""
    n_distinct = math.prod(lengths)
    if n_distinct - 1 <= n_shifts:
        return np.stack(np.unravel_index(np.arange(1, n_distinct), lengths or (1,)), 1)
    return np.stack([rng.integers(length, size=n_shifts) for length in lengths], 1)


def contributions(predicted: Predicted, metric: str) -> np.ndarray:
    """(row, class) what a row adds to the score if its label is that class, for fixed predictions and class totals.

    Shifts keep class totals. Then each metric is a sum over rows, as recall and F1 have constant denominators and ROC
    AUC is a rank sum (Mann-Whitney), and a shift costs one look-up per window.
    """
    probabilities, n = predicted.probabilities, len(predicted.truth)
    of_class = np.bincount(predicted.truth, minlength=predicted.n_classes)
    hit = np.eye(predicted.n_classes)[predicted.decoded]
    if metric == "accuracy":
        return hit / n
    if metric == "balanced_accuracy":
        return hit / np.maximum(of_class, 1) / np.count_nonzero(of_class)
    if metric == "macro_f1":
        either = of_class + hit.sum(0)
        return 2 * hit / np.maximum(either, 1) / np.count_nonzero(either)
    if metric == "log_loss":
        return -np.log(np.clip(probabilities, np.finfo(np.float64).eps, 1)) / n
    from scipy.stats import rankdata

    pairs = np.maximum(of_class * (n - of_class), 1)
    return (rankdata(probabilities, axis=0) - (of_class + 1) / 2) / pairs / np.count_nonzero(of_class)


def refit_null(
    make_estimator: Callable,
    X: np.ndarray,
    y: Sequence,
    folds: pd.DataFrame,
    *,
    n_permutations: int = 200,
    seed: int = 0,
) -> dict[str, Null]:
    """Scheme -> the null of an estimator that is refitted to shifted labels, those of training trials included.

    make_estimator() -> an unfitted estimator; X : (trial, ...); y : (trial,). Labels are shifted within the windows of
    `null_distribution`; no spread is needed, as the fit sees the shifted labels.
    """
    classes = np.unique(np.asarray(y))
    labels = encode(y, classes, "y")
    if len(X) != len(labels):
        raise BadInput(f"X holds {len(X)} trials, y {len(labels)} labels")
    nulls = {}
    for scheme, of_scheme in folds.groupby("scheme", sort=False):
        rng = np.random.default_rng(seed)
        test = of_scheme[of_scheme["role"] == "test"].sort_values(["sample", "fold"], kind="stable")
        sample, fold = test["sample"].to_numpy(), test["fold"].to_numpy()
        if len(np.unique(sample)) < len(sample):
            raise BadInput(f"scheme {scheme!r} tests a sample twice; refit_null needs each sample in one fold")
        windows = shift_windows(sample, fold, labels[sample], of_scheme)
        shifts = draw_shifts([len(window) for window in windows], n_permutations, rng)
        observed = _refit_scores(make_estimator, X, labels, of_scheme, sample, fold, classes)
        rows = []
        for shift in shifts:
            shifted = labels.copy()
            for step, window in zip(shift, windows, strict=True):
                shifted[sample[window]] = np.roll(labels[sample[window]], -step)
            rows.append(_refit_scores(make_estimator, X, shifted, of_scheme, sample, fold, classes))
        scores = {metric: np.array([row[metric] for row in rows]) for metric in TESTED}
        nulls[scheme] = Null(observed, scores, _p_values(observed, scores))
    return nulls


def _refit_scores(make_estimator, X, labels, folds, sample, fold, classes) -> dict[str, float]:
    probabilities = np.zeros((len(sample), len(classes)))
    for name, rows in folds.groupby("fold", sort=False):
        train = np.sort(rows.loc[rows["role"] == "train", "sample"].to_numpy())
        estimator = make_estimator().fit(X[train], labels[train])
        tested = np.flatnonzero(fold == name)
        probabilities[np.ix_(tested, estimator.classes_)] = estimator.predict_proba(X[sample[tested]])
    probabilities = check_probabilities(probabilities, len(classes), "refit_null")
    predicted = Predicted(fold, sample, labels[sample], probabilities.argmax(1), probabilities)
    return {metric: _total(contributions(predicted, metric), predicted.truth) for metric in TESTED}


def _total(table: np.ndarray, truth: np.ndarray) -> float:
    return float(table[np.arange(len(truth)), truth].sum())


def _window_scores(table: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(shift,) score of a window when its labels are shifted by 0, 1, ... trials."""
    row = np.arange(len(truth))
    return table[row, truth[(row + row[:, None]) % len(truth)]].sum(1)


def _p_values(observed: dict, scores: dict) -> dict[str, float]:
    found = {}
    for metric, under_shifts in scores.items():
        sign = -1 if metric in LOWER_IS_BETTER else 1
        as_good = sign * (under_shifts - observed[metric]) >= -1e-10
        n = len(under_shifts)
        found[metric] = (1 + int(as_good.sum())) / (1 + n) if n >= FEWEST_SHIFTS else np.nan
    return found
