"""Leaks from test into training: finding them, and refusing folds that have any."""

from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.folds.distance import near_test, overlaps_test
from neuropipe.folds.roles import TEST, TRAIN, listed_roles, refuse_empty, role_table
from neuropipe.folds.samples import agreed_length, time_order, windows_of
from neuropipe.folds.schemes import SCHEMES

COLUMNS = ["scheme", "fold", "sample", "test_sample", "leak"]
TWO_ROLES, OVERLAP, WITHIN_GAP = "two roles", "overlap", "gap"


def leaks(folds: pd.DataFrame, starts: Any = None, stops: Any = None, gap: int = 0) -> pd.DataFrame:
    """Every leak of a test sample into the training samples of its fold; no rows where there is none.

    folds : (fold, sample, role), with a column scheme where there are several. starts, stops : (sample,) s, the window
    [start, stop) that each sample is computed from; a bin with its history has [t - history, t + bin_width). Windows
    that merely touch do not overlap. Without times only roles and gap are looked at. gap : samples that must lie
    between training and test; a scheme that keeps no gap by design (`Scheme.keeps_gap`) is held to none.
    Returns (scheme, fold, sample, test_sample, leak): the training sample, the test sample that it leaks, and how:
    "two roles" (it is both), "overlap" (their windows share time) or "gap" (fewer than `gap` samples between them).
    scheme is "" where folds have no such column.
    """
    if "scheme" in folds.columns:
        parts = [_leaks(table, str(name), starts, stops, gap) for name, table in folds.groupby("scheme", sort=False)]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
    return _leaks(folds, "", starts, stops, gap)


def check_leakage(
    folds: pd.DataFrame,
    *,
    starts: Any = None,
    stops: Any = None,
    windows: Any = None,
    gap: int = 0,
    allow_untested: bool = False,
) -> None:
    """Refuse (BadInput) folds with a leak (see `leaks`), and tables that are no cross-validation.

    windows : (sample, 2) s, instead of starts and stops. Refused as well: a sample listed twice or not at all in a
    fold, tested in two folds, or in none (unless allow_untested, or in a scheme like "rolled", that leaves some out),
    and folds without training or test samples. With a column scheme each scheme is checked by itself.
    """
    if windows is not None:
        starts, stops = _columns(windows)
    if "scheme" in folds.columns:
        for name, of_scheme in folds.groupby("scheme", sort=False):
            untested = allow_untested or (name in SCHEMES and not SCHEMES[name].tests_all)
            _check_scheme(of_scheme.drop(columns="scheme"), str(name), starts, stops, gap, untested)
    else:
        _check_scheme(folds, "", starts, stops, gap, allow_untested)


def _check_scheme(folds: pd.DataFrame, scheme: str, starts: Any, stops: Any, gap: int, allow_untested: bool) -> None:
    roles = role_table(folds)
    refuse_empty(roles)
    tested = np.sum(roles == TEST, axis=0)
    if tested.max() > 1:
        raise BadInput(f"sample {np.argmax(tested)} is tested in {tested.max()} folds; test each sample in one")
    if not allow_untested and tested.min() == 0:
        raise BadInput(f"sample {np.argmin(tested)} is tested in no fold ({np.sum(tested == 0)} such); test each")
    found = _leaks(folds, scheme, starts, stops, gap)
    if len(found):
        raise BadInput(_in_words(found, starts, stops, gap))


def _leaks(folds: pd.DataFrame, scheme: str, starts: Any, stops: Any, gap: int) -> pd.DataFrame:
    fold, sample, codes = listed_roles(folds)
    shape = (int(fold.max()) + 1, int(sample.max()) + 1)
    train, test = np.zeros((2, *shape), bool)
    train[fold[codes == TRAIN], sample[codes == TRAIN]] = True
    test[fold[codes == TEST], sample[codes == TEST]] = True
    agreed_length(shape[1], starts=starts, stops=stops)
    windows = None if stops is None else windows_of(starts, stops)
    order = time_order(starts, shape[1])
    if scheme in SCHEMES and not SCHEMES[scheme].keeps_gap:
        gap = 0
    found = []
    for number in range(shape[0]):
        is_train, is_test = train[number], test[number]
        if not is_test.any():
            continue
        found.append(_rows(number, TWO_ROLES, is_train & is_test, np.arange(shape[1])))
        near = near_test(is_test, order, gap)
        found.append(_rows(number, WITHIN_GAP, is_train & ~is_test & (near >= 0), near))
        if windows is not None:
            overlapped = overlaps_test(is_test, windows)
            found.append(_rows(number, OVERLAP, is_train & ~is_test & (overlapped >= 0), overlapped))
    every = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=COLUMNS[1:])
    every.insert(0, "scheme", scheme)
    return every


def _rows(fold: int, leak: str, leaking: np.ndarray, test_sample: np.ndarray) -> pd.DataFrame:
    samples = np.flatnonzero(leaking)
    return pd.DataFrame({"fold": fold, "sample": samples, "test_sample": test_sample[samples], "leak": leak})


def _in_words(found: pd.DataFrame, starts: Any, stops: Any, gap: int) -> str:
    """The first leak, named, and how many others of its kind there are in its fold."""
    first = found.iloc[0]
    alike = int(np.sum((found["fold"] == first["fold"]) & (found["leak"] == first["leak"])))
    trains = f"fold {first['fold']} trains on sample {first['sample']}"
    if first["leak"] == OVERLAP:
        windows = windows_of(starts, stops)
        (start, stop), (test_start, test_stop) = windows[first["sample"]], windows[first["test_sample"]]
        return (
            f"{trains} ([{start:g}, {stop:g}) s), which overlaps test sample {first['test_sample']} "
            f"([{test_start:g}, {test_stop:g}) s); {alike} training samples overlap tests: "
            "give them the role 'gap', or make the folds with starts and stops"
        )
    return f"{trains}, within the gap of {gap} samples of a test sample ({alike} such); give it the role 'gap'"


def _columns(windows: Any) -> tuple[np.ndarray, np.ndarray]:
    windows = np.asarray(windows, np.float64)
    if windows.ndim != 2 or windows.shape[1] != 2 or not np.all(np.isfinite(windows)):
        raise BadInput(f"windows must be (sample, 2) finite times in s, found shape {windows.shape}")
    return windows[:, 0], windows[:, 1]
