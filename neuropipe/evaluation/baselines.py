"""Baselines that know no neural activity: the majority class and the previous label.

Both are functions of labels and folds and return the same table as a decoder's predictions.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.evaluation.table import Predicted, encode, write_predictions

UNKNOWN = -1


def majority(labels: Sequence, folds: pd.DataFrame, classes: Sequence | None = None) -> pd.DataFrame:
    """Always the most frequent label of the fold's training samples (the first in `classes` if several are).

    labels : (sample,) all labels in time order; classes : sorted unique labels unless given. Probabilities are the
    class frequencies of the training samples, each count raised by one.
    """
    return _table(majority_of_training, labels, folds, classes)


def previous_label(labels: Sequence, folds: pd.DataFrame, classes: Sequence | None = None) -> pd.DataFrame:
    """Always the label of the trial before; the majority for the first trial.

    Probabilities are the frequencies of what followed that label among the training samples, each count raised by one.
    """
    return _table(previous_of_time, labels, folds, classes)


def majority_of_training(labels: np.ndarray, n_classes: int, folds: pd.DataFrame) -> Predicted:
    """`majority` of one scheme. labels : (sample,) class indices, UNKNOWN (-1) where they are not known."""
    parts = [(fold, test, *_majority(labels[train], n_classes, len(test))) for fold, train, test in _splits(folds)]
    return _join(parts, labels)


def previous_of_time(labels: np.ndarray, n_classes: int, folds: pd.DataFrame) -> Predicted:
    """`previous_label` of one scheme. labels : (sample,) class indices, UNKNOWN (-1) where they are not known."""
    before = np.concatenate([[UNKNOWN], labels[:-1]])
    parts = []
    for fold, train, test in _splits(folds):
        decoded, probabilities = _majority(labels[train], n_classes, len(test))
        followed = train[np.isin(train - 1, train)]
        followed = followed[(labels[followed] != UNKNOWN) & (before[followed] != UNKNOWN)]
        counts = np.ones((n_classes, n_classes))
        np.add.at(counts, (before[followed], labels[followed]), 1)
        known = before[test] != UNKNOWN
        decoded[known] = before[test][known]
        probabilities[known] = (counts / counts.sum(1, keepdims=True))[before[test][known]]
        parts.append((fold, test, decoded, probabilities))
    return _join(parts, labels)


def _majority(labels: np.ndarray, n_classes: int, n_test: int) -> tuple[np.ndarray, np.ndarray]:
    counts = np.bincount(labels[labels != UNKNOWN], minlength=n_classes)
    frequencies = (counts + 1) / (counts.sum() + n_classes)
    return np.full(n_test, counts.argmax()), np.tile(frequencies, (n_test, 1))


def _splits(folds: pd.DataFrame) -> list[tuple]:
    """(fold, training samples, test samples) of one scheme, samples ascending."""
    return [
        (fold, *(np.sort(rows.loc[rows["role"] == role, "sample"].to_numpy(np.int64)) for role in ("train", "test")))
        for fold, rows in folds.groupby("fold", sort=False)
    ]


def _join(parts: list[tuple], labels: np.ndarray) -> Predicted:
    fold = np.concatenate([np.full(len(test), fold) for fold, test, _, _ in parts])
    sample, decoded, probabilities = (np.concatenate([part[field] for part in parts]) for field in (1, 2, 3))
    order = np.lexsort((fold, sample))
    return Predicted(fold[order], sample[order], labels[sample[order]], decoded[order], probabilities[order])


def _table(baseline, labels: Sequence, folds: pd.DataFrame, classes: Sequence | None) -> pd.DataFrame:
    names: list = np.unique(np.asarray(labels)).tolist() if classes is None else list(classes)
    known = encode(labels, names, "labels")
    if len(folds) == 0 or folds["sample"].min() < 0 or folds["sample"].max() >= len(known):
        raise BadInput(f"folds must name samples among the {len(known)} labels, counted from 0")
    schemes = folds.groupby("scheme", sort=False)
    return pd.concat(
        [write_predictions(scheme, names, baseline(known, len(names), rows)) for scheme, rows in schemes],
        ignore_index=True,
    )
