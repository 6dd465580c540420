"""Cross-validation folds as data, and the check that nothing of a test sample is seen in training.

A table of folds has one row for each fold and sample: fold (int), sample (int, row of the session's samples) and role:
"train", "test" or "gap" (neither: too near to a test sample in time).
"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput

ROLES = np.array(["train", "test", "gap"])
TRAIN, TEST, GAP = range(3)


@dataclass(frozen=True)
class Samples:
    """What a scheme may look at. n : samples, numbered in time order; classes, blocks : (sample,) int codes."""

    n: int
    n_folds: int
    seed: int
    classes: np.ndarray | None
    blocks: np.ndarray | None


def blocked(samples: Samples) -> list[np.ndarray]:
    """n_folds contiguous blocks of time: the honest default, as drift can't be interpolated inside a test block."""
    return np.array_split(np.arange(samples.n), samples.n_folds)


def stratified(samples: Samples) -> list[np.ndarray]:
    """Contiguous blocks within each class: every fold tests each class in its proportion.

    The blocks of different classes cover about the same stretch of time, but where class frequencies drift their ends
    don't coincide, and there training samples of one class lie between test samples of another.
    """
    if samples.classes is None:
        raise BadInput("the scheme 'stratified' needs labels; without classes use 'blocked'")
    parts = [np.array_split(np.flatnonzero(samples.classes == c), samples.n_folds) for c in np.unique(samples.classes)]
    return [np.sort(np.concatenate(of_fold)) for of_fold in zip(*parts, strict=True)]


def leave_one_block_out(samples: Samples) -> list[np.ndarray]:
    """One fold for each distinct value in `blocks`, in order of appearance; n_folds is not used."""
    if samples.blocks is None:
        raise BadInput("the scheme 'leave_one_block_out' needs blocks, one label a sample")
    return [np.flatnonzero(samples.blocks == block) for block in range(samples.blocks.max() + 1)]


def shuffled(samples: Samples) -> list[np.ndarray]:
    """Random samples, seeded. Leaks drift: neighbours in time of every test sample are trained on."""
    order = np.random.default_rng(samples.seed).permutation(samples.n)
    return [np.sort(part) for part in np.array_split(order, samples.n_folds)]


def rolled(samples: Samples) -> list[np.ndarray]:
    """Fold i tests the first n // n_folds of np.roll(arange(n), i * (n // n_folds)) and trains on the rest.

    Contiguous blocks, taken from the end backwards after the first; the n % n_folds samples that follow the first
    block are never tested.
    """
    length = samples.n // samples.n_folds
    return [np.roll(np.arange(samples.n), fold * length)[:length] for fold in range(samples.n_folds)]


@dataclass(frozen=True)
class Scheme:
    """split : the test samples of each fold; tests_all : whether every sample is tested in some fold.

    keeps_gap : whether a gap is kept between training and test; not in schemes that are known for having none.
    """

    split: Callable[[Samples], list[np.ndarray]]
    tests_all: bool = True
    keeps_gap: bool = True


SCHEMES = {
    "blocked": Scheme(blocked),
    "stratified": Scheme(stratified),
    "leave_one_block_out": Scheme(leave_one_block_out),
    "shuffled": Scheme(shuffled, keeps_gap=False),
    "rolled": Scheme(rolled, tests_all=False, keeps_gap=False),
}


def make_folds(
    labels: Any = None,
    *,
    n_samples: int | None = None,
    scheme: str = "blocked",
    n_folds: int = 5,
    gap: int = 0,
    starts: Any = None,
    stops: Any = None,
    blocks: Any = None,
    seed: int = 0,
    allow_missing_classes: bool = False,
) -> pd.DataFrame:
    """Folds over samples: (fold, sample, role), every sample once in each fold and tested in one fold.

    labels : (sample,) classes; for regression leave them out and give n_samples. starts : (sample,) s; without them
    samples are taken to be in time order. Training samples within `gap` samples of a test sample get the role "gap",
    and with stops ((sample,) s) so do those whose window [start, stop) overlaps a test sample's. blocks : (sample,)
    labels for leave_one_block_out; seed : for shuffled. "rolled" and "shuffled" keep no gap, whatever is asked, so that
    their figures can be compared with others'; under "rolled", n % n_folds samples are never tested.
    Raises BadInput where a fold would have nothing to train or test on, or would train without a class that labels
    hold (unless allow_missing_classes).
    """
    if scheme not in SCHEMES:
        near = difflib.get_close_matches(scheme, SCHEMES, n=2) or sorted(SCHEMES)
        raise BadInput(f"no fold scheme is called {scheme!r}; did you mean {' or '.join(near)}?")
    n = _agreed_length(n_samples, labels=labels, starts=starts, stops=stops, blocks=blocks)
    _refuse_bad_numbers(n, n_folds, gap)
    classes, block_codes = _codes(labels, "labels"), _codes(blocks, "blocks")
    if classes is not None and classes.max() == 0:
        raise BadInput(f"all {n} labels are {_value(labels, 0)}; decoding needs at least two classes")
    windows = None if stops is None else _windows(starts, stops, None)
    order = np.arange(n) if starts is None else np.argsort(_times(starts, "starts"), kind="stable")
    ordered = [codes if codes is None else codes[order] for codes in (classes, block_codes)]
    gap = gap if SCHEMES[scheme].keeps_gap else 0
    tests = SCHEMES[scheme].split(Samples(n, int(n_folds), seed, *ordered))
    roles = np.full((len(tests), n), TRAIN, np.int8)
    for role, test in zip(roles, tests, strict=True):
        role[order[test]] = TEST
        near = _near_test(role, order, gap)
        if windows is not None:
            near |= _overlaps_test(role, windows)
        role[near & (role == TRAIN)] = GAP
    _refuse_empty(roles)
    if classes is not None and not allow_missing_classes:
        _refuse_missing_classes(roles, classes, labels)
    fold, sample = np.divmod(np.arange(roles.size), n)
    return pd.DataFrame({"fold": fold, "sample": sample, "role": ROLES[roles.ravel()]})


def check_leakage(
    folds: pd.DataFrame,
    *,
    starts: Any = None,
    stops: Any = None,
    windows: Any = None,
    gap: int = 0,
    allow_untested: bool = False,
) -> None:
    """Refuse (BadInput) folds by which a test sample, or anything recorded in its window, is seen in training.

    folds : (fold, sample, role); with a column scheme, each scheme is checked by itself. starts, stops : (sample,) s,
    the window [start, stop) that each sample is made from, or windows : (sample, 2) s; a bin with its history has the
    window [t - history, t + bin_width). gap : samples that must lie between training and test. Windows that merely
    touch do not overlap. Without times only roles and gap are checked. Also refused: a sample listed twice or not at
    all in a fold, tested in two folds, or in none (unless allow_untested, which "rolled" needs), and folds without
    training or test samples.
    """
    if "scheme" in folds.columns:
        times = {"starts": starts, "stops": stops, "windows": windows}
        for name, of_scheme in folds.groupby("scheme", sort=False):
            untested = allow_untested or (name in SCHEMES and not SCHEMES[name].tests_all)
            check_leakage(of_scheme.drop(columns="scheme"), **times, gap=gap, allow_untested=untested)
        return
    roles = _role_table(folds)
    n = roles.shape[1]
    _refuse_empty(roles)
    tested = np.sum(roles == TEST, axis=0)
    if tested.max() > 1:
        raise BadInput(f"sample {np.argmax(tested)} is tested in {tested.max()} folds; test each sample in one")
    if not allow_untested and tested.min() == 0:
        raise BadInput(f"sample {np.argmin(tested)} is tested in no fold ({np.sum(tested == 0)} such); test each")
    _agreed_length(n, starts=starts, stops=stops, windows=windows)
    if windows is not None or stops is not None:
        windows = _windows(starts, stops, windows)
    times = starts if starts is not None or windows is None else windows[:, 0]
    order = np.arange(n) if times is None else np.argsort(_times(times, "starts"), kind="stable")
    for fold, role in enumerate(roles):
        near = np.flatnonzero(_near_test(role, order, gap) & (role == TRAIN))
        if len(near):
            raise BadInput(
                f"fold {fold} trains on sample {near[0]}, within the gap of {gap} samples of a test sample "
                f"({len(near)} such); give it the role 'gap'"
            )
        if windows is not None:
            _refuse_overlap(fold, role, windows)


def _role_table(folds: pd.DataFrame) -> np.ndarray:
    """(fold, sample) role codes; refuses samples listed twice or not at all and roles that are none."""
    missing = {"fold", "sample", "role"} - set(folds.columns)
    if missing or len(folds) == 0:
        raise BadInput(f"folds must have rows and the columns fold, sample, role; found {list(folds.columns)}")
    codes = pd.Index(ROLES).get_indexer(folds["role"].astype(str))
    if np.any(codes < 0):
        raise BadInput(f"{folds['role'].iloc[np.argmin(codes)]!r} is no role; a sample is 'train', 'test' or 'gap'")
    fold, sample = folds["fold"].to_numpy(np.int64), folds["sample"].to_numpy(np.int64)
    if fold.min() < 0 or sample.min() < 0:
        raise BadInput("folds and samples are numbered from 0")
    shape = (fold.max() + 1, sample.max() + 1)
    if shape[0] * shape[1] > 2 * len(folds):
        raise BadInput(f"{shape[0]} folds of {shape[1]} samples need a row each, found {len(folds)} rows")
    listed = np.bincount(fold * shape[1] + sample, minlength=shape[0] * shape[1])
    if np.any(listed != 1):
        at = int(np.flatnonzero(listed != 1)[0])
        raise BadInput(
            f"sample {at % shape[1]} has {listed[at]} roles in fold {at // shape[1]}; it must have one in each fold"
        )
    roles = np.empty(shape, np.int8)
    roles[fold, sample] = codes
    return roles


def _near_test(role: np.ndarray, order: np.ndarray, gap: int) -> np.ndarray:
    """(sample,) bool: at most `gap` samples away from a test sample in time order."""
    n_before = np.concatenate([[0], np.cumsum(role[order] == TEST)])
    place = np.arange(len(role))
    near = np.empty(len(role), bool)
    near[order] = n_before[np.minimum(place + gap + 1, len(role))] > n_before[np.maximum(place - gap, 0)]
    return near


def _overlaps_test(role: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """(sample,) bool: the window shares time with a test sample's.

    A test window meets [a, b) if it starts before b and does not stop by a; all that stop by a start before b.
    """
    tests = windows[role == TEST]
    slack = _slack(windows)
    start_before = np.searchsorted(np.sort(tests[:, 0]), windows[:, 1] - slack, "left")
    stop_by = np.searchsorted(np.sort(tests[:, 1]), windows[:, 0] + slack, "right")
    return start_before > stop_by


def _slack(windows: np.ndarray) -> float:
    """Seconds of overlap that are rounding: neighbours computed as start + width may meet in the last digits."""
    return max(1e-6 * np.min(windows[:, 1] - windows[:, 0]), 4 * np.spacing(np.abs(windows).max()))


def _refuse_overlap(fold: int, role: np.ndarray, windows: np.ndarray) -> None:
    leaking = np.flatnonzero(_overlaps_test(role, windows) & (role == TRAIN))
    if len(leaking) == 0:
        return
    train = leaking[0]
    (start, stop), slack = windows[train], _slack(windows)
    test = np.flatnonzero((role == TEST) & (windows[:, 0] < stop - slack) & (windows[:, 1] > start + slack))[0]
    raise BadInput(
        f"fold {fold} trains on sample {train} ([{start:g}, {stop:g}) s), which overlaps test sample {test} "
        f"([{windows[test, 0]:g}, {windows[test, 1]:g}) s); {len(leaking)} training samples overlap tests: "
        "give them the role 'gap', or make the folds with starts and stops"
    )


def _refuse_empty(roles: np.ndarray) -> None:
    for code, what in ((TRAIN, "training"), (TEST, "test")):
        without = np.flatnonzero(~np.any(roles == code, axis=1))
        if len(without):
            raise BadInput(f"fold {without[0]} has no {what} samples; take fewer folds, a smaller gap or more samples")


def _refuse_missing_classes(roles: np.ndarray, classes: np.ndarray, labels: Any) -> None:
    for fold, role in enumerate(roles):
        lacking = np.setdiff1d(classes, classes[role == TRAIN])
        if len(lacking):
            value = _value(labels, np.argmax(classes == lacking[0]))
            raise BadInput(
                f"fold {fold} would train without class {value}: all its {np.sum(classes == lacking[0])} samples are "
                "tested or in the gap; use 'stratified', fewer folds, or allow_missing_classes=True"
            )


def _refuse_bad_numbers(n: int, n_folds: int, gap: int) -> None:
    if not float(n_folds).is_integer() or n_folds < 2:
        raise BadInput(f"n_folds is {n_folds}; cross-validation needs a whole number of folds, at least 2")
    if not float(gap).is_integer() or gap < 0:
        raise BadInput(f"gap is {gap}; it must be a whole number of samples, 0 or more")
    if n < n_folds:
        raise BadInput(f"{n} samples can't be cut into {n_folds} folds; take at most one fold a sample")


def _agreed_length(n_samples: int | None, **given: Any) -> int:
    """The number of samples that all arrays given agree on."""
    lengths = {name: len(values) for name, values in given.items() if values is not None}
    if n_samples is not None:
        lengths = {"n_samples": int(n_samples), **lengths}
    if not lengths:
        raise BadInput("how many samples are there? give labels or n_samples")
    if len(set(lengths.values())) > 1:
        raise BadInput("samples differ in number: " + ", ".join(f"{name} {n}" for name, n in lengths.items()))
    return next(iter(lengths.values()))


def _codes(values: Any, what: str) -> np.ndarray | None:
    """(sample,) int: distinct values numbered in order of appearance."""
    if values is None:
        return None
    if np.ndim(values) != 1:
        raise BadInput(f"{what} must be one value a sample, found shape {np.shape(values)}")
    missing = np.flatnonzero(pd.isna(np.asarray(values)))
    if len(missing):
        raise BadInput(f"sample {missing[0]} has no value in {what} ({len(missing)} such); leave out such samples")
    return pd.factorize(np.asarray(values))[0]


def _value(labels: Any, sample: int) -> str:
    return repr(np.asarray(labels)[sample : sample + 1].tolist()[0])


def _times(values: Any, what: str) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not np.all(np.isfinite(values)):
        raise BadInput(f"{what} must be one finite time (s) a sample")
    return values


def _windows(starts: Any, stops: Any, windows: Any) -> np.ndarray:
    """(sample, 2) s, from either way of giving them."""
    if windows is None:
        if starts is None or stops is None:
            raise BadInput("windows of samples need both starts and stops")
        windows = np.stack([_times(starts, "starts"), _times(stops, "stops")], axis=1)
    windows = np.asarray(windows, np.float64)
    if windows.ndim != 2 or windows.shape[1] != 2 or not np.all(np.isfinite(windows)):
        raise BadInput(f"windows must be (sample, 2) finite times in s, found shape {windows.shape}")
    empty = np.flatnonzero(windows[:, 1] <= windows[:, 0])
    if len(empty):
        raise BadInput(f"sample {empty[0]} has the window {windows[empty[0]]} s; it must stop after it starts")
    return windows
