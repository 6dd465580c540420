"""The group-sparse Poisson model: its optimum, and planted connections."""

import numpy as np
import pytest

from neuropipe.connectivity import ConnectivityData, make
from neuropipe.connectivity.group_lasso import Regression, fit_groups
from neuropipe.connectivity.poisson_fit import fit_poisson
from neuropipe.errors import BadInput
from tests.unit.planted_networks import planted_chain, shared_drive

PENALTIES = (1.0, 2.0, 3.0, 4.0)
N_BINS, N_UNITS, N_FILTERS = 4000, 4, 2


@pytest.fixture(scope="module")
def problem() -> Regression:
    """Correlated regressors, two filters of four units and a component; all bins are the sample."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((N_BINS, N_FILTERS * N_UNITS + 1)) @ rng.uniform(-0.2, 0.4, (9, 9)) / 2
    values = (values - values.mean(axis=0)).astype(np.float32)
    true = np.where(rng.random((9, N_UNITS)) < 0.3, rng.normal(0, 0.7, (9, N_UNITS)), 0)
    counts = rng.poisson(np.exp(-1.0 + values @ true))
    exact = values.astype(np.float64)
    ridge = np.full(9, 0.5)
    return Regression(exact.T @ exact, exact.T @ counts, counts.sum(axis=0), N_BINS, values, N_FILTERS, ridge)


def gradient(problem: Regression, coefficients: np.ndarray) -> np.ndarray:
    """Of the penalised log-likelihood, bin by bin: the intercept is at its optimum where rates sum to the counts."""
    values = problem.sample.astype(np.float64)
    rates = np.exp(values @ coefficients)
    rates *= problem.totals / rates.sum(axis=0)
    shrink = problem.totals / problem.n_bins * problem.ridge[:, None] * coefficients
    return problem.cross - values.T @ rates - shrink


def test_without_group_penalty_it_is_the_ridge_fit(problem):
    ridge = fit_poisson(*problem[:2], problem.ridge, problem.totals, N_BINS, problem.sample, 200).coefficients
    np.testing.assert_allclose(fit_groups(problem, 0.0, 200).coefficients, ridge, atol=2e-3)


@pytest.mark.parametrize("strength", [1.0, 3.0, 8.0])
def test_the_optimum_satisfies_the_conditions_of_the_group_lasso(problem, strength):
    """The gradient of a filter, in standard errors, is `strength` along it, and at most that where the filter is 0."""
    found = fit_groups(problem, strength, 200)
    left = gradient(problem, found.coefficients)
    per_bin = problem.totals / N_BINS
    for unit in range(N_UNITS):
        own = unit + N_UNITS * np.arange(N_FILTERS)
        root = np.linalg.cholesky(problem.gram[np.ix_(own, own)] + np.diag(problem.ridge[own]))
        pulls = np.linalg.solve(root, left[own]) / np.sqrt(per_bin)
        filters = root.T @ found.coefficients[own]
        for target in range(N_UNITS):
            size = np.linalg.norm(filters[:, target])
            np.testing.assert_allclose(found.sizes[unit, target], size * np.sqrt(per_bin[target]), rtol=1e-6)
            if unit == target:
                np.testing.assert_allclose(pulls[:, target], 0, atol=0.05)
            elif size == 0:
                assert np.linalg.norm(pulls[:, target]) < strength + 0.05
            else:
                np.testing.assert_allclose(pulls[:, target], strength * filters[:, target] / size, atol=0.05)
    np.testing.assert_allclose(left[-1] / np.sqrt(problem.gram[-1, -1] * per_bin), 0, atol=0.05)


PLANTED = {(0, 1), (1, 2), (0, 3)}


def test_planted_connections_are_kept_and_all_others_are_zero():
    """Also 0 to 2, which is through 1 only."""
    fitted = make("poisson_glm", group_penalties=(3.0,)).fit(planted_chain())
    assert set(zip(*np.nonzero(fitted.weights_), strict=True)) == PLANTED
    assert np.sign(fitted.weights_[[0, 1, 0], [1, 2, 3]]).tolist() == [1, 1, -1]
    assert fitted.p_values_ is None
    assert fitted.delays_ is None


def test_the_penalty_is_that_which_predicts_other_halves_best():
    """Strong couplings are shrunk least by a small penalty; nothing is chosen by the true wiring."""
    fitted = make("poisson_glm", group_penalties=(1.0, 2.0, 40.0)).fit(planted_chain())
    assert fitted.group_penalty_ in (1.0, 2.0)
    strongest = np.argsort(np.abs(fitted.weights_), axis=None)[-3:]
    assert set(zip(*np.unravel_index(strongest, (5, 5)), strict=True)) == PLANTED


def test_independent_units_are_not_connected():
    apart = shared_drive(1, strength=0.0)
    weights = make("poisson_glm", bin_width=0.005, group_penalties=PENALTIES).fit(apart).weights_
    off = ~np.eye(apart.n_units, dtype=bool)
    assert (weights[off] != 0).mean() < 0.02


def test_bins_wider_than_the_delays_leave_one_filter():
    counts = np.random.default_rng(4).poisson(0.3, (20_000, 3)).astype(np.float32)
    counts[1:, 2] += np.random.default_rng(5).binomial(counts[:-1, 0].astype(int), 0.3)
    data = ConnectivityData(counts=counts, bin_width=0.02)
    weights = make("poisson_glm", group_penalties=[2.0]).fit(data).weights_
    assert np.unravel_index(np.argmax(weights), (3, 3)) == (0, 2)


def test_penalties_that_are_not_above_zero_are_refused():
    with pytest.raises(BadInput, match="group_penalties are numbers above 0"):
        make("poisson_glm", group_penalties=(2.0, 0.0)).fit(planted_chain())
