"""Evaluations made up for tests of families, leaderboard, report and tables."""

import numpy as np
import pandas as pd

from neuropipe.evaluation.leaderboard import Evaluation

TOY = '''
"""Scores of models that predict spikes."""

from neuropipe.evaluation.families import Metric, ScoreFamily
from neuropipe.registry import score_family


@score_family("spike_prediction")
def spike_prediction() -> ScoreFamily:
    """How well spikes are predicted: bits per spike over a constant rate."""
    return ScoreFamily(
        name="spike_prediction",
        title="spikes predicted",
        metrics={"bits_per_spike": Metric(label="bits", unit="bits per spike", lower_bound=0.0, digits=2, proper=True)},
        baselines={"smoothed": "smoothed rate"},
        explanation="Bits per spike are 0 for a constant rate.",
    )
'''


def scores(*rows: tuple, scheme: str = "blocked", n: int = 228) -> pd.DataFrame:
    """A table of scores from (metric, value) or (metric, value, p_value); intervals reach .05 to either side."""
    return pd.DataFrame(
        [
            {
                "scheme": scheme,
                "metric": row[0],
                "value": row[1],
                "ci_low": row[1] - 0.05,
                "ci_high": row[1] + 0.05,
                "p_value": row[2] if len(row) > 2 else np.nan,
                "n": n,
            }
            for row in rows
        ]
    )


def of_labels(accuracy: float, *, balanced: float | None = None, p: float = 0.001, **options) -> pd.DataFrame:
    """Scores of a classifier with its baselines."""
    balanced = accuracy if balanced is None else balanced
    return scores(
        ("accuracy", accuracy, p),
        ("balanced_accuracy", balanced, p),
        ("log_loss", 1.2 - accuracy, p),
        ("roc_auc", (1 + accuracy) / 2, p),
        ("accuracy_majority", 0.4),
        ("accuracy_previous", 0.3),
        ("balanced_accuracy_majority", 0.33),
        ("accuracy_over_majority", accuracy - 0.4, 0.01),
        **options,
    )


def of_angles(error: float, p: float = 0.001) -> pd.DataFrame:
    """Scores of a regressor of angles with its baselines."""
    return scores(
        ("median_error", error, p),
        ("mean_error", error + 2, p),
        ("circular_correlation", 1 - error / 90, p),
        ("median_error_persistence", 40.0),
        ("median_error_training_mean", 80.0),
    )


def evaluations() -> list[Evaluation]:
    """A session of labels, an imbalanced one, one of angles, with what failed and what is missing."""
    run = "neuropipe run evaluation/decoder/mlp --session maze.one-2020-01-01"
    one, two, three = "maze.one-2020-01-01", "maze.two-2020-01-02", "compass.mouse-28"
    both = pd.concat([of_labels(0.7), of_labels(0.9, scheme="shuffled", p=np.nan)])
    return [
        Evaluation(one, "classification", "rate_logistic", scores=of_labels(0.6), primary="accuracy"),
        Evaluation(one, "classification", "logistic_regression", scores=both, primary="accuracy"),
        Evaluation(one, "classification", "gru", state="failed", note="loss became NaN in <fold 2>"),
        Evaluation(one, "classification", "mlp", state="missing", note=run),
        Evaluation(one, "classification", "rate_logistic", "C=2.0", "stale", "settings", "accuracy", of_labels(0.5)),
        Evaluation(two, "classification", "rate_logistic", scores=of_labels(0.9, balanced=0.5, p=0.6),
                   primary="balanced_accuracy"),
        Evaluation(two, "classification", "logistic_regression", scores=of_labels(0.8, balanced=0.6, p=0.4),
                   primary="balanced_accuracy"),
        Evaluation(three, "regression", "ridge", scores=of_angles(20.0), primary="median_error"),
        Evaluation(three, "regression", "kalman", scores=of_angles(12.0), primary="median_error"),
    ]  # fmt: skip
