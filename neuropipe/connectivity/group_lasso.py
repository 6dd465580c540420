"""Poisson regressions of many targets with a group lasso: whole coupling filters of pairs are shrunk to zero."""

from typing import NamedTuple

import numpy as np

from neuropipe.connectivity.poisson_fit import Sample, remainder

_STEPS = 200  # of the proximal gradient, at most, between two looks at the likelihood
_SETTLED = 0.02  # standard errors that a coefficient still moves when an iteration ends
_BENDS = (0.5, 8.0)  # curvature of the likelihood over that at w = 0


class Regression(NamedTuple):
    """Moments of a Poisson regression of `cross.shape[1]` targets, as in poisson_fit.

    Regressors are the units' activity under each filter, filter by filter, then components that are not penalised.
    n_filters : per unit; ridge : (regressor,)
    """

    gram: np.ndarray
    cross: np.ndarray
    totals: np.ndarray
    n_bins: int
    sample: Sample
    n_filters: int
    ridge: np.ndarray

    def likelihood(self, coefficients: np.ndarray) -> float:
        """Log-likelihood of all targets over that of their mean rates, with the intercepts at their optimum."""
        _, mean = remainder(self.sample, coefficients)
        return float(np.einsum("rt,rt->", self.cross, coefficients) - self.totals @ np.log(np.maximum(mean, 1e-300)))


class GroupFit(NamedTuple):
    """coefficients : (regressor, target); sizes : (unit, target), of each filter in standard errors at w = 0"""

    coefficients: np.ndarray
    sizes: np.ndarray


def fit_groups(problem: Regression, strength: float, max_iterations: int, start: np.ndarray | None = None) -> GroupFit:
    """Maximise the log-likelihood less ridge, less strength * sum over pairs of the size of the pair's filter.

    Size is that of the filter's effect in standard errors at w = 0, so that `strength` is a threshold in standard
    errors whatever the rates (group lasso: Yuan and Lin 2006, J R Stat Soc B 68:49). A unit's own history and the
    components bear ridge only. Proximal Newton steps: the curvature at w = 0, which all targets share, is rescaled per
    target by how the last step bent the gradient; each step is solved by FISTA (Beck and Teboulle 2009, SIAM J Imaging
    Sci 2:183). start : coefficients to begin at
    """
    n_targets = problem.cross.shape[1]
    whiten = _whitening(problem, n_targets)
    normal = problem.gram + np.diag(problem.ridge)
    shared = whiten.T @ ((normal + normal.T) / 2) @ whiten
    longest = float(np.linalg.eigvalsh(shared)[-1])
    per_bin = problem.totals / problem.n_bins
    scale = np.sqrt(per_bin)
    inner = np.zeros(problem.cross.shape) if start is None else np.linalg.solve(whiten, start)
    bend, before, moved = np.ones(n_targets), None, None
    for _ in range(max_iterations):
        gradient = whiten.T @ _gradient(problem, whiten @ inner) / per_bin
        if before is not None and moved is not None:
            size = np.einsum("rt,rt->t", moved, shared @ moved)
            bent = np.einsum("rt,rt->t", moved, before - gradient)
            bend = np.clip(np.where(size > 0, bent / np.maximum(size, 1e-300), 1.0), *_BENDS)
        moved = _proximal_step(shared, longest, gradient / bend, inner, strength / scale / bend, problem.n_filters)
        inner, before = inner + moved, gradient
        if np.abs(moved * scale).max(initial=0.0) < _SETTLED:
            break
    filters = inner[: problem.n_filters * n_targets].reshape(problem.n_filters, n_targets, n_targets)
    return GroupFit(whiten @ inner, np.sqrt((filters**2).sum(axis=0)) * scale)


def _gradient(problem: Regression, coefficients: np.ndarray) -> np.ndarray:
    """Of the penalised log-likelihood, as in fit_poisson."""
    per_bin = problem.totals / problem.n_bins
    bent, mean = remainder(problem.sample, coefficients)
    pull = per_bin * (problem.gram @ coefficients + problem.n_bins * bent) / mean
    return problem.cross - pull - per_bin * problem.ridge[:, None] * coefficients


def _whitening(problem: Regression, n_units: int) -> np.ndarray:
    """(regressor, regressor): makes the filters of each unit uncorrelated and of one standard error."""
    whiten = np.zeros(problem.gram.shape)
    for unit in range(n_units):
        own = unit + n_units * np.arange(problem.n_filters)
        block = problem.gram[np.ix_(own, own)] + np.diag(problem.ridge[own])
        whiten[np.ix_(own, own)] = np.linalg.inv(np.linalg.cholesky((block + block.T) / 2)).T
    rest = np.arange(n_units * problem.n_filters, len(whiten))
    whiten[rest, rest] = 1 / np.sqrt(problem.gram[rest, rest] + problem.ridge[rest])
    return whiten


def _proximal_step(
    shared: np.ndarray, longest: float, gradient: np.ndarray, at: np.ndarray, threshold: np.ndarray, n_filters: int
) -> np.ndarray:
    """What minimises d' shared d / 2 - gradient . d + threshold * sum of sizes of the filters of at + d; (as `at`)."""
    step, point, ahead, momentum = np.zeros(at.shape), np.zeros(at.shape), np.zeros(at.shape), 1.0
    for _ in range(_STEPS):
        moved = at + ahead + (gradient - shared @ ahead) / longest
        point = _shrunk(moved, threshold / longest, n_filters) - at
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = point + (momentum - 1) / following * (point - step)
        settled = np.abs(point - step).max() <= 1e-4 * (1e-12 + np.abs(point).max())
        step, momentum = point, following
        if settled:
            break
    return point


def _shrunk(values: np.ndarray, threshold: np.ndarray, n_filters: int) -> np.ndarray:
    """Filters of (unit, target) pairs shortened by the target's threshold, all but those of own history."""
    n_targets = values.shape[1]
    filters = values[: n_filters * n_targets].reshape(n_filters, n_targets, n_targets)
    sizes = np.sqrt((filters**2).sum(axis=0))
    kept = np.maximum(0.0, 1 - threshold / np.maximum(sizes, 1e-300))
    np.fill_diagonal(kept, 1.0)
    return np.concatenate([(filters * kept).reshape(-1, n_targets), values[n_filters * n_targets :]])
