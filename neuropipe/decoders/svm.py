"""Support vector machines on pooled spike counts: kernel, window and penalty chosen inside the training trials."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from neuropipe.decoders.arrays import narrowest
from neuropipe.decoders.calibrated import CalibratedDecoder, CalibratedModel
from neuropipe.decoders.kernels import Kernel, distinct_kernels
from neuropipe.decoders.margins import fit_margins
from neuropipe.decoders.pooling import pool
from neuropipe.decoders.scaling import Scaling
from neuropipe.registry import decoder


@dataclass(frozen=True, kw_only=True)
class Machine(CalibratedModel):
    """One machine; `support` holds pooled counts of the support vectors, unscaled, (row, feature)."""

    kernel: str
    gamma: float
    degree: int
    strength: float
    support: np.ndarray
    coefficients: np.ndarray
    intercepts: np.ndarray
    mean: np.ndarray
    factor: np.ndarray

    def scores(self, running: np.ndarray) -> np.ndarray:
        """(trial, class): mean margin of each class over the others."""
        scaling = Scaling(self.mean, self.factor)
        rows, support = scaling.apply(pool(running, self.edges)), scaling.apply(self.support.astype(np.float64))
        kernel = Kernel(self.kernel, self.gamma, self.degree)
        lengths = ((matrix**2).sum(axis=1) for matrix in (rows, support))
        return kernel(rows @ support.T, *lengths) @ self.coefficients + self.intercepts


@decoder("svm", task="classification", input="counts", tools=("numpy", "scikit-learn"), slow=True)
class SVMDecoder(CalibratedDecoder):
    """Support vector machines with calibrated probabilities; kernel, window, C are chosen inside the training trials.

    For every window x number of bins x c, the Gram matrix of the training trials is made once; kernels, values of C and
    inner folds all read it. How the best are chosen, calibrated and averaged: `calibrated.py`.

    kernels : of linear, polynomial (gamma <x, x'> + 1) ** degree and rbf exp(-gamma |x - x'|^2); gammas : for trials of
    mean squared length 1; strengths : C; windows, n_bins, offsets, n_inner_folds, n_averaged : as in
    `logistic_regression`
    models_ : what was chosen, best first
    """

    model = Machine

    n_bins: tuple[int, ...] = (1, 2)
    offsets: tuple[float, ...] = (1.0, 30.0)
    kernels: tuple[str, ...] = ("linear", "polynomial", "rbf")
    gammas: tuple[float, ...] = (0.3, 1.0)
    degree: int = 3
    strengths: tuple[float, ...] = (0.5, 2.0, 8.0)

    def candidates(self):
        return list(product(distinct_kernels(self.kernels, self.gammas, self.degree), self.strengths))

    def held_out_scores(self, running, labels, folds, view):
        scaled = _scaled(running, view)[1]
        products, n_classes = scaled @ scaled.T, labels.max() + 1
        lengths = np.diagonal(products)
        matrices = {kernel: kernel(products, lengths, lengths) for kernel, _ in self.candidates()}
        blocks = [(np.ix_(fold.train, fold.train), np.ix_(fold.validate, fold.train), fold) for fold in folds]
        scores = []
        for kernel, strength in self.candidates():
            matrix, of_folds = matrices[kernel], []
            for train, validate, fold in blocks:
                coefficients, intercepts = fit_margins(matrix[train], labels[fold.train], strength, n_classes)
                of_folds.append(matrix[validate] @ coefficients + intercepts)
            scores.append(np.concatenate(of_folds))
        return np.array(scores)

    def fit_candidate(self, running, labels, view, candidate):
        kernel, strength = candidate
        scaling, scaled = _scaled(running, view)
        products = scaled @ scaled.T
        lengths = np.diagonal(products)
        matrix = kernel(products, lengths, lengths)
        coefficients, intercepts = fit_margins(matrix, labels, strength, labels.max() + 1)
        support = np.flatnonzero(coefficients.any(axis=1))
        return {
            "kernel": kernel.name,
            "gamma": kernel.gamma,
            "degree": kernel.degree,
            "strength": strength,
            "support": narrowest(pool(running, view.edges)[support]),
            "coefficients": coefficients[support],
            "intercepts": intercepts,
            "mean": scaling.mean,
            "factor": scaling.factor,
        }


def _scaled(running, view):
    """The scaling learned from all trials given, and their scaled rows."""
    rows = pool(running, view.edges)
    scaling = Scaling.learn(rows, view.offset)
    return scaling, scaling.apply(rows)
