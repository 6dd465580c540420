"""Linear discriminant analysis with a shrunk covariance: the standard decoder of event-related potentials."""

from dataclasses import dataclass

import numpy as np

from neuropipe.decoders.pooling import pool
from neuropipe.decoders.score_based import ScoreBasedDecoder, ScoreModel
from neuropipe.registry import decoder

LEAST_SHRINKAGE = 1e-4  # keeps the covariance invertible where there are many trials


@dataclass(frozen=True, kw_only=True)
class Discriminant(ScoreModel):
    """Linear log likelihoods. weights : (feature, class); intercepts : (class,); mean : (feature,) of all trials"""

    shrinkage: float
    weights: np.ndarray
    intercepts: np.ndarray
    mean: np.ndarray

    def scores(self, running: np.ndarray) -> np.ndarray:
        return (pool(running, self.edges) - self.mean) @ self.weights + self.intercepts


@decoder("lda", task="classification", input="counts", tools=("numpy",))
class LDADecoder(ScoreBasedDecoder):
    """Linear discriminant analysis on pooled activity, with the analytic shrinkage of Ledoit and Wolf.

    All classes share one covariance, estimated from the trials less the mean of their class, features scaled to equal
    variance, and shrunk towards the identity: with more features than trials it could not be inverted otherwise
    (Ledoit & Wolf 2004, J Multivar Anal 88:365; for single trials of EEG: Blankertz et al. 2011, NeuroImage 56:814).
    Window and number of bins are chosen inside the training trials; selection, calibration and averaging:
    `score_based.py`.

    windows, n_bins, n_inner_folds, n_averaged : as in `logistic_regression`
    models_ : the chosen models, best first
    """

    model = Discriminant
    offsets = (0.0,)  # features are scaled by their own variance within classes

    n_bins: tuple[int, ...] = (1, 2, 4, 8)

    def candidates(self):
        return [()]

    def held_out_scores(self, running, labels, folds, features):
        rows = pool(running, features.edges)
        scores = []
        for fold in folds:
            fitted = discriminant(rows[fold.train], labels[fold.train], labels.max() + 1)
            scores.append((rows[fold.validate] - fitted["mean"]) @ fitted["weights"] + fitted["intercepts"])
        return np.concatenate(scores)[None]

    def fit_candidate(self, running, labels, features, candidate):
        return discriminant(pool(running, features.edges), labels, labels.max() + 1)


def discriminant(rows: np.ndarray, labels: np.ndarray, n_classes: int) -> dict:
    """The fields of `Discriminant`: score_k = log likelihood of class k, up to a term that classes share.

    rows : (trial, feature); labels : (trial,) integers below n_classes. A class without trials scores as the mean of
    all trials does; features that don't vary within classes are left out. With one trial per class the spread of all
    trials is taken for that within classes.
    """
    mean = rows.mean(axis=0)
    members = np.eye(n_classes)[labels]
    size = members.sum(axis=0)[:, None]
    centres = np.divide(members.T @ (rows - mean), size, out=np.zeros((n_classes, rows.shape[1])), where=size > 0)
    alone = size.max(initial=0) < 2  # nothing is known of the spread within classes: that of all trials stands in
    within = rows - mean - (0 if alone else centres[labels])
    spread = within.std(axis=0)
    factor = np.divide(
        1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9 * np.abs(rows).max(axis=0, initial=0)
    )
    scaled, centres = within * factor, centres * factor
    shrinkage, scale, variance, axes = shrunk(scaled)
    rest = 1 / (shrinkage * scale)
    along = centres @ axes
    weights = centres * rest + (along * (1 / ((1 - shrinkage) * variance + shrinkage * scale) - rest)) @ axes.T
    return {
        "shrinkage": float(shrinkage),
        "weights": np.ascontiguousarray((weights * factor).T),
        "intercepts": -0.5 * (weights * centres).sum(axis=1),
        "mean": mean,
    }


def shrunk(rows: np.ndarray) -> tuple[float, float, np.ndarray, np.ndarray]:
    """(1 - s) S + s m I, the shrunk covariance of rows of mean 0: s, m, and the variances of S along its axes.

    rows : (trial, feature) -> s, m, variances (axis,), axes (feature, axis); S has the variance 0 elsewhere. s is the
    optimum of Ledoit & Wolf 2004.
    """
    n_trials, n_features = rows.shape
    few = n_trials < n_features  # work with whichever are fewer
    values, vectors = np.linalg.eigh(rows @ rows.T if few else rows.T @ rows)
    kept = values > max(values.max(initial=0), 0) * 1e-12
    values, vectors = values[kept], vectors[:, kept]
    variance = values / n_trials
    scale = float(variance.sum() / n_features) or 1.0
    squared = float((variance**2).sum())  # Frobenius norm of S, squared
    distance = squared - n_features * scale**2
    lengths = np.einsum("tf,tf->t", rows, rows)
    error = (float((lengths**2).sum()) / n_trials - squared) / n_trials
    shrinkage = float(np.clip(error / distance, LEAST_SHRINKAGE, 1.0)) if distance > 0 else 1.0
    return shrinkage, scale, variance, rows.T @ (vectors / np.sqrt(values)) if few else vectors
