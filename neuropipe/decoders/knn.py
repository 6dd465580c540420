"""Nearest neighbours: the training trials with the most similar population activity vote for their classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from sklearn.utils._param_validation import StrOptions

from neuropipe.decoders.dual_logistic import PrincipalAxes
from neuropipe.decoders.pooling import pool
from neuropipe.decoders.scaling import Scaling
from neuropipe.decoders.score_based import ScoreBasedDecoder, ScoreModel
from neuropipe.parameters import COUNT, NOT_NEGATIVE, each_of
from neuropipe.registry import decoder

# Squared distances are in units of the trials' mean square. Differences below _TIE are ties, and _FLOOR is added before
# a distance becomes a weight, so that rounding errors decide no vote.
_TIE, _FLOOR = 1e-9, 1e-2


def _euclidean(rows: np.ndarray) -> np.ndarray:
    return rows


def _cosine(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1, whose squared distance is 2 - 2 x cosine."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, length, out=np.zeros_like(rows), where=length > 1e-6)


METRICS = {"euclidean": _euclidean, "cosine": _cosine}


@dataclass(frozen=True, kw_only=True)
class Neighbours(ScoreModel):
    """Training trials in principal axes, (square roots - mean) @ projection, and their classes.

    trials : (trial, axis); members : (trial, class), 1 for the class of each trial
    """

    n_components: int
    metric: str
    n_neighbours: int
    trials: np.ndarray
    members: np.ndarray
    mean: np.ndarray
    projection: np.ndarray

    def scores(self, running: np.ndarray) -> np.ndarray:
        rows = (_roots(running, self.edges) - self.mean) @ self.projection
        return vote(METRICS[self.metric](rows), self.trials, self.members, [self.n_neighbours])[0]


@decoder("knn", task="classification", input="counts", tools=("numpy", "scikit-learn"))
class KNNDecoder(ScoreBasedDecoder):
    """Votes of the nearest training trials in principal axes; all settings are chosen inside the training trials.

    Pooled counts are square-rooted, which gives all Poisson units the same noise variance, scaled by
    (x - mean) / (sd + c) and projected on their leading principal axes, because distances over a thousand noisy units
    are all nearly equal. Nearer trials weigh more, and one vote is shared among the classes by frequency. Selection,
    calibration and averaging: `score_based.py`.

    components : numbers of principal axes to try; metrics : of euclidean and cosine; n_neighbours : numbers of
    neighbours to try, ties with the last one included; windows, n_bins, offsets, n_inner_folds, n_averaged : as in
    `logistic_regression`
    models_ : the chosen models, best first
    """

    model = Neighbours
    _parameter_constraints = {
        "offsets": each_of(NOT_NEGATIVE),
        "components": each_of(COUNT),
        "metrics": each_of(StrOptions(set(METRICS))),
        "n_neighbours": each_of(COUNT),
    }

    offsets: tuple[float, ...] = (0.0, 30.0)
    components: tuple[int, ...] = (10, 20, 40)
    metrics: tuple[str, ...] = ("euclidean", "cosine")
    n_neighbours: tuple[int, ...] = (5, 10, 20)

    def candidates(self):
        return list(product(self.components, self.metrics, self.n_neighbours))

    def held_out_scores(self, running, labels, folds, features):
        roots = _roots(running, features.edges)
        return np.concatenate([self._fold_scores(roots, features.scale_offset, labels, fold) for fold in folds], axis=1)

    def _fold_scores(self, roots, scale_offset, labels, fold):
        """(components x metric x neighbours, validated trial, class)"""
        scaling = Scaling.learn(roots[fold.train], scale_offset)
        every = PrincipalAxes(scaling.apply(roots[fold.train]))
        validate = scaling.apply(roots[fold.validate])
        members = np.eye(labels.max() + 1)[labels[fold.train]]
        scores = []
        for axes in map(every.leading, self.components):
            rotated = axes.rotate(validate)
            for metric in self.metrics:
                transform = METRICS[metric]
                scores.append(vote(transform(rotated), transform(axes.rows), members, self.n_neighbours))
        return np.concatenate(scores)

    def fit_candidate(self, running, labels, features, candidate):
        n_components, metric, n_neighbours = candidate
        roots = _roots(running, features.edges)
        scaling = Scaling.learn(roots, features.scale_offset)
        axes = PrincipalAxes(scaling.apply(roots)).leading(n_components)
        return {
            "n_components": n_components,
            "metric": metric,
            "n_neighbours": n_neighbours,
            "trials": METRICS[metric](axes.rows),
            "members": np.eye(labels.max() + 1)[labels],
            "mean": scaling.mean,
            "projection": axes.feature_weights(np.eye(len(axes.variance))) * scaling.factor[:, None],
        }


def vote(rows: np.ndarray, trials: np.ndarray, members: np.ndarray, n_neighbours: Sequence[int]) -> np.ndarray:
    """Log of each class's share of the votes over its share of the trials: (number of neighbours, row, class).

    rows : (row, axis); trials : (trial, axis); members : (trial, class). A neighbour at distance d weighs
    1 / sqrt(d^2 + .01), in units of the trials' root mean square. One vote is shared among the classes by frequency.
    """
    scale = (trials**2).sum(axis=1).mean() or 1.0
    squared = (rows**2).sum(axis=1)[:, None] + (trials**2).sum(axis=1) - 2 * rows @ trials.T
    squared = np.maximum(squared / scale, 0)
    ordered = np.sort(squared, axis=1)
    frequencies = (members.sum(axis=0) + 1) / (len(members) + members.shape[1])
    scores = []
    for number in n_neighbours:
        last = min(number, len(trials)) - 1
        weight = np.where(squared <= ordered[:, last, None] + _TIE, 1 / np.sqrt(squared + _FLOOR), 0)
        weight *= (last + 1) / weight.sum(axis=1, keepdims=True)
        scores.append(np.log((weight @ members + frequencies) / (last + 2) / frequencies))
    return np.array(scores)


def _roots(running: np.ndarray, edges: Sequence[int]) -> np.ndarray:
    """Square roots of pooled counts; negative activity keeps its sign."""
    rows = pool(running, edges)
    return np.sign(rows) * np.sqrt(np.abs(rows))
