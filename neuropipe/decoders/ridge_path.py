"""Ridge regression for many penalties at once, in closed form, with the penalty chosen inside the training samples.

With centred features X and targets Y the weights are (X'X + a I)^-1 X'Y (Hoerl & Kennard 1970). One eigendecomposition
of X'X serves all penalties a. Sums over blocks of samples are added and subtracted, so that inner folds need no new
products of the features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Choice:
    """penalties : (k,) the best for each target; error : its share of unexplained variance, mean over targets"""

    penalties: np.ndarray
    error: float


class RidgePath:
    """Ridge regressions of targets (sample, k) on features (sample, feature), samples in time order.

    Penalties are in units of the features' mean variance times the number of samples.
    """

    def __init__(self, features: np.ndarray, targets: np.ndarray):
        self._mean = features.mean(axis=0)
        self._features, self._targets, self._basis = features - self._mean, targets, None
        if features.shape[1] > features.shape[0]:
            # Weights lie in the span of the samples: rotated into it, there are as many features as samples.
            self._basis, rotated = np.linalg.qr(self._features.T)
            self._features = np.ascontiguousarray(rotated.T)
        self._n_features = features.shape[1]

    def choose(self, penalties: Sequence[float], n_folds: int, gap: int) -> Choice:
        """The penalty with the least squared error for each target over contiguous blocks held out one by one.

        gap : samples left out of training on either side of a block. If no block can be held out: the middle penalty
        """
        n, k = self._targets.shape
        edges = np.linspace(0, n, min(n_folds, n) + 1).round().astype(int)
        blocks = list(pairwise(edges.tolist()))
        of_block = [self._sums(slice(*block)) for block in blocks]
        total = sum(of_block[1:], of_block[0])
        error, n_tested = np.zeros((len(penalties), k)), 0
        for (first, last), own in zip(blocks, of_block, strict=True):
            near = [slice(max(0, first - gap), first), slice(last, min(n, last + gap))]
            train = total - own - self._sums(near[0]) - self._sums(near[1])
            if train.n < 2:
                continue
            n_tested += last - first
            solved = self._solve(train, penalties)
            for row, (weights, intercept) in enumerate(solved):
                residual = self._targets[first:last] - self._features[first:last] @ weights - intercept
                error[row] += (residual**2).sum(axis=0)
        if not n_tested:
            return Choice(np.full(k, sorted(penalties)[len(penalties) // 2]), np.inf)
        spread = self._targets.var(axis=0) * n_tested
        share = error.min(axis=0) / np.where(spread > 0, spread, 1)
        return Choice(np.asarray(penalties, float)[error.argmin(axis=0)], float(share.mean()))

    def fit(self, penalties: Sequence[float] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights (feature, k) and intercept (k,) from all samples. penalties : (k,) one for each target"""
        solved = self._solve(self._sums(slice(None)), penalties)
        own = [(weights[:, target], intercept[target]) for target, (weights, intercept) in enumerate(solved)]
        weights = np.stack([column for column, _ in own], axis=1)
        if self._basis is not None:
            weights = self._basis @ weights
        return weights, np.array([value for _, value in own]) - self._mean @ weights

    def _sums(self, rows: slice) -> "_Sums":
        x, y = self._features[rows], self._targets[rows]
        return _Sums(len(x), x.sum(axis=0), y.sum(axis=0), x.T @ x, x.T @ y)

    def _solve(self, sums: "_Sums", penalties: Sequence[float] | np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Weights (feature, k) and intercept (k,) for every penalty."""
        mean_x, mean_y = sums.x / sums.n, sums.y / sums.n
        gram = sums.xx - np.outer(sums.x, mean_x)
        values, vectors = np.linalg.eigh(gram)
        turned = vectors.T @ (sums.xy - np.outer(sums.x, mean_y))
        scale = np.trace(gram) / self._n_features
        if not scale > 0:  # constant features: the mean is predicted
            return [(np.zeros_like(turned), mean_y)] * len(penalties)
        denominators = np.maximum(values, 0)[:, None] + scale * np.asarray(penalties, float)
        solved = (vectors @ (turned / denominators[:, [row]]) for row in range(len(penalties)))
        return [(weights, mean_y - mean_x @ weights) for weights in solved]


@dataclass(frozen=True)
class _Sums:
    """Sums over a block of samples: of 1, of features, of targets and of their products. Blocks add and subtract."""

    n: int
    x: np.ndarray
    y: np.ndarray
    xx: np.ndarray
    xy: np.ndarray

    def __add__(self, other: "_Sums") -> "_Sums":
        return _Sums(*(getattr(self, name) + getattr(other, name) for name in vars(self)))

    def __sub__(self, other: "_Sums") -> "_Sums":
        return _Sums(*(getattr(self, name) - getattr(other, name) for name in vars(self)))
