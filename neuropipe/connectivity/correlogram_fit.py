"""Fits a correlogram by a slowly varying baseline and two synaptic kernels (numba kernels).

log of the expected count of lag k = a_k + J_forward f(k) + J_backward f(-k), counts Poisson, with the prior
-beta / 2 * sum over k of (a_{k + 1} - a_k)^2. The log posterior is concave. A Newton step costs O(lags): the Hessian
of a is tridiagonal, and the two couplings are eliminated by their Schur complement.
"""

import numba
import numpy as np

_TOLERANCE = 1e-6  # of the log posterior
_STEPS = 60
_HALVINGS = 30
_EMPTY = 0.1  # pairs per lag at which an empty correlogram starts


@numba.njit(nogil=True)
def fit(counts, used, kernels, beta, free, baseline, couplings):
    """Maximum a posteriori fit of one correlogram; returns its log posterior (without terms of the counts alone).

    counts : (lag,); used : (lag,) bool, lags that count; kernels : (2, lag), forward and backward; beta : of the prior
    free : (2,) bool, which couplings are fitted, the others stay as they are; baseline : (lag,), log of expected
    counts, and couplings : (2,), start values that the fit replaces
    """
    value = _log_posterior(counts, used, kernels, beta, baseline, couplings)
    for _ in range(_STEPS):
        step_baseline, step_couplings = _newton_step(counts, used, kernels, beta, free, baseline, couplings)
        scale, reached = 1.0, value
        for _ in range(_HALVINGS):
            reached = _log_posterior(
                counts, used, kernels, beta, baseline + scale * step_baseline, couplings + scale * step_couplings
            )
            if reached >= value:
                break
            scale /= 2
        if reached < value:
            return value
        baseline += scale * step_baseline
        couplings += scale * step_couplings
        if reached - value < _TOLERANCE:
            return reached
        value = reached
    return value


@numba.njit(nogil=True)
def start_of(counts, used):
    """(lag,) a flat baseline at the log of the mean count."""
    total, n_used = 0.0, 0
    for k in range(len(counts)):
        if used[k]:
            total += counts[k]
            n_used += 1
    return np.full(len(counts), np.log(max(total / n_used, _EMPTY)))


@numba.njit(nogil=True)
def _log_posterior(counts, used, kernels, beta, baseline, couplings):
    value = 0.0
    for k in range(len(counts)):
        if used[k]:
            log_rate = baseline[k] + couplings[0] * kernels[0, k] + couplings[1] * kernels[1, k]
            value += counts[k] * log_rate - np.exp(log_rate)
        if k:
            value -= beta / 2 * (baseline[k] - baseline[k - 1]) ** 2
    return value


@numba.njit(nogil=True)
def _newton_step(counts, used, kernels, beta, free, baseline, couplings):
    """The Newton step of baseline and couplings.

    With D the tridiagonal part of the negative Hessian and B = rates * kernels its border, the couplings' step solves
    (C - B' D^-1 B) s = g - B' D^-1 gradient of the baseline.
    """
    n_lags = len(counts)
    diagonal = np.empty(n_lags)
    right = np.zeros((3, n_lags))  # the gradient of the baseline and the two borders, then solved in place
    corner, gradient = np.zeros((2, 2)), np.zeros(2)
    border = np.zeros((2, n_lags))
    for k in range(n_lags):
        rate, residual = 0.0, 0.0
        if used[k]:
            rate = np.exp(baseline[k] + couplings[0] * kernels[0, k] + couplings[1] * kernels[1, k])
            residual = counts[k] - rate
        diagonal[k] = rate
        right[0, k] = residual
        if k:
            diagonal[k] += beta
            right[0, k] -= beta * (baseline[k] - baseline[k - 1])
        if k < n_lags - 1:
            diagonal[k] += beta
            right[0, k] -= beta * (baseline[k] - baseline[k + 1])
        for c in range(2):
            if free[c]:
                gradient[c] += residual * kernels[c, k]
                border[c, k] = rate * kernels[c, k]
                right[1 + c, k] = border[c, k]
                for d in range(2):
                    corner[c, d] += rate * kernels[c, k] * kernels[d, k]
    _solve_tridiagonal(diagonal, -beta, right)
    for c in range(2):
        for d in range(2):
            for k in range(n_lags):
                corner[c, d] -= border[c, k] * right[1 + d, k]
        for k in range(n_lags):
            gradient[c] -= border[c, k] * right[0, k]
    step = np.zeros(2)
    if free[0] and free[1]:
        determinant = corner[0, 0] * corner[1, 1] - corner[0, 1] * corner[1, 0]
        if determinant > 0:
            step[0] = (corner[1, 1] * gradient[0] - corner[0, 1] * gradient[1]) / determinant
            step[1] = (corner[0, 0] * gradient[1] - corner[1, 0] * gradient[0]) / determinant
    else:
        for c in range(2):
            if free[c] and corner[c, c] > 0:
                step[c] = gradient[c] / corner[c, c]
    for c in range(2):
        step[c] = min(max(step[c], -2.0), 2.0)
    return right[0] - step[0] * right[1] - step[1] * right[2], step


@numba.njit(nogil=True)
def _solve_tridiagonal(diagonal, beside, right):
    """Solve in place for the rows of `right`, (3, lag); `beside` is the same off the diagonal everywhere."""
    n_lags = len(diagonal)
    factor = np.empty(n_lags)
    pivot = diagonal[0]
    for row in range(3):
        right[row, 0] /= pivot
    for k in range(1, n_lags):
        factor[k] = beside / pivot
        pivot = diagonal[k] - beside * factor[k]
        for row in range(3):
            right[row, k] = (right[row, k] - beside * right[row, k - 1]) / pivot
    for k in range(n_lags - 2, -1, -1):
        for row in range(3):
            right[row, k] -= factor[k + 1] * right[row, k + 1]
