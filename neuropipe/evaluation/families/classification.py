"""Scores of decoded labels."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neuropipe.evaluation.families.family import Metric, ScoreFamily
from neuropipe.evaluation.intervals import paired_difference
from neuropipe.registry import score_family

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

# By how much the commonest class may exceed its equal share before accuracy says too little.
IMBALANCE = 0.1


@score_family("classification")
def classification() -> ScoreFamily:
    """How well labels of trials are decoded: accuracy, or balanced accuracy where classes are imbalanced."""
    fraction: dict[str, Any] = {"lower_bound": 0.0, "upper_bound": 1.0}
    return ScoreFamily(
        name="classification",
        title="labels decoded",
        metrics={
            "accuracy": Metric(label="accuracy", unit="fraction of trials", **fraction),
            "balanced_accuracy": Metric(label="balanced", unit="accuracy, mean over classes", proper=True, **fraction),
            "macro_f1": Metric(label="macro F1", **fraction),
            "log_loss": Metric(label="log loss", unit="nats", lower_is_better=True, lower_bound=0.0, proper=True),
            "roc_auc": Metric(label="AUC", unit="one class against the rest", proper=True, **fraction),
            "calibration_error": Metric(label="calibration", unit="expected error", lower_is_better=True, **fraction),
        },
        choose_primary=primary_of_classes,
        baselines={"majority": "majority class", "previous": "previous label"},
        judged=("accuracy", "balanced_accuracy", "log_loss", "roc_auc"),
        reference_model="rate_logistic",
        difference=paired_difference,
        comparison_model="logistic_regression",
        draw=draw_confusion,
        columns=("log_loss", "roc_auc", "accuracy", "balanced_accuracy"),
        explanation=(
            "Scores are over all out-of-fold predictions, with 95 % block-bootstrap intervals; p compares with labels "
            "shifted in time. Where classes are imbalanced, models are ranked by balanced accuracy, the mean over "
            "classes of the share decoded right. Shuffled folds let slow drift leak into the score."
        ),
    )


def primary_of_classes(facts: Mapping[str, Any]) -> str:
    """Balanced accuracy for imbalanced classes, else accuracy. facts : class_counts, the number of trials per class"""
    counts = [count for count in facts.get("class_counts", ()) if count > 0]
    if len(counts) < 2:
        return "accuracy"
    return "balanced_accuracy" if max(counts) / sum(counts) > 1 / len(counts) + IMBALANCE else "accuracy"


def draw_confusion(scores: "pd.DataFrame", primary: str, details: Mapping[str, Any]) -> "dict[str, Figure]":
    """The confusion matrix of the first scheme. details : classes, and confusion (scheme -> [true, decoded] counts)"""
    from neuropipe.plots.scores import confusion_matrix

    first = next(iter(details.get("confusion", {}).items()), None)
    if first is None:
        return {}
    scheme, matrix = first
    return {f"confusion_{scheme}": confusion_matrix(np.asarray(matrix), details["classes"])}
