"""Penalised Poisson regressions of many targets on the same regressors, without a pass over all bins per step."""

from typing import NamedTuple

import numpy as np

Sample = np.ndarray  # (sample, regressor) float32, centred

_CAP = 6.0  # of the log of the rate over its mean
_LENGTHS = (0.05, 5.0)  # of a step, in Newton steps at w = 0
_SMALL_STEP = 0.05  # in standard errors; the iteration ends when all but .1 % of steps are below it
_BLOCK = 20_000  # samples at a time


class PoissonFit(NamedTuple):
    """coefficients, errors : (regressor, target); n_iterations, of all targets together"""

    coefficients: np.ndarray
    errors: np.ndarray
    n_iterations: int


def fit_poisson(
    gram: np.ndarray,
    cross: np.ndarray,
    penalty: np.ndarray,
    totals: np.ndarray,
    n_bins: int,
    sample: Sample,
    max_iterations: int,
) -> PoissonFit:
    """Maximise sum over t of y[t] * eta[t] - exp(b + eta[t]), eta = f[t] @ w, less n_y / n_bins * penalty * w ** 2 / 2.

    gram : (regressor, regressor), sum over all bins of the products of the centred regressors f
    cross : (regressor, target), sum over all bins of f * y; penalty : (regressor,); totals : (target,) sums of y
    sample : f at some bins, or at all

    With the intercept b at its optimum, the gradient is cross - totals * E[f exp(eta)] / E[exp(eta)], where E is the
    mean over bins. E[f exp(eta)] = gram @ w / n_bins + E[f (exp(eta) - 1 - eta)]: the first term is exact, only the
    second is a mean over the sample. Each step solves by the curvature at w = 0, totals / n_bins * (gram +
    penalty), which all targets share, and is as long as the target's last step bent its gradient (Barzilai and Borwein
    1988, IMA J Numer Anal 8:141). Standard errors are those of that curvature, each rescaled by the variance of its
    regressor under the fitted rate.
    """
    normal = (gram + gram.T) / 2 + np.diag(penalty)
    inverse = np.linalg.inv(normal)
    per_bin = totals / n_bins
    scale = np.sqrt(np.diag(inverse))[:, None] / np.sqrt(per_bin)  # standard errors at w = 0
    coefficients = np.zeros(cross.shape)
    gradient = cross
    move = inverse @ gradient / per_bin
    iteration = 0
    for iteration in range(1, max_iterations + 1):  # noqa: B007
        coefficients = coefficients + move
        bent, mean = remainder(sample, coefficients)
        pull = per_bin * (gram @ coefficients + n_bins * bent) / mean + per_bin * penalty[:, None] * coefficients
        bend = pull - cross + gradient  # the fall of the gradient along the move
        gradient = cross - pull
        curvature = np.einsum("rt,rt->t", move, bend)
        size = np.einsum("rt,rt->t", move, normal @ move) * per_bin
        length = np.clip(size / np.maximum(curvature, 1e-12 * size + 1e-300), *_LENGTHS)
        step = inverse @ gradient / per_bin
        move = length * step
        if np.quantile(np.abs(step / scale), 0.999) < _SMALL_STEP:
            break
    return PoissonFit(coefficients, scale * _widening(sample, coefficients, gram, n_bins), iteration)


def remainder(sample: Sample, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over the sample of f * (exp(eta) - 1 - eta), (regressor, target), and of exp(eta) - eta, (target,)."""
    bent, total = np.zeros(coefficients.shape), np.zeros(coefficients.shape[1])
    weights = coefficients.astype(np.float32)
    for first in range(0, len(sample), _BLOCK):
        block = sample[first : first + _BLOCK]
        eta = block @ weights
        rest = np.exp(np.minimum(eta, _CAP)) - 1 - eta
        bent += block.T @ rest
        total += rest.sum(axis=0, dtype=np.float64)
    return bent / len(sample), 1 + total / len(sample)


def _widening(sample: Sample, coefficients: np.ndarray, gram: np.ndarray, n_bins: int) -> np.ndarray:
    """(regressor, target): SD of each regressor over all bins, over its SD under the fitted rate."""
    first, second = np.zeros(coefficients.shape), np.zeros(coefficients.shape)
    total = np.zeros(coefficients.shape[1])
    weights = coefficients.astype(np.float32)
    for start in range(0, len(sample), _BLOCK):
        block = sample[start : start + _BLOCK]
        rate = np.exp(np.minimum(block @ weights, _CAP))
        total += rate.sum(axis=0, dtype=np.float64)
        first += block.T @ rate
        second += (block**2).T @ rate
    fitted = second / total - (first / total) ** 2
    plain = np.diag(gram)[:, None] / n_bins
    return np.sqrt(np.clip(plain / np.maximum(fitted, 1e-300), 0.1, 10))
