"""Folds inside the training trials: contiguous blocks in time, so that slow drift is not mistaken for decoding."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class InnerFold:
    """Row numbers among the training trials. Every label to validate on also occurs among those to train on."""

    train: np.ndarray
    validate: np.ndarray


def inner_folds(labels: np.ndarray, n_folds: int) -> list[InnerFold]:
    """Cut training trials into at most n_folds contiguous blocks of near-equal length, each held out once.

    labels : (trial,) integers, trials in time order
    With fewer trials than folds, each trial is a block. A trial whose class occurs only in its own block cannot be
    predicted from the others and is not validated on. A fold is left out if its training trials hold one class only,
    or if nothing is left to validate on. So the list may be shorter than asked for; it is empty, for example, where
    two folds are asked for and all trials of one class come before all trials of the other.
    """
    folds = []
    trials = np.arange(len(labels))
    for block in np.array_split(trials, min(n_folds, len(trials))):
        train = np.setdiff1d(trials, block)
        known = np.unique(labels[train])
        validate = block[np.isin(labels[block], known)]
        if len(known) > 1 and len(validate):
            folds.append(InnerFold(train, validate))
    return folds


def inner_blocks(n_samples: int, n_folds: int, gap: int) -> list[InnerFold]:
    """Cut samples in time order into contiguous blocks, each held out once, leaving out `gap` samples on either side.

    For targets without classes. Blocks that would leave fewer than two samples to train on are left out.
    """
    folds = []
    for block in np.array_split(np.arange(n_samples), min(n_folds, n_samples)):
        samples = np.arange(n_samples)
        train = samples[(samples < block[0] - gap) | (samples > block[-1] + gap)]
        if len(train) > 1:
            folds.append(InnerFold(train, block))
    return folds
