"""Validation of what decoders are given: counts, labels, targets and times. Nothing is repaired silently."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, column_or_1d, validate_data

from neuropipe.errors import BadInput
from neuropipe.parameters import bad_input


def read_counts(decoder: BaseEstimator, X, *, fitting: bool) -> np.ndarray:
    """Validate X -> (trial, bin, unit) float64; (trial, unit) becomes one bin. Prediction needs the fitted shape."""
    with bad_input():
        n_axes = X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim
        if n_axes == 3:
            counts = check_array(X, allow_nd=True, dtype=np.float64, ensure_all_finite=False, estimator=decoder)
        else:
            counts = validate_data(decoder, X, reset=fitting, dtype=np.float64, ensure_all_finite=False)[:, None, :]
    if not np.isfinite(counts).all():
        first = tuple(int(i) for i in np.argwhere(~np.isfinite(counts))[0])
        found = "NaN" if np.isnan(counts[first]) else f"{counts[first]}"
        raise BadInput(
            f"X holds {found} at trial {first[0]}, bin {first[1]}, unit {first[2]}; a decoder needs finite values: "
            "drop or repair those trials or units first"
        )
    if 0 in counts.shape:
        raise BadInput(f"X has shape {np.shape(X)}; a decoder needs at least one trial, one bin and one unit")
    if fitting:
        decoder.n_bins_, decoder.n_units_ = counts.shape[1:]
    elif counts.shape[1:] != (decoder.n_bins_, decoder.n_units_):
        raise BadInput(
            f"X has {counts.shape[1]} bins x {counts.shape[2]} units, but this {type(decoder).__name__} was fitted on "
            f"{decoder.n_bins_} bins x {decoder.n_units_} units; give it the same bins and units in the same order"
        )
    return counts


def refuse_negative(decoder: BaseEstimator, counts: np.ndarray) -> None:
    """Refuse negative values, for decoders that model spike counts. counts : (trial, bin, unit)"""
    if counts.min() < 0:
        trial, bin_, unit = (int(i) for i in np.argwhere(counts < 0)[0])
        raise BadInput(
            f"Negative values in data passed to {type(decoder).__name__}: X holds {counts[trial, bin_, unit]:g} at "
            f"trial {trial}, bin {bin_}, unit {unit}; spike counts are 0 or more: use another decoder for scaled "
            "activity"
        )


def read_labels(decoder: BaseEstimator, y, n_trials: int) -> np.ndarray:
    """Encode labels of any sortable type as integers 0 .. n_classes - 1, and set the decoder's `classes_`."""
    if y is None:
        raise BadInput(f"{type(decoder).__name__} requires y to be passed, but the target y is None")
    with bad_input():
        labels = column_or_1d(y, warn=True)
        if labels.dtype.kind == "f" and not np.isfinite(labels).all():
            raise BadInput("y holds NaN or infinity; every trial needs a label: drop the trials without one")
        check_classification_targets(labels)
    if len(labels) != n_trials:
        raise BadInput(f"X has {n_trials} trials but y has {len(labels)} labels; give one label per trial")
    classes, encoded = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise BadInput(
            f"y holds only one class ({classes.tolist()[0]!r}); a decoder needs trials of at least two classes"
        )
    decoder.classes_ = classes
    return encoded


def read_targets(decoder: BaseEstimator, y, n_samples: int) -> np.ndarray:
    """Validate targets and return them as (sample, k) float64; sets the decoder's `n_targets_` and `one_target_`."""
    if y is None:
        raise BadInput(f"{type(decoder).__name__} requires y to be passed, but the target y is None")
    with bad_input():
        targets = check_array(y, ensure_2d=False, allow_nd=True, dtype=np.float64, input_name="y")
    if targets.ndim not in (1, 2) or targets.size == 0:
        raise BadInput(f"y has shape {targets.shape}; targets are (sample,) or (sample, k), at least one")
    if len(targets) != n_samples:
        raise BadInput(f"X has {n_samples} samples but y has {len(targets)} targets; give one row per sample")
    decoder.one_target_ = targets.ndim == 1
    targets = targets.reshape(n_samples, -1)
    decoder.n_targets_ = targets.shape[1]
    return targets


def read_time_order(trial_start, n_trials: int) -> np.ndarray:
    """Row numbers in time order: sorted by trial_start (s) if given, else the order of the rows."""
    if trial_start is None:
        return np.arange(n_trials)
    start = np.asarray(trial_start, dtype=float)
    if start.shape != (n_trials,) or not np.isfinite(start).all():
        raise BadInput(
            f"trial_start must hold one finite time in s for each of {n_trials} trials; found shape {start.shape}"
        )
    return np.argsort(start, kind="stable")
