"""One table a model and session: every score with its interval, its chance and the baselines beside it."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.evaluation.baselines import UNKNOWN, majority_of_training, previous_of_time
from neuropipe.evaluation.intervals import COLUMNS, difference, intervals
from neuropipe.evaluation.metrics import METRICS, score
from neuropipe.evaluation.shifts import shift_null
from neuropipe.evaluation.table import Predicted, check_out_of_fold, encode, read_predictions

JUDGED = ("accuracy", "balanced_accuracy", "r2", "median_error")
BASELINES = {"majority": majority_of_training, "previous": previous_of_time}


def evaluate(
    predictions: pd.DataFrame,
    folds: pd.DataFrame,
    classes: Sequence,
    *,
    labels: Sequence | None = None,
    seed: int = 0,
    n_shifts: int = 2000,
    n_resamples: int = 2000,
) -> pd.DataFrame:
    """Columns scheme, metric, value, ci_low, ci_high, p_value, n; a row for each scheme and metric.

    Metrics are METRICS, `accuracy_majority` and `accuracy_previous` (the baselines' own accuracy) and
    `accuracy_over_majority` and `accuracy_over_previous` (paired differences). p_value is against shifted labels for
    scores (one-sided), of no difference for differences (two-sided), NaN for the rest. n counts predictions.
    labels : (sample,) of all trials; where not given the baselines know the labels found in `predictions`.
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
        n = len(predicted.truth)
        value = score(predicted)
        bounds = intervals(predicted, value, n_resamples=n_resamples, seed=seed)
        p_values = shift_null(predicted, of_scheme, n_shifts=n_shifts, seed=seed).p_value
        rows += [(scheme, name, value[name], *bounds[name], p_values.get(name, np.nan), n) for name in METRICS]
        compared = []
        for name, baseline in BASELINES.items():
            other = baseline(known, len(classes), of_scheme)
            own = float(other.correct.mean())
            around = intervals(other, {"accuracy": own}, ("accuracy",), n_resamples=n_resamples, seed=seed)
            rows.append((scheme, f"accuracy_{name}", own, *around["accuracy"], np.nan, n))
            over = difference(predicted, other, "accuracy", n_resamples=n_resamples, seed=seed)
            compared.append((scheme, f"accuracy_over_{name}", *over, n))
        rows += compared
    return pd.DataFrame(rows, columns=COLUMNS)


def dead_session(evaluations: Mapping[str, pd.DataFrame], scheme: str, *, alpha: float = 0.05) -> bool:
    """Whether no model's accuracy or balanced accuracy (R2, median error) beats chance in this scheme.

    evaluations : model -> table of `evaluate`. All p-values are judged together by Holm's method, whose first step
    (smallest p x number of tests < alpha) decides whether any is significant. Without any p-value nothing is shown to
    beat chance, and the session counts as dead.
    """
    if not evaluations:
        raise BadInput("no evaluation was given, so nothing can be said of the session")
    table = pd.concat(evaluations.values())
    table = table[table["scheme"] == scheme]
    if table.empty:
        raise BadInput(f"no evaluation holds scheme {scheme!r}")
    p_values = table.loc[table["metric"].isin(JUDGED), "p_value"].dropna()
    return not (len(p_values) and p_values.min() * len(p_values) < alpha)


def _known_labels(read: dict[str, Predicted], folds: pd.DataFrame) -> np.ndarray:
    """(sample,) class indices from whatever scheme tested the sample, UNKNOWN (-1) where none did."""
    known = np.full(folds["sample"].max() + 1, UNKNOWN)
    for predicted in read.values():
        known[predicted.sample] = predicted.truth
    return known
