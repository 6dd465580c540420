"""Splitting schemes: which samples each fold tests. A new scheme is one class here and its line in SCHEMES."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from neuropipe.errors import BadInput


@dataclass(frozen=True)
class Samples:
    """What a scheme may look at. n : samples, numbered in time order; classes, blocks : (sample,) int codes."""

    n: int
    n_folds: int
    seed: int
    classes: np.ndarray | None
    blocks: np.ndarray | None


class Scheme(Protocol):
    """A way to split.

    tests_all : whether every sample is tested in some fold; keeps_gap : whether a gap is kept between training and
    test samples (schemes that are known for having none keep none, so that their scores compare with others').
    """

    tests_all: ClassVar[bool]
    keeps_gap: ClassVar[bool]

    def split(self, samples: Samples) -> list[np.ndarray]:
        """The test samples of each fold."""
        ...


class Blocked:
    """n_folds contiguous blocks of time: the honest default, as drift can't be interpolated inside a test block."""

    tests_all: ClassVar[bool] = True
    keeps_gap: ClassVar[bool] = True

    def split(self, samples: Samples) -> list[np.ndarray]:
        return np.array_split(np.arange(samples.n), samples.n_folds)


class Stratified:
    """Contiguous blocks within each class: every fold tests each class in its proportion.

    The blocks of different classes cover about the same stretch of time. Where class frequencies drift their ends
    differ, and there training samples of one class lie between test samples of another.
    """

    tests_all: ClassVar[bool] = True
    keeps_gap: ClassVar[bool] = True

    def split(self, samples: Samples) -> list[np.ndarray]:
        if samples.classes is None:
            raise BadInput("the scheme 'stratified' needs labels; without classes use 'blocked'")
        members = [np.flatnonzero(samples.classes == code) for code in np.unique(samples.classes)]
        parts = [np.array_split(of_class, samples.n_folds) for of_class in members]
        return [np.sort(np.concatenate(of_fold)) for of_fold in zip(*parts, strict=True)]


class LeaveOneBlockOut:
    """One fold per distinct value in `blocks`, in order of appearance; n_folds is not used."""

    tests_all: ClassVar[bool] = True
    keeps_gap: ClassVar[bool] = True

    def split(self, samples: Samples) -> list[np.ndarray]:
        if samples.blocks is None:
            raise BadInput("the scheme 'leave_one_block_out' needs blocks, one label per sample")
        return [np.flatnonzero(samples.blocks == block) for block in range(samples.blocks.max() + 1)]


class Shuffled:
    """Random samples, seeded. Leaks drift: the neighbours in time of every test sample are training samples."""

    tests_all: ClassVar[bool] = True
    keeps_gap: ClassVar[bool] = False

    def split(self, samples: Samples) -> list[np.ndarray]:
        order = np.random.default_rng(samples.seed).permutation(samples.n)
        return [np.sort(part) for part in np.array_split(order, samples.n_folds)]


class Rolled:
    """Fold i tests the first n // n_folds of np.roll(arange(n), i * (n // n_folds)) and trains on the rest.

    Contiguous blocks, taken from the end backwards after the first. The n % n_folds samples that follow the first
    block are never tested.
    """

    tests_all: ClassVar[bool] = False
    keeps_gap: ClassVar[bool] = False

    def split(self, samples: Samples) -> list[np.ndarray]:
        length = samples.n // samples.n_folds
        return [np.roll(np.arange(samples.n), fold * length)[:length] for fold in range(samples.n_folds)]


SCHEMES: dict[str, Scheme] = {
    "blocked": Blocked(),
    "stratified": Stratified(),
    "leave_one_block_out": LeaveOneBlockOut(),
    "shuffled": Shuffled(),
    "rolled": Rolled(),
}
