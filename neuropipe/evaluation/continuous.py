"""One table per model and continuous session: R2 or angular errors, with intervals, chance level and baselines."""

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.evaluation.autocorrelation import automatic_block_length
from neuropipe.evaluation.estimates import (
    CIRCULAR_METRICS,
    LOWER_IS_BETTER,
    Estimated,
    primary_metric,
    read_estimates,
    weighted_scores,
)
from neuropipe.evaluation.intervals import COLUMNS
from neuropipe.evaluation.resampling import CELLS, block_bootstrap_weights, block_length
from neuropipe.evaluation.table import check_out_of_fold

BASELINES = ("training_mean", "persistence")
# Each pair of samples of two folds counts twice, once in either role (see docs/evaluation.md).
SPREAD = np.sqrt(2)
BLOCKS_PER_STRETCH = 4  # in a stretch shorter than this many blocks of correlated samples shifts tell nothing


def evaluate_targets(
    predictions: pd.DataFrame,
    folds: pd.DataFrame,
    targets: np.ndarray,
    names: tuple[str, ...],
    *,
    before: np.ndarray,
    circular: bool = False,
    seed: int = 0,
    n_shifts: int = 2000,
    n_resamples: int = 2000,
) -> pd.DataFrame:
    """Columns scheme, metric, value, ci_low, ci_high, p_value, n; one row per scheme and metric.

    targets : (sample, k) of all samples; before : (sample, k) the targets in the bin before the sample's history
    begins, NaN where there is none.
    Metrics: `r2`, `correlation`, `rmse`; of angles `median_error`, `mean_error` (degrees), `circular_correlation`;
    with several targets `<metric>_<target>` of each beside their mean. The first metric is also given for the baselines
    `_training_mean` and `_persistence` (behaviour stays as it was before the sample's history began), with paired
    differences `_over_training_mean` and `_over_persistence` (negative is better for errors).
    """
    check_out_of_fold(predictions, folds)
    rows = []
    for scheme, own in read_estimates(predictions, names, circular=circular).items():
        of_scheme = folds[folds["scheme"] == scheme]
        if not np.array_equal(targets[own.sample], own.truth):
            raise BadInput(f"scheme {scheme!r}: y_true disagrees with the targets of the same samples")
        block = correlated_samples(own)
        rivals = {
            name: own.but(decoded=decoded) for name, decoded in _baselines(own, of_scheme, targets, before).items()
        }
        every = {"": own, **rivals}
        value = {name: {m: v[0] for m, v in weighted_scores(each, np.ones((1, len(own.sample)))).items()}
                 for name, each in every.items()}  # fmt: skip
        resampled = _resampled(every, block, n_resamples, seed)
        p_values = shift_p_values(own, value[""], block, n_shifts=n_shifts, seed=seed)
        n, degrees = len(own.sample), len(own.sample) / block - 1
        first = primary_metric(circular)
        for metric, found in value[""].items():
            bounds = interval(metric, found, _error(resampled[""][metric], n, block), degrees)
            rows.append((scheme, metric, found, *bounds, p_values[metric], n))
        for name in BASELINES:
            bounds = interval(first, value[name][first], _error(resampled[name][first], n, block), degrees)
            rows.append((scheme, f"{first}_{name}", value[name][first], *bounds, np.nan, n))
            over = value[""][first] - value[name][first]
            error = _error(resampled[""][first] - resampled[name][first], n, block)
            rows.append((scheme, f"{first}_over_{name}", over, *_difference(over, error, degrees), n))
    return pd.DataFrame(rows, columns=COLUMNS)


def paired_difference_of_targets(
    predictions_a: pd.DataFrame, predictions_b: pd.DataFrame, metric: str, *, n_resamples: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Score of a minus score of b on the same samples: COLUMNS, one row per scheme, with a two-sided p.

    Targets are read from the columns `y_true_<target>`; those of angular metrics are angles in radians. For errors a
    negative difference says that a is better.
    """
    names = [column.removeprefix("y_true_") for column in predictions_a if str(column).startswith("y_true_")]
    circular = metric.startswith(CIRCULAR_METRICS)
    first, second = (read_estimates(table, names, circular=circular) for table in (predictions_a, predictions_b))
    if list(first) != list(second):
        raise BadInput(f"the two models were tested on different schemes: {list(first)} and {list(second)}")
    rows = []
    for scheme, a in first.items():
        b = second[scheme]
        if not (np.array_equal(a.sample, b.sample) and np.array_equal(a.truth, b.truth)):
            raise BadInput(f"scheme {scheme!r}: the two models were tested on different samples or targets")
        n, block, every = len(a.sample), max(correlated_samples(a), correlated_samples(b)), np.ones((1, len(a.sample)))
        found = [weighted_scores(each, every) for each in (a, b)]
        if metric not in found[0]:
            raise BadInput(f"no metric is called {metric!r}; choose one of {', '.join(found[0])}")
        resampled = _resampled({"": a, "b": b}, block, n_resamples, seed)
        over = float(found[0][metric][0] - found[1][metric][0])
        error = _error(resampled[""][metric] - resampled["b"][metric], n, block)
        rows.append((scheme, metric, over, *_difference(over, error, n / block - 1), n))
    return pd.DataFrame(rows, columns=COLUMNS)


def correlated_samples(estimated: Estimated) -> int:
    """Number of samples over which errors and targets are correlated: the longest block length among their squares.

    Never shorter than `block_length`.
    """
    if estimated.circular:
        error = np.angle(np.exp(1j * (estimated.decoded - estimated.truth))) ** 2
        spread = np.hstack([np.cos(estimated.truth), np.sin(estimated.truth)])
    else:
        error, spread = (
            (estimated.decoded - estimated.truth) ** 2,
            (estimated.truth - estimated.truth.mean(axis=0)) ** 2,
        )
    n = len(estimated.sample)
    lengths = [automatic_block_length(series) for series in np.hstack([error, spread]).T]
    return min(max(*lengths, block_length(n)), max(1, n // 3))


def shift_p_values(
    own: Estimated, observed: dict[str, float], block: int, *, n_shifts: int, seed: int
) -> dict[str, float]:
    """One-sided p of every metric against targets that are shifted circularly in time within each test block.

    Estimates stay fixed. Each stretch of neighbouring test samples of one fold is shifted by its own random number of
    samples, at least `block` either way, so that estimates and targets are no longer close in time. With
    several folds, scores under shifts are spread by sqrt(2) about their mean.
    p = (1 + shifts that score as well) / (1 + shifts); NaN where less than half of the samples lie in stretches of four
    blocks or more.
    """
    stretches = [rows for rows in _stretches(own) if len(rows) >= BLOCKS_PER_STRETCH * block]
    if 2 * sum(map(len, stretches)) < len(own.sample) or n_shifts < 1:
        return dict.fromkeys(observed, np.nan)
    rng, one = np.random.default_rng(seed), np.ones((1, len(own.sample)))
    scores: dict[str, list[float]] = {metric: [] for metric in observed}
    for _ in range(n_shifts):
        source = np.arange(len(own.sample))
        for rows in stretches:
            source[rows] = np.roll(rows, rng.integers(block, len(rows) - block + 1))
        for metric, (score,) in weighted_scores(own.but(truth=own.truth[source]), one).items():
            scores[metric].append(score)
    spread = SPREAD if len(np.unique(own.fold)) > 1 else 1.0
    return {metric: _p_value(metric, observed[metric], np.array(found), spread) for metric, found in scores.items()}


def _p_value(metric: str, observed: float, scores: np.ndarray, spread: float) -> float:
    sign = -1 if metric.startswith(LOWER_IS_BETTER) else 1
    wider = scores.mean() + spread * (scores - scores.mean())
    return (1 + int((sign * (wider - observed) >= -1e-10).sum())) / (1 + len(scores))


def interval(metric: str, value: float, error: float, degrees_of_freedom: float) -> tuple[float, float]:
    """95 % interval, symmetric on a scale where the score is nearly normal: Fisher's z, log of errors and of 1 - R2."""
    half = _quantile(degrees_of_freedom) * error
    if "correlation" in metric and abs(value) < 1:
        middle, half = np.arctanh(value), half / (1 - value**2)
        return float(np.tanh(middle - half)), float(np.tanh(middle + half))
    if metric.startswith("r2") and value < 1:
        left = 1 - value
        return 1 - left * np.exp(half / left), 1 - left * np.exp(-half / left)
    if metric.startswith(LOWER_IS_BETTER) and value > 0:
        return value * np.exp(-half / value), value * np.exp(half / value)
    return value - half, value + half


def _error(resampled: np.ndarray, n: int, block: int) -> float:
    """Standard error from resamples, corrected by sqrt(n / (n - block))."""
    return float(resampled.std() * np.sqrt(n / max(1, n - block)))


def _difference(value: float, error: float, degrees_of_freedom: float) -> tuple[float, float, float]:
    from scipy.stats import t

    half = _quantile(degrees_of_freedom) * error
    p_value = 2 * t.sf(abs(value) / error, degrees_of_freedom) if error > 0 else float(value == 0)
    return value - half, value + half, float(p_value)


def _quantile(degrees_of_freedom: float) -> float:
    from scipy.stats import t

    return float(t.ppf(0.975, degrees_of_freedom))


def _baselines(own: Estimated, folds: pd.DataFrame, targets: np.ndarray, before: np.ndarray) -> dict[str, np.ndarray]:
    mean = np.empty_like(own.decoded)
    for fold, rows in folds[folds["role"] == "train"].groupby("fold", sort=False):
        learned = targets[rows["sample"].to_numpy()]
        mean[own.fold == fold] = np.angle(np.exp(1j * learned).mean(axis=0)) if own.circular else learned.mean(axis=0)
    known = before[own.sample]
    return {"training_mean": mean, "persistence": np.where(np.isfinite(known), known, mean)}


def _resampled(every: dict[str, Estimated], block: int, n_resamples: int, seed: int) -> dict[str, dict]:
    """Name -> metric -> (resample,) scores, all resampled alike."""
    n, rng = len(every[""].sample), np.random.default_rng(seed)
    at_once = max(1, CELLS // n)
    parts = []
    for first in range(0, n_resamples, at_once):
        weights = block_bootstrap_weights(n, block, min(at_once, n_resamples - first), rng)
        parts.append({name: weighted_scores(each, weights) for name, each in every.items()})
    return {
        name: {metric: np.concatenate([part[name][metric] for part in parts]) for metric in scores}
        for name, scores in parts[0].items()
    }


def _stretches(own: Estimated) -> list[np.ndarray]:
    """Row numbers of each run of neighbouring test samples of one fold."""
    broken = (np.diff(own.sample) != 1) | (own.fold[1:] != own.fold[:-1])
    return np.split(np.arange(len(own.sample)), np.flatnonzero(broken) + 1)
