"""Folds inside the training trials: contiguous blocks in time, so that slow drift can't pass for skill."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class InnerFold:
    """Row numbers among the training trials. All labels to validate on are present among those to train on."""

    train: np.ndarray
    validate: np.ndarray


def inner_folds(labels: np.ndarray, n_folds: int) -> list[InnerFold]:
    """At most n_folds contiguous blocks of near-equal length, each held out once.

    labels : (trial,) integers, trials in time order.
    With fewer trials than folds, one block a trial. A trial whose class occurs only in its own block can't be predicted
    from the others and is not validated on; a fold whose training trials hold one class only, or which has nothing left
    to validate on, is left out. So the list may be shorter than asked for, and empty where labels come in two runs.
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
    """Contiguous blocks of samples in time order, each held out once, with `gap` samples on either side left out.

    For targets without classes. Blocks that would leave fewer than two samples to train on are left out.
    """
    folds = []
    for block in np.array_split(np.arange(n_samples), min(n_folds, n_samples)):
        samples = np.arange(n_samples)
        train = samples[(samples < block[0] - gap) | (samples > block[-1] + gap)]
        if len(train) > 1:
            folds.append(InnerFold(train, block))
    return folds
