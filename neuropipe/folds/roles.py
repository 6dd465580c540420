"""Roles of samples in folds: training, test, or gap."""

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput

ROLES = np.array(["train", "test", "gap"])
TRAIN, TEST, GAP = range(3)


def listed_roles(folds: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(fold, sample, role code) of every row; refuses unknown roles, and numbers that no table of folds has."""
    missing = {"fold", "sample", "role"} - set(folds.columns)
    if missing or len(folds) == 0:
        raise BadInput(f"folds must have rows and the columns fold, sample, role; found {list(folds.columns)}")
    codes = pd.Index(ROLES).get_indexer(folds["role"].astype(str))
    if np.any(codes < 0):
        raise BadInput(f"{folds['role'].iloc[np.argmin(codes)]!r} is no role; a sample is 'train', 'test' or 'gap'")
    fold, sample = folds["fold"].to_numpy(np.int64), folds["sample"].to_numpy(np.int64)
    if fold.min() < 0 or sample.min() < 0:
        raise BadInput("folds and samples are numbered from 0")
    n_folds, n_samples = int(fold.max()) + 1, int(sample.max()) + 1
    if n_folds * n_samples > 2 * len(folds):
        raise BadInput(f"{n_folds} folds of {n_samples} samples need a row each, found {len(folds)} rows")
    return fold, sample, codes


def role_table(folds: pd.DataFrame) -> np.ndarray:
    """(fold, sample) role codes; refuses samples that do not have exactly one role in each fold."""
    fold, sample, codes = listed_roles(folds)
    n_folds, n_samples = int(fold.max()) + 1, int(sample.max()) + 1
    listed = np.bincount(fold * n_samples + sample, minlength=n_folds * n_samples)
    if np.any(listed != 1):
        at = int(np.flatnonzero(listed != 1)[0])
        raise BadInput(
            f"sample {at % n_samples} has {listed[at]} roles in fold {at // n_samples}; it must have one in each fold"
        )
    roles = np.empty((n_folds, n_samples), np.int8)
    roles[fold, sample] = codes
    return roles


def refuse_empty(roles: np.ndarray) -> None:
    """Refuse folds without training or without test samples. roles : (fold, sample) role codes."""
    for code, what in ((TRAIN, "training"), (TEST, "test")):
        without = np.flatnonzero(~np.any(roles == code, axis=1))
        if len(without):
            raise BadInput(f"fold {without[0]} has no {what} samples; take fewer folds, a smaller gap or more samples")
