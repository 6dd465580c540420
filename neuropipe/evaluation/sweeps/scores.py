"""Scores of a sweep: one row a fit, and one a point of a curve with its 95 % interval."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from neuropipe.evaluation.intervals import standard_error
from neuropipe.evaluation.resampling import block_length, resampled_scores
from neuropipe.evaluation.sweeps.fits import Fit
from neuropipe.evaluation.table import Predicted


def table(fits: Sequence[Fit]) -> pd.DataFrame:
    """One row a fit: sweep, value, start, stop, repeat, fold, n_train, n_units, n_test, accuracy, log_loss."""
    return pd.DataFrame(
        [
            {
                "sweep": fit.condition.sweep,
                "value": fit.condition.value,
                "start": fit.condition.start,
                "stop": fit.condition.stop,
                "repeat": fit.condition.repeat,
                "fold": fit.fold,
                "n_train": len(fit.train),
                "n_units": fit.condition.n_units,
                "n_test": len(fit.test),
                "accuracy": fit.accuracy,
                "log_loss": fit.log_loss,
            }
            for fit in fits
        ]
    )


def summary(fits: Sequence[Fit], *, n_resamples: int = 2000, seed: int = 0) -> pd.DataFrame:
    """One row a point: sweep, value, start, stop, n_repeats, accuracy, ci_low, ci_high, spread, log_loss.

    Accuracy is over all test trials, mean over repeats; spread is its SD over repeats (random subsets). The interval's
    variance is that of a block bootstrap over test trials in time order (as in `evaluation.intervals`, repeats
    resampled alike) plus spread^2 / n_repeats. It is Wilson's interval for as many independent trials as would have
    that standard error, with a quantile of Student's t. It speaks of models fitted to these training trials.
    """
    points: dict[tuple[str, float], dict[int, list[Fit]]] = {}
    for fit in fits:
        repeats = points.setdefault((fit.condition.sweep, fit.condition.value), {})
        repeats.setdefault(fit.condition.repeat, []).append(fit)
    rows = []
    for (sweep, value), repeats in points.items():
        condition = next(iter(repeats.values()))[0].condition
        every = [_pooled(of_repeat) for of_repeat in repeats.values()]
        accuracies = np.array([predicted.correct.mean() for predicted in every])
        resampled = [_resampled(predicted, n_resamples, seed) for predicted in every]
        n, spread = len(every[0].truth), float(accuracies.std(ddof=1)) if len(every) > 1 else 0.0
        error = np.hypot(standard_error(np.mean(resampled, axis=0), n), spread / np.sqrt(len(every)))
        low, high = interval(float(accuracies.mean()), float(error), n)
        rows.append(
            {
                "sweep": sweep,
                "value": value,
                "start": condition.start,
                "stop": condition.stop,
                "n_repeats": len(every),
                "accuracy": float(accuracies.mean()),
                "ci_low": low,
                "ci_high": high,
                "spread": spread,
                "log_loss": float(np.mean([_log_loss(of_repeat) for of_repeat in repeats.values()])),
            }
        )
    return pd.DataFrame(rows)


def interval(accuracy: float, error: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of an accuracy over n trials with a standard error; NaN where n is too small for blocks."""
    from scipy.stats import t

    if not np.isfinite(error):
        return np.nan, np.nan
    quantile = t.ppf((1 + level) / 2, n / block_length(n) - 1)
    variance = accuracy * (1 - accuracy)
    independent = variance / error**2 if variance > 0 and error > 0 else n
    shrunk = quantile**2 / independent
    centre = (accuracy + shrunk / 2) / (1 + shrunk)
    half = quantile * np.sqrt(variance / independent + shrunk / (4 * independent)) / (1 + shrunk)
    return float(centre - half), float(centre + half)


def _pooled(fits: Sequence[Fit]) -> Predicted:
    """The predictions of all folds, test trials in time order."""
    sample, truth, probabilities = (
        np.concatenate([getattr(fit, name) for fit in fits]) for name in ("test", "truth", "probabilities")
    )
    fold = np.concatenate([np.full(len(fit.test), fit.fold) for fit in fits])
    order = np.argsort(sample, kind="stable")
    decoded = probabilities.argmax(axis=1)
    return Predicted(*(values[order] for values in (fold, sample, truth, decoded, probabilities)))


def _resampled(predicted: Predicted, n_resamples: int, seed: int) -> np.ndarray:
    return resampled_scores(predicted, ("accuracy",), n_resamples=n_resamples, seed=seed)["accuracy"]


def _log_loss(fits: Sequence[Fit]) -> float:
    return float(np.average([fit.log_loss for fit in fits], weights=[len(fit.test) for fit in fits]))
