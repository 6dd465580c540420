"""Confidence intervals of scores and of differences between scores, by block bootstrap over trials in time order.

The bootstrap gives the standard error; the interval is symmetric on the scale where such a score is nearly normal
(logit for scores in [0, 1], 1 / sqrt for the log loss, unchanged for differences) with a quantile of Student's t. It
leaves out what a refit would change and is therefore too narrow (docs/evaluation.md).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.evaluation.metrics import METRICS, score
from neuropipe.evaluation.resampling import WEIGHTED, block_length, resampled_scores
from neuropipe.evaluation.table import Predicted, read_predictions

COLUMNS = ["scheme", "metric", "value", "ci_low", "ci_high", "p_value", "n"]


def bootstrap_ci(
    predictions: pd.DataFrame, classes: Sequence, *, level: float = 0.95, n_resamples: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Every metric of every scheme with its interval: columns scheme, metric, value, ci_low, ci_high, n."""
    rows = []
    for scheme, predicted in read_predictions(predictions, classes).items():
        value = score(predicted)
        for metric, bounds in intervals(predicted, value, level=level, n_resamples=n_resamples, seed=seed).items():
            rows.append((scheme, metric, value[metric], *bounds, len(predicted.truth)))
    return pd.DataFrame(rows, columns=[name for name in COLUMNS if name != "p_value"])


def intervals(
    predicted: Predicted,
    value: dict,
    metrics: tuple = METRICS,
    *,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Metric -> (low, high) around value[metric]."""
    if not 0 < level < 1:
        raise BadInput(f"the level of an interval lies between 0 and 1, found {level}")
    resampled = resampled_scores(predicted, metrics, n_resamples=n_resamples, seed=seed)
    return {
        metric: interval(metric, value[metric], resampled[metric], len(predicted.truth), level) for metric in metrics
    }


def interval(metric: str, value: float, resampled: np.ndarray, n: int, level: float = 0.95) -> tuple[float, float]:
    """(low, high) around a score of n trials, from its scores in resamples."""
    transform = _loss_interval if metric == "log_loss" else _logit_interval
    return transform(value, standard_error(resampled, n), _quantile(n, level), n)


def paired_difference(
    predictions_a: pd.DataFrame,
    predictions_b: pd.DataFrame,
    metric: str = "accuracy",
    *,
    classes: Sequence | None = None,
    n_resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Score of a minus score of b on the same test samples: COLUMNS, one row per scheme, with a two-sided p.

    For the log loss and the calibration error a negative difference says that a is better. By default classes are
    read from the probability columns.
    """
    if metric not in METRICS:
        raise BadInput(f"no metric is called {metric!r}; choose one of {', '.join(METRICS)}")
    classes = _classes_of(predictions_a) if classes is None else classes
    first, second = read_predictions(predictions_a, classes), read_predictions(predictions_b, classes)
    if list(first) != list(second):
        raise BadInput(f"the two models were tested on different schemes: {list(first)} and {list(second)}")
    rows = []
    for scheme, a in first.items():
        b = second[scheme]
        if not (np.array_equal(a.sample, b.sample) and np.array_equal(a.truth, b.truth)):
            raise BadInput(f"scheme {scheme!r}: the two models were tested on different samples or labels")
        rows.append((scheme, metric, *difference(a, b, metric, n_resamples=n_resamples, seed=seed), len(a.truth)))
    return pd.DataFrame(rows, columns=COLUMNS)


def difference(a: Predicted, b: Predicted, metric: str, *, n_resamples: int, seed: int) -> tuple:
    """(value, ci_low, ci_high, p_value) of the score of a minus that of b; p < .05 where the interval omits 0."""
    n = len(a.truth)
    own = [float(WEIGHTED[metric](each, np.ones((1, n)))[0]) for each in (a, b)]
    first, second = (resampled_scores(each, (metric,), n_resamples=n_resamples, seed=seed)[metric] for each in (a, b))
    return difference_interval(own[0] - own[1], first - second, n)


def difference_interval(value: float, resampled: np.ndarray, n: int) -> tuple:
    """(value, ci_low, ci_high, p_value) of a difference of scores of n trials, from its values in resamples."""
    from scipy.stats import t

    error = standard_error(resampled, n)
    if error == 0:
        return value, value, value, 1.0 if value == 0 else np.nan
    half = _quantile(n, 0.95) * error
    p_value = 2 * t.sf(abs(value) / error, _degrees_of_freedom(n))
    return value, value - half, value + half, float(p_value)


def standard_error(resampled: np.ndarray, n: int) -> float:
    """SD over resamples x sqrt(n / (n - block)), as blocks vary about the sample's own mean."""
    block = block_length(n)
    usable = resampled[np.isfinite(resampled)]
    if n <= 2 * block or len(usable) < 2:
        return np.nan
    error = float(usable.std(ddof=1)) * np.sqrt(n / (n - block))
    return error if error > 1e-12 else 0.0


def _degrees_of_freedom(n: int) -> float:
    return n / block_length(n) - 1


def _quantile(n: int, level: float) -> float:
    from scipy.stats import t

    return float(t.ppf((1 + level) / 2, _degrees_of_freedom(n))) if n > 2 * block_length(n) else np.nan


def _logit_interval(value: float, error: float, quantile: float, n: int) -> tuple[float, float]:
    if np.isnan(error):  # too few trials to tell
        return np.nan, np.nan
    if error == 0 or not 0 < value < 1:
        return _wilson_interval(value, quantile, n)
    middle, half = np.log(value / (1 - value)), quantile * error / (value * (1 - value))
    return 1 / (1 + np.exp(half - middle)), 1 / (1 + np.exp(-half - middle))


def _wilson_interval(value: float, quantile: float, n: int) -> tuple[float, float]:
    """For n independent trials; used if all resamples agree, as when every trial is correct."""
    shrunk = quantile**2 / n
    centre = (value + shrunk / 2) / (1 + shrunk)
    half = quantile * np.sqrt(value * (1 - value) / n + shrunk / (4 * n)) / (1 + shrunk)
    return centre - half, centre + half


def _loss_interval(value: float, error: float, quantile: float, n: int) -> tuple[float, float]:
    middle, half = value**-0.5, quantile * error / (2 * value**1.5)
    return (middle + half) ** -2, (middle - half) ** -2 if half < middle else np.inf


def _classes_of(predictions: pd.DataFrame) -> list:
    names = [column[2:] for column in predictions.columns if str(column).startswith("p_")]
    if "y_true" not in predictions.columns or not names:
        raise BadInput("the predictions need the columns y_true and p_<class>, one per class")
    given = {str(label): label for label in pd.unique(predictions[["y_true", "y_pred"]].to_numpy().ravel())}
    return [given.get(name, name) for name in names]
