"""Support vector machines on pooled spike counts, with kernel, window and penalty chosen inside the training trials."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from sklearn.utils._param_validation import StrOptions

from neuropipe.decoders.pooling import pool
from neuropipe.decoders.scaling import Scaling
from neuropipe.decoders.score_based import ScoreBasedDecoder, ScoreModel
from neuropipe.parameters import COUNT, NOT_NEGATIVE, POSITIVE, each_of
from neuropipe.registry import decoder


@dataclass(frozen=True)
class Kernel:
    """name : one of KERNELS; gamma : its scale, for rows of mean squared length 1; degree : of a polynomial"""

    name: str
    gamma: float
    degree: int

    def __call__(self, products: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """products : (row, other), inner products; left : (row,), right : (other,), squared lengths -> (row, other)"""
        return KERNELS[self.name](self, products, left, right)


def _linear(_, products, left, right):
    return products


def _polynomial(kernel, products, left, right):
    return (kernel.gamma * products + 1) ** kernel.degree


def _rbf(kernel, products, left, right):
    return np.exp(-kernel.gamma * np.maximum(left[:, None] + right - 2 * products, 0))


KERNELS: dict[str, Callable] = {"linear": _linear, "polynomial": _polynomial, "rbf": _rbf}


@dataclass(frozen=True, kw_only=True)
class Machine(ScoreModel):
    """A support vector machine. support : (row, feature) pooled counts of the support vectors, unscaled"""

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
        """(trial, class): mean decision function of each class against the others."""
        scaling = Scaling(self.mean, self.factor)
        rows, support = scaling.apply(pool(running, self.edges)), scaling.apply(self.support.astype(np.float64))
        kernel = Kernel(self.kernel, self.gamma, self.degree)
        lengths = ((matrix**2).sum(axis=1) for matrix in (rows, support))
        return kernel(rows @ support.T, *lengths) @ self.coefficients + self.intercepts


@decoder("svm", task="classification", input="counts", tools=("numpy", "scikit-learn"), slow=True)
class SVMDecoder(ScoreBasedDecoder):
    """Support vector machines with calibrated probabilities; kernel, window, C are chosen inside the training trials.

    For every window x number of bins x c, the Gram matrix of the training trials is computed once and shared by all
    kernels, values of C and inner folds. Selection, calibration and averaging: `score_based.py`.

    kernels : of linear, polynomial (gamma <x, x'> + 1) ** degree and rbf exp(-gamma |x - x'|^2); gammas : for trials of
    mean squared length 1; strengths : C; windows, n_bins, offsets, n_inner_folds, n_averaged : as in
    `logistic_regression`
    models_ : the chosen models, best first
    """

    model = Machine
    _parameter_constraints = {
        "offsets": each_of(NOT_NEGATIVE),
        "kernels": each_of(StrOptions(set(KERNELS))),
        "gammas": each_of(POSITIVE),
        "degree": [COUNT],
        "strengths": each_of(POSITIVE),
    }

    n_bins: tuple[int, ...] = (1, 2)
    offsets: tuple[float, ...] = (1.0, 30.0)
    kernels: tuple[str, ...] = ("linear", "polynomial", "rbf")
    gammas: tuple[float, ...] = (0.3, 1.0)
    degree: int = 3
    strengths: tuple[float, ...] = (0.5, 2.0, 8.0)

    def candidates(self):
        # The linear kernel is tried once: its gamma would only rescale C.
        kernels = [
            Kernel(name, gamma, self.degree)
            for name in self.kernels
            for gamma in ((1.0,) if name == "linear" else self.gammas)
        ]
        return list(product(kernels, self.strengths))

    def held_out_scores(self, running, labels, folds, features):
        scaled = _scaled(running, features)[1]
        products, n_classes = scaled @ scaled.T, labels.max() + 1
        lengths = np.diagonal(products)
        matrices = {kernel: kernel(products, lengths, lengths) for kernel, _ in self.candidates()}
        blocks = [(np.ix_(fold.train, fold.train), np.ix_(fold.validate, fold.train), fold) for fold in folds]
        scores = []
        for kernel, strength in self.candidates():
            matrix, of_folds = matrices[kernel], []
            for train, validate, fold in blocks:
                coefficients, intercepts = fit_machines(matrix[train], labels[fold.train], strength, n_classes)
                of_folds.append(matrix[validate] @ coefficients + intercepts)
            scores.append(np.concatenate(of_folds))
        return np.array(scores)

    def fit_candidate(self, running, labels, features, candidate):
        kernel, strength = candidate
        scaling, scaled = _scaled(running, features)
        products = scaled @ scaled.T
        lengths = np.diagonal(products)
        matrix = kernel(products, lengths, lengths)
        coefficients, intercepts = fit_machines(matrix, labels, strength, labels.max() + 1)
        support = np.flatnonzero(coefficients.any(axis=1))
        return {
            "kernel": kernel.name,
            "gamma": kernel.gamma,
            "degree": kernel.degree,
            "strength": strength,
            "support": _smallest_type(pool(running, features.edges)[support]),
            "coefficients": coefficients[support],
            "intercepts": intercepts,
            "mean": scaling.mean,
            "factor": scaling.factor,
        }


def fit_machines(kernel: np.ndarray, labels: np.ndarray, strength: float, n_classes: int):
    """Fit one support vector machine for each pair of classes with libsvm -> coefficients (trial, class), intercepts.

    The score of a class is its mean decision function against the other classes (one against one, Hsu & Lin 2002,
    IEEE Trans Neural Netw 13:415), which is linear in the kernel:

        score(x) = kernel(x, training trials) @ coefficients + intercepts

    kernel : (trial, trial); labels : (trial,) integers below n_classes; strength : C. Coefficients are 0 for trials
    that are no support vectors. A class without trials scores 0 everywhere, which is the mean of the others.
    """
    from sklearn.svm import SVC

    # Nothing is drawn here, but without a seed scikit-learn draws one from the global state.
    machine = SVC(C=strength, kernel="precomputed", cache_size=50, random_state=0).fit(kernel, labels)
    coefficients, intercepts = np.zeros((len(labels), n_classes)), np.zeros(n_classes)
    present, last = machine.classes_, np.cumsum(machine.n_support_)
    first, dual, support = last - machine.n_support_, machine.dual_coef_, machine.support_
    # With two classes scikit-learn's decision function favours the second class; with more, the first of each pair.
    favours_first = -1.0 if len(present) == 2 else 1.0
    weight = favours_first / (len(present) - 1)
    for number, (i, j) in enumerate(combinations(range(len(present)), 2)):
        for own, row in ((i, j - 1), (j, i)):
            members = slice(first[own], last[own])
            coefficients[support[members], present[i]] += weight * dual[row, members]
            coefficients[support[members], present[j]] -= weight * dual[row, members]
        intercepts[present[i]] += weight * machine.intercept_[number]
        intercepts[present[j]] -= weight * machine.intercept_[number]
    return coefficients, intercepts


def _scaled(running, features):
    """Scaling learned from all trials given, and their scaled rows."""
    rows = pool(running, features.edges)
    scaling = Scaling.learn(rows, features.scale_offset)
    return scaling, scaling.apply(rows)


def _smallest_type(rows: np.ndarray) -> np.ndarray:
    """Whole numbers as the smallest unsigned integers that hold them, so that saved counts take a byte each."""
    if rows.size and rows.min() >= 0 and rows.max() < 2**32 and (rows == np.floor(rows)).all():
        return rows.astype(np.min_scalar_type(int(rows.max())))
    return rows
