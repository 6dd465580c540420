"""Out-of-fold estimates of real targets: tables read into arrays, and the scores of their rows under weights.

A table has one row per predicted sample: scheme, fold, sample, and y_true_<target>, y_pred_<target> for each target.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.evaluation.table import KEY


@dataclass(frozen=True)
class Estimated:
    """The estimates of one scheme, rows in time order. truth, decoded : (row, k), where circular in radians."""

    fold: np.ndarray
    sample: np.ndarray
    truth: np.ndarray
    decoded: np.ndarray
    names: tuple[str, ...]
    circular: bool

    def but(self, **changed: np.ndarray) -> "Estimated":
        return replace(self, **changed)


def read_estimates(predictions: pd.DataFrame, names: Sequence[str], *, circular: bool) -> dict[str, Estimated]:
    """Scheme -> its checked estimates in time order."""
    true, pred = ([f"{column}_{name}" for name in names] for column in ("y_true", "y_pred"))
    missing = [name for name in [*KEY, *true, *pred] if name not in predictions.columns]
    if missing:
        raise BadInput(f"the predictions have no columns {', '.join(missing)}; they have {list(predictions.columns)}")
    if len(predictions) == 0:
        raise BadInput("the predictions are empty: no sample was tested")
    read = {}
    for scheme, rows in predictions.groupby("scheme", sort=False):
        rows = rows.sort_values(["sample", "fold"], kind="stable")
        truth, decoded = rows[true].to_numpy(np.float64), rows[pred].to_numpy(np.float64)
        for values, what in ((truth, "y_true"), (decoded, "y_pred")):
            bad = ~np.isfinite(values).all(axis=1)
            if bad.any():
                raise BadInput(f"scheme {scheme!r}: {what} is not finite in {int(bad.sum())} of {len(bad)} rows")
        fixed = [name for name, column in zip(names, truth.T, strict=True) if np.ptp(column) == 0]
        if fixed:
            raise BadInput(f"scheme {scheme!r}: {', '.join(fixed)} never changes, so there is nothing to decode")
        fold, sample = rows["fold"].to_numpy(), rows["sample"].to_numpy(np.int64)
        read[scheme] = Estimated(fold, sample, truth, decoded, tuple(names), circular)
    return read


def primary_metric(circular: bool) -> str:
    """The metric that decoders are ranked by: the median error (degrees) of angles, else R2, mean over targets."""
    return "median_error" if circular else "r2"


LOWER_IS_BETTER = ("median_error", "mean_error", "rmse")
CIRCULAR_METRICS = ("median_error", "mean_error", "circular_correlation")


def weighted_scores(estimated: Estimated, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Metric -> (resample,) scores when row i counts weights[:, i] times. weights : (resample, row)

    Of each target, and their mean under the bare name where there are several (not of rmse: units may differ).
    """
    score = circular_scores if estimated.circular else linear_scores
    of_target = [
        score(true, decoded, weights) for true, decoded in zip(estimated.truth.T, estimated.decoded.T, strict=True)
    ]
    if len(of_target) == 1:
        return of_target[0]
    shared = [metric for metric in of_target[0] if metric != "rmse"]
    mean = {metric: np.mean([scores[metric] for scores in of_target], axis=0) for metric in shared}
    named = zip(estimated.names, of_target, strict=True)
    return mean | {f"{metric}_{name}": values for name, scores in named for metric, values in scores.items()}


def linear_scores(truth: np.ndarray, decoded: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """R2 (coefficient of determination), Pearson's correlation and root mean squared error of one target."""
    middle = truth.mean()
    y, p = truth - middle, decoded - middle
    means = _means([y, p, y * y, p * p, y * p, (y - p) ** 2], weights)
    spread_y, spread_p = means[2] - means[0] ** 2, means[3] - means[1] ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = 1 - means[5] / spread_y
        together = np.sqrt(np.clip(spread_y, 0, None) * np.clip(spread_p, 0, None))
        # A constant estimate correlates with nothing.
        correlation = np.where(together > 1e-12 * spread_y, (means[4] - means[0] * means[1]) / together, 0.0)
    return {"r2": r2, "correlation": correlation, "rmse": np.sqrt(means[5])}


def circular_scores(truth: np.ndarray, decoded: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Median and mean absolute angular error in degrees, and the circular correlation, of one angle in radians.

    The correlation is Jammalamadaka & SenGupta's (2001, section 8.2): of the sines of deviations from the circular
    means. Products of sines are written as sums, so that mean cosines and sines suffice.
    """
    error = np.degrees(np.abs(np.angle(np.exp(1j * (decoded - truth)))))
    phases = (truth, decoded, truth - decoded, truth + decoded, 2 * truth, 2 * decoded)
    mean = _means([np.exp(1j * phase) for phase in phases], weights)
    a, b = np.angle(mean[0]), np.angle(mean[1])
    difference, total, twice_a, twice_b = (
        (mean[row] * np.exp(-1j * turn)).real for row, turn in ((2, a - b), (3, a + b), (4, 2 * a), (5, 2 * b))
    )
    scale = np.sqrt(np.clip((1 - twice_a) * (1 - twice_b), 0, None))
    correlation = np.divide(difference - total, scale, out=np.zeros_like(scale), where=scale > 1e-12)
    return {
        "median_error": _median(error, weights),
        "mean_error": _means([error], weights)[0],
        "circular_correlation": correlation,
    }


def _means(columns: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """(column, resample)"""
    return np.stack(columns) @ weights.T / weights.sum(axis=1)


def _median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    order = np.argsort(values, kind="stable")
    below = weights[:, order].cumsum(axis=1)
    half = below[:, -1:] / 2
    lower, upper = (below >= half).argmax(axis=1), (below > half).argmax(axis=1)
    return (values[order[lower]] + values[order[upper]]) / 2
