"""One table per model and session: every score with its interval, its chance level and the baselines to beat."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.evaluation.baselines import UNKNOWN, majority_of_training, previous_of_time
from neuropipe.evaluation.intervals import COLUMNS, difference_interval, interval
from neuropipe.evaluation.metrics import METRICS, score
from neuropipe.evaluation.resampling import WEIGHTED, resampled_together
from neuropipe.evaluation.shifts import shift_null
from neuropipe.evaluation.table import Predicted, check_out_of_fold, encode, read_predictions

BASELINES = {"majority": majority_of_training, "previous": previous_of_time}
COMPARED = ("accuracy", "balanced_accuracy", "log_loss")  # metrics that are given for the baselines, too


def evaluate(
    predictions: pd.DataFrame,
    folds: pd.DataFrame,
    classes: Sequence,
    *,
    labels: Sequence | np.ndarray | None = None,
    seed: int = 0,
    n_shifts: int = 2000,
    n_resamples: int = 2000,
) -> pd.DataFrame:
    """Score the predictions of a classifier: one row per scheme and metric.

    Columns scheme, metric, value, ci_low, ci_high, p_value, n (number of predictions). Metrics are METRICS and, for
    each of COMPARED, `<metric>_majority` and `<metric>_previous` (the baselines' own scores), and
    `<metric>_over_majority` and `<metric>_over_previous` (paired differences). p_value compares scores with labels
    that are shifted in time (one-sided) and differences with no difference (two-sided); it is NaN for the rest.
    labels : (sample,) of all trials; without them the baselines know the labels found in `predictions`.
    """
    check_out_of_fold(predictions, folds)
    read = read_predictions(predictions, classes)
    known = _known_labels(read, folds) if labels is None else encode(labels, classes, "labels")
    if len(known) <= folds["sample"].max():
        raise BadInput(f"{len(known)} labels were given, but folds name sample {folds['sample'].max()}")
    rows = []
    for scheme, predicted in read.items():
        of_scheme = folds[folds["scheme"] == scheme]
        if not np.array_equal(known[predicted.sample], predicted.truth):
            raise BadInput(f"scheme {scheme!r}: y_true disagrees with the labels of the same samples elsewhere")
        p_values = shift_null(predicted, of_scheme, n_shifts=n_shifts, seed=seed).p_value
        baselines = {name: baseline(known, len(classes), of_scheme) for name, baseline in BASELINES.items()}
        found = _scores(predicted, baselines, n_resamples=n_resamples, seed=seed)
        n = len(predicted.truth)
        rows += [(scheme, metric, *values, p_values.get(metric, p), n) for metric, (*values, p) in found.items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def _scores(
    predicted: Predicted, baselines: dict[str, Predicted], *, n_resamples: int, seed: int
) -> dict[str, tuple[float, float, float, float]]:
    """Metric -> value, ci_low, ci_high, p of no difference (NaN for scores)."""
    n = len(predicted.truth)
    every, value = np.ones((1, n)), score(predicted)
    models = {"": (predicted, METRICS), **{name: (other, COMPARED) for name, other in baselines.items()}}
    resampled = resampled_together(models, n_resamples=n_resamples, seed=seed)
    found = {m: (value[m], *interval(m, value[m], resampled[""][m], n), np.nan) for m in METRICS}
    for metric in COMPARED:
        exact = float(WEIGHTED[metric](predicted, every)[0])
        values = {name: float(WEIGHTED[metric](other, every)[0]) for name, other in baselines.items()}
        for name, own in values.items():
            found[f"{metric}_{name}"] = (own, *interval(metric, own, resampled[name][metric], n), np.nan)
        for name, own in values.items():
            apart = resampled[""][metric] - resampled[name][metric]
            found[f"{metric}_over_{name}"] = difference_interval(exact - own, apart, n)
    return found


def _known_labels(read: dict[str, Predicted], folds: pd.DataFrame) -> np.ndarray:
    """(sample,) class indices from whatever scheme tested the sample, UNKNOWN (-1) where none did."""
    known = np.full(folds["sample"].max() + 1, UNKNOWN)
    for predicted in read.values():
        known[predicted.sample] = predicted.truth
    return known
