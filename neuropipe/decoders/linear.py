"""Linear softmax models of pooled counts: model selection inside the training trials, fitting, saving."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from neuropipe.decoders.dual_logistic import PrincipalAxes, softmax, solve
from neuropipe.decoders.inner_folds import InnerFold
from neuropipe.decoders.pooling import pool
from neuropipe.decoders.scaling import Scaling

# Inner folds only rank settings, whose log losses differ by far more than this; final fits are exact.
_RANKING_TOLERANCE = 1e-4
_FILE, _ARRAYS = "linear.safetensors", ("mean", "weights", "intercept")


@dataclass(frozen=True)
class Setting:
    """Features, penalty and log loss (nat per trial, in the inner folds) of a linear model.

    edges : bin edges between which counts are summed; offset : c of `Scaling`; strength : inverse penalty C;
    log_loss : None where no inner fold could be made; n_components : leading principal axes used, None for all
    """

    edges: tuple[int, ...]
    offset: float
    strength: float
    log_loss: float | None
    n_components: int | None = None

    @classmethod
    def read(cls, facts: dict) -> "Setting":
        """From JSON, which has no tuples."""
        return cls(**{**facts, "edges": tuple(facts["edges"])})


@dataclass(frozen=True)
class LinearModel:
    """Scores = (pooled counts - mean) @ weights + intercept. mean : (feature,), weights : (feature, class)"""

    edges: tuple[int, ...]
    mean: np.ndarray
    weights: np.ndarray
    intercept: np.ndarray

    @classmethod
    def fit(cls, running: np.ndarray, labels: np.ndarray, setting: Setting) -> "LinearModel":
        """Fit one setting on all trials given. running : (trial, bin + 1, unit) running sums of the counts."""
        rows = pool(running, setting.edges)
        scaling = Scaling.learn(rows, setting.offset)
        axes = PrincipalAxes(scaling.apply(rows)).leading(setting.n_components)
        weights, intercept = solve(axes, labels, [setting.strength], n_classes=labels.max() + 1)
        return cls(
            setting.edges, scaling.mean, axes.feature_weights(weights[0]) * scaling.factor[:, None], intercept[0]
        )

    def probabilities(self, running: np.ndarray) -> np.ndarray:
        """Running sums of counts (trial, bin + 1, unit) -> (trial, class)."""
        return softmax((pool(running, self.edges) - self.mean) @ self.weights + self.intercept)


def write_models(folder: Path, models: Sequence[LinearModel]) -> None:
    """Write the models' arrays into `linear.safetensors`."""
    arrays = {
        f"{number}.{name}": np.ascontiguousarray(getattr(model, name))
        for number, model in enumerate(models)
        for name in _ARRAYS
    }
    save_file(arrays, folder / _FILE)


def read_models(folder: Path, settings: Sequence[Setting]) -> list[LinearModel]:
    """Load what `write_models` wrote. settings : those that the models were fitted with"""
    arrays = load_file(folder / _FILE)
    return [
        LinearModel(setting.edges, *(arrays[f"{number}.{name}"] for name in _ARRAYS))
        for number, setting in enumerate(settings)
    ]


def rank_settings(
    running: np.ndarray,
    labels: np.ndarray,
    folds: Sequence[InnerFold],
    poolings: Sequence[tuple[int, ...]],
    offsets: Sequence[float],
    strengths: Sequence[float],
    components: Sequence[int | None] = (None,),
) -> list[Setting]:
    """The best number of components and penalty for every pooling x scaling, sorted by log loss over the inner folds.

    offsets : values of c (see `Scaling`); strengths : inverse penalties C. Without inner folds nothing can be compared:
    the first pooling and scaling are returned with the middle number of components and penalty.
    """
    if not folds:
        middle = components[len(components) // 2]
        return [Setting(poolings[0], offsets[0], sorted(strengths)[len(strengths) // 2], None, middle)]
    settings = []
    for edges in poolings:
        rows = pool(running, edges)
        for offset in offsets:
            losses = inner_losses(rows, labels, folds, offset, strengths, components)
            best, strength = (int(i) for i in np.unravel_index(losses.argmin(), losses.shape))
            loss = float(losses[best, strength])
            settings.append(Setting(edges, offset, strengths[strength], loss, components[best]))
    return sorted(settings, key=lambda setting: setting.log_loss)


def inner_losses(
    rows: np.ndarray,
    labels: np.ndarray,
    folds: Sequence[InnerFold],
    offset: float,
    strengths: Sequence[float],
    components: Sequence[int | None] = (None,),
) -> np.ndarray:
    """Mean log loss per trial over all inner folds, (component, strength). rows : (trial, feature), unscaled."""
    losses = np.sum([_fold_losses(rows, labels, fold, offset, strengths, components) for fold in folds], axis=0)
    return losses / sum(len(fold.validate) for fold in folds)


def _fold_losses(rows, labels, fold, offset, strengths, components):
    """Summed log loss of one inner fold for every number of components and strength."""
    known, train_labels = np.unique(labels[fold.train], return_inverse=True)
    scaling = Scaling.learn(rows[fold.train], offset)
    every = PrincipalAxes(scaling.apply(rows[fold.train]))
    validate = scaling.apply(rows[fold.validate])
    true_class = np.searchsorted(known, labels[fold.validate])
    losses = []
    for axes in map(every.leading, components):
        weights, intercepts = solve(axes, train_labels, strengths, n_classes=len(known), tolerance=_RANKING_TOLERANCE)
        probability = softmax(axes.rotate(validate) @ weights + intercepts[:, None])
        true = np.maximum(probability[:, np.arange(len(true_class)), true_class], 1e-15)
        losses.append(-np.log(true).sum(axis=1))
    return losses
