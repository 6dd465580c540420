"""Scores of a classifier over all out-of-fold predictions of a scheme, pooled; values come from scikit-learn.

With folds of equal size pooled accuracy is the mean over folds. Pooled scores stay defined when a test block has no
trial of some class, which happens in real sessions.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.evaluation.table import Predicted, check_probabilities, check_two_classes, encode, read_predictions

METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "roc_auc", "calibration_error")
LOWER_IS_BETTER = ("log_loss", "calibration_error")
N_BINS = 15  # of the expected calibration error, as in Guo et al. 2017


def scores(y_true: Sequence, probabilities: np.ndarray, classes: Sequence, y_pred: Sequence | None = None) -> dict:
    """Every metric in METRICS, and `confusion` [true, predicted] as counts.

    probabilities : (row, class), columns in the order of `classes`; y_pred : by default the most probable class.
    Classes that never occur in y_true don't count in balanced accuracy and ROC AUC (one vs rest, macro average);
    macro F1 averages over classes that occur in y_true or y_pred.
    """
    truth = encode(y_true, classes, "y_true")
    check_two_classes(truth, classes, "y_true")
    probabilities = check_probabilities(probabilities, len(classes), "scores")
    decoded = probabilities.argmax(1) if y_pred is None else encode(y_pred, classes, "y_pred")
    if not len(truth) == len(decoded) == len(probabilities):
        raise BadInput(f"{len(truth)} labels, {len(decoded)} predictions, {len(probabilities)} rows of probabilities")
    rows = np.arange(len(truth))
    return score(Predicted(rows, rows, truth, decoded, probabilities))


def score(predicted: Predicted) -> dict:
    """`scores` of checked predictions."""
    from sklearn import metrics

    truth, decoded, probabilities = predicted.truth, predicted.decoded, predicted.probabilities
    labels = np.arange(predicted.n_classes)
    confusion = metrics.confusion_matrix(truth, decoded, labels=labels)
    occurring = np.unique(truth)
    return {
        "accuracy": float(metrics.accuracy_score(truth, decoded)),
        "balanced_accuracy": float(metrics.recall_score(truth, decoded, labels=occurring, average="macro")),
        "macro_f1": float(metrics.f1_score(truth, decoded, average="macro")),
        "log_loss": float(metrics.log_loss(truth, probabilities, labels=labels)),
        "roc_auc": float(np.mean([metrics.roc_auc_score(truth == c, probabilities[:, c]) for c in occurring])),
        "calibration_error": calibration_error(predicted),
        "confusion": confusion,
    }


def calibration_error(predicted: Predicted) -> float:
    """Expected calibration error: sum over confidence bins of |accuracy - mean confidence| x share of trials.

    Confidence is the largest probability of a row; 15 bins of equal width over (0, 1], right edge included (Guo et al.
    2017, equation 3).
    """
    gap = predicted.correct - predicted.probabilities.max(1)
    sums = np.bincount(calibration_bins(predicted), gap, minlength=N_BINS)
    return float(np.abs(sums).sum() / len(gap))


def calibration_bins(predicted: Predicted) -> np.ndarray:
    """(row,) int64, the confidence bin of each row."""
    confidence = predicted.probabilities.max(1)
    return np.clip(np.ceil(confidence * N_BINS).astype(np.int64) - 1, 0, N_BINS - 1)


def confusion(predictions: pd.DataFrame, classes: Sequence) -> dict[str, pd.DataFrame]:
    """Scheme -> counts of trials, rows true classes, columns predicted classes."""
    counts = {}
    for scheme, predicted in read_predictions(predictions, classes).items():
        n = predicted.n_classes
        flat = np.bincount(predicted.truth * n + predicted.decoded, minlength=n * n)
        counts[scheme] = pd.DataFrame(
            flat.reshape(n, n), index=pd.Index(classes, name="true"), columns=pd.Index(classes, name="predicted")
        )
    return counts
