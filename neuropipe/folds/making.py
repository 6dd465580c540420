"""Making folds: a scheme chooses the test samples, what is too close to them becomes gap, the rest is training."""

import difflib
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.folds.distance import near_test, overlaps_test
from neuropipe.folds.roles import GAP, ROLES, TEST, TRAIN, refuse_empty
from neuropipe.folds.samples import agreed_length, codes_of, time_order, windows_of
from neuropipe.folds.schemes import SCHEMES, Samples


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
    samples are taken to be in time order. Training samples within `gap` samples of a test sample get the role "gap".
    With stops ((sample,) s) so do those whose window [start, stop) overlaps a test sample's. blocks : (sample,)
    labels for leave_one_block_out; seed : for shuffled. "rolled" and "shuffled" keep no gap, whatever is asked, so that
    their scores compare with published ones; under "rolled", n % n_folds samples are never tested.
    Raises BadInput where a fold would have nothing to train or test on, or would train without one of the classes
    (unless allow_missing_classes).
    """
    if scheme not in SCHEMES:
        near = difflib.get_close_matches(scheme, SCHEMES, n=2) or sorted(SCHEMES)
        raise BadInput(f"no fold scheme is called {scheme!r}; did you mean {' or '.join(near)}?")
    n = agreed_length(n_samples, labels=labels, starts=starts, stops=stops, blocks=blocks)
    _refuse_bad_numbers(n, n_folds, gap)
    classes, block_codes = codes_of(labels, "labels"), codes_of(blocks, "blocks")
    if classes is not None and classes.max() == 0:
        raise BadInput(f"all {n} labels are {_value(labels, 0)}; decoding needs at least two classes")
    windows = None if stops is None else windows_of(starts, stops)
    order = time_order(starts, n)
    ordered = [codes if codes is None else codes[order] for codes in (classes, block_codes)]
    gap = gap if SCHEMES[scheme].keeps_gap else 0
    tests = SCHEMES[scheme].split(Samples(n, int(n_folds), seed, *ordered))
    roles = np.full((len(tests), n), TRAIN, np.int8)
    for role, test in zip(roles, tests, strict=True):
        role[order[test]] = TEST
        close = near_test(role == TEST, order, gap) >= 0 if len(test) else np.zeros(n, bool)
        if windows is not None and len(test):
            close |= overlaps_test(role == TEST, windows) >= 0
        role[close & (role == TRAIN)] = GAP
    refuse_empty(roles)
    if classes is not None and not allow_missing_classes:
        _refuse_missing_classes(roles, classes, labels)
    fold, sample = np.divmod(np.arange(roles.size), n)
    return pd.DataFrame({"fold": fold, "sample": sample, "role": ROLES[roles.ravel()]})


def _refuse_missing_classes(roles: np.ndarray, classes: np.ndarray, labels: Any) -> None:
    for fold, role in enumerate(roles):
        missing = np.setdiff1d(classes, classes[role == TRAIN])
        if len(missing):
            of_class = classes == missing[0]
            raise BadInput(
                f"fold {fold} would train without class {_value(labels, int(np.argmax(of_class)))}: all its "
                f"{np.sum(of_class)} samples are tested or in the gap; use 'stratified', fewer folds, or "
                "allow_missing_classes=True"
            )


def _refuse_bad_numbers(n: int, n_folds: int, gap: int) -> None:
    if not float(n_folds).is_integer() or n_folds < 2:
        raise BadInput(f"n_folds is {n_folds}; cross-validation needs a whole number of folds, at least 2")
    if not float(gap).is_integer() or gap < 0:
        raise BadInput(f"gap is {gap}; it must be a whole number of samples, 0 or more")
    if n < n_folds:
        raise BadInput(f"{n} samples can't be cut into {n_folds} folds; take at most one fold per sample")


def _value(labels: Any, sample: int) -> str:
    return repr(np.asarray(labels)[sample : sample + 1].tolist()[0])
