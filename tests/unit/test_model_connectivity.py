"""Connectivity from models of all units at once: known answers, and equality with plain or other implementations."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import PoissonRegressor

from neuropipe.connectivity import ConnectivityData, ensemble_coefficients, make
from neuropipe.connectivity.kernels import memory, surrounding, synaptic
from neuropipe.connectivity.moments import LaggedMoments, lagged_moments
from neuropipe.connectivity.pair_features import NAMES
from neuropipe.connectivity.poisson_fit import fit_poisson
from neuropipe.connectivity.readout import drive_components, readout
from neuropipe.connectivity.source_types import typed_odds
from neuropipe.connectivity.traces import events_of, sampled_bins, traces
from tests.unit.planted_networks import planted_chain, shared_drive

METHODS = ("zeta", "poisson_glm", "granger")


@pytest.fixture(scope="module")
def chain() -> ConnectivityData:
    return planted_chain()


def _with_quiet_ends(seed: int, n_bins: int = 400, n_units: int = 3) -> np.ndarray:
    """(time, unit) counts, none near the ends, so that sums over lags have no edge."""
    counts = np.random.default_rng(seed).poisson(0.3, (n_bins, n_units)).astype(np.float32)
    counts[:40], counts[-40:] = 0, 0
    return counts


def _moments(counts: np.ndarray, n_lags: int) -> LaggedMoments:
    """Moments as a design matrix has them, to whose means the quiet ends belong at all lags."""
    moments = lagged_moments(ConnectivityData(counts=counts, bin_width=0.001), 0.001, n_lags)
    return replace(moments, n_pairs=np.full_like(moments.n_pairs, len(counts)))


def _design(counts: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    reach = len(kernel) // 2
    return np.array([np.convolve(unit, kernel)[reach : reach + len(counts)] for unit in counts.T]).T


@pytest.mark.parametrize("kernel", [memory(0.7, 2), synaptic(0.002, 0.0015, 0.004, 0.001), surrounding(0.004, 0.001)])
def test_moments_of_filtered_activity_are_those_of_the_design_matrix(kernel):
    counts = _with_quiet_ends(0)
    other = memory(0.5, 1)
    moments = lagged_moments(ConnectivityData(counts=counts, bin_width=0.001), 0.001, 2 * (len(kernel) // 2))
    moments = replace(moments, rates=np.zeros(3))  # of activity that is not centred
    filtered = [_design(counts, each) for each in (kernel, other)]
    gram = moments.gram([kernel, other])
    for one in range(2):
        for two in range(2):
            np.testing.assert_allclose(gram[one, :, two], filtered[one].T @ filtered[two], atol=1e-3)
    np.testing.assert_allclose(moments.cross([kernel])[0], filtered[0].T @ counts, atol=1e-3)


def test_spike_times_and_their_counts_have_the_same_moments(chain):
    from_times = lagged_moments(chain, 0.001, 12)
    from_counts = lagged_moments(chain.binned(0.001), 0.001, 12)
    np.testing.assert_array_equal(from_times.products, from_counts.products)
    np.testing.assert_allclose(from_times.rates, from_counts.rates)
    np.testing.assert_array_equal(from_times.n_pairs, from_counts.n_pairs)


def test_no_moment_reaches_over_the_edge_of_a_segment():
    counts = np.zeros((8, 2), np.float32)
    counts[3, 0] = counts[4, 1] = counts[6, 0] = counts[7, 1] = 1
    data = ConnectivityData(counts=counts, bin_width=0.02, segments=np.array([0, 4, 8]))
    moments = lagged_moments(data, 0.02, 3)
    assert moments.products[0, 1].tolist() == [0, 1, 0, 0]
    assert moments.n_pairs.tolist() == [8, 6, 4, 2]


def test_the_readout_is_that_of_least_squares():
    counts = _with_quiet_ends(1)
    kernel = memory(0.6, 1)
    moments = _moments(counts, len(kernel))
    found = readout(moments, kernel, ridge=1e-9)
    design = np.column_stack([_design(counts, kernel), np.ones(len(counts))])
    expected, _, _, _ = np.linalg.lstsq(design, counts.astype(float), rcond=None)
    np.testing.assert_allclose(found.weights, expected[:-1], atol=1e-5)
    residual = (counts - design @ expected).var(axis=0)
    covariance = np.linalg.inv(design.T @ design)
    np.testing.assert_allclose(found.errors, np.sqrt(np.outer(np.diag(covariance)[:-1], residual)), rtol=1e-3)


def test_the_memory_is_the_recursion_of_its_definition():
    spikes = (np.random.default_rng(2).random(300) < 0.2).astype(float)
    zeta = np.zeros(301)
    for time in range(300):
        zeta[time + 1] = (zeta[time] + spikes[time]) / 2
    kernel = memory(0.5, 1)
    found = np.convolve(spikes, kernel)[len(kernel) // 2 :][:300]
    np.testing.assert_allclose(found, zeta[:300], atol=0.01)


def test_the_poisson_fit_is_that_of_scikit_learn():
    counts = _with_quiet_ends(3, n_bins=3000)
    kernel = memory(0.6, 1)
    moments = _moments(counts, len(kernel))
    design = _design(counts, kernel)
    sample = (design - design.mean(axis=0)).astype(np.float32)
    totals = counts.sum(axis=0, dtype=float)
    gram, cross = moments.gram([kernel])[0, :, 0], moments.cross([kernel])[0]
    found = fit_poisson(gram, cross, np.full(3, 1e-6), totals, len(counts), sample, 200)
    for target in range(3):
        peer = PoissonRegressor(alpha=0, tol=1e-9, max_iter=1000).fit(design, counts[:, target])
        np.testing.assert_allclose(found.coefficients[:, target], peer.coef_, atol=0.05 * found.errors[:, target].max())
        rate = peer.predict(design)
        full = np.column_stack([design, np.ones(len(design))])
        errors = np.sqrt(np.diag(np.linalg.inv(full.T @ (rate[:, None] * full))))[:3]
        np.testing.assert_allclose(found.errors[:, target], errors, rtol=0.02)


def test_traces_at_sampled_bins_are_convolutions(chain):
    kernel = synaptic(0.002, 0.001, 0.005, 0.001)
    events, edges = events_of(chain, 0.001)
    at = sampled_bins(int(edges[-1]), 500, seed=1)
    assert len(np.unique(at)) == 500
    design = _design(chain.binned(0.001).counts, kernel)
    np.testing.assert_allclose(np.array(list(traces(events, edges, kernel, at))).T, design[at], atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_a_chain_shows_its_direct_connections_with_their_signs(method, chain):
    fitted = make(method).fit(chain)
    strongest = np.argsort(-np.abs(fitted.weights_), axis=None)[:3]
    assert set(zip(*np.unravel_index(strongest, (5, 5)), strict=True)) == {(0, 1), (1, 2), (0, 3)}
    assert np.sign(fitted.weights_[[0, 1, 0], [1, 2, 3]]).tolist() == [1, 1, -1]
    assert fitted.p_values_[0, 2] > 0.01, "0 reaches 2 through 1 only"
    assert (fitted.p_values_[[0, 1, 0], [1, 2, 3]] < 1e-6).all()
    assert np.nanmedian(fitted.p_values_[4]) > 0.05


def test_the_poisson_model_finds_delays(chain):
    delays = make("poisson_glm").fit(chain).delays_
    np.testing.assert_allclose(delays[[0, 1], [1, 2]], 0.003, atol=0.001)


@pytest.mark.parametrize("method", METHODS)
def test_counts_show_connections_of_the_next_bin(method):
    rng = np.random.default_rng(4)
    counts = rng.poisson(0.3, (20_000, 4)).astype(np.float32)
    counts[1:, 2] += rng.binomial(counts[:-1, 0].astype(int), 0.3)
    edges = np.arange(0, 20_001, 50)
    fitted = make(method).fit(ConnectivityData(counts=counts, bin_width=0.02, segments=edges))
    assert np.unravel_index(np.argmax(fitted.weights_), (4, 4)) == (0, 2)
    assert fitted.p_values_[0, 2] < 1e-20
    assert fitted.p_values_[2, 0] > 0.001


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_units_does_not_matter(method, chain):
    order = np.array([3, 0, 4, 2, 1])
    as_given, permuted = make(method).fit(chain), make(method).fit(chain.units(order))
    np.testing.assert_allclose(permuted.weights_, as_given.weights_[np.ix_(order, order)], rtol=1e-3, atol=1e-2)


def test_granger_is_that_of_statsmodels():
    """F statistics of statsmodels 0.15 (grangercausalitytests, ssr_ftest) on the same series, lags 1 and 2."""
    rng = np.random.default_rng(5)
    series = np.zeros((4000, 2))
    for time in range(1, 4000):
        noise = rng.standard_normal(2)
        if time == 1:
            series[time] = noise
            continue
        before, earlier = series[time - 1], series[time - 2]
        series[time] = 0.3 * before[0], 0.2 * before[1] + 0.25 * before[0] - 0.1 * earlier[0]
        series[time] += noise
    counts = np.round(np.exp(series)).clip(0, 6).astype(np.float32)
    data = ConnectivityData(counts=counts, bin_width=0.01)
    for n_lags, there, back in ((1, 231.203, 0.65509), (2, 127.790, 1.73254)):
        found = make("granger", history=0.01 * n_lags).fit(data)
        statistics = found.weights_[[0, 1], [1, 0]]  # statsmodels leaves out the first bins
        np.testing.assert_allclose(np.abs(statistics), np.sqrt(n_lags * np.array([there, back])), atol=0.05)


def test_drive_that_units_share_is_found_and_taken_out():
    weakly_driven = shared_drive(0, strength=0.3)
    assert drive_components(lagged_moments(weakly_driven, 0.005, 60), 0.005).shape[1] == 1
    driven = shared_drive(0, strength=0.5)  # so strong that rates follow the drive's square, too
    assert drive_components(lagged_moments(driven, 0.005, 60), 0.005).shape[1] == 2
    off = ~np.eye(driven.n_units, dtype=bool)
    found = {
        time: make("poisson_glm", bin_width=0.005, drive_time=time).fit(driven).p_values_[off] for time in (0.0, 0.1)
    }
    assert (found[0.0] < 0.05).mean() > 0.3
    assert (found[0.1] < 0.05).mean() < 0.5 * (found[0.0] < 0.05).mean()


def test_independent_units_share_no_drive_and_give_uniform_p_values():
    apart = shared_drive(1, strength=0.0)
    assert drive_components(lagged_moments(apart, 0.005, 60), 0.005).shape[1] == 0
    off = ~np.eye(apart.n_units, dtype=bool)
    for method in METHODS:
        false_positives = (make(method, bin_width=0.005).fit(apart).p_values_[off] < 0.05).mean()
        assert 0.03 < false_positives < 0.07, method


def test_the_ensemble_finds_a_chain_with_signs_and_delays(chain):
    fitted = make("ensemble").fit(chain.units(np.array([0, 1, 2, 4])))  # without 3: no source of both signs
    strongest = np.argsort(-np.abs(fitted.weights_), axis=None)[:2]
    assert set(zip(*np.unravel_index(strongest, (4, 4)), strict=True)) == {(0, 1), (1, 2)}
    assert np.sign(fitted.weights_[[0, 1], [1, 2]]).tolist() == [1, 1]
    np.testing.assert_allclose(fitted.delays_[[0, 1], [1, 2]], 0.003, atol=0.0011)


def test_coefficients_of_the_ensemble_name_every_feature():
    assert set(ensemble_coefficients.COEFFICIENTS) == set(NAMES)
    assert set(ensemble_coefficients.MEANS) == set(NAMES)
    assert min(ensemble_coefficients.SDS[name] for name in NAMES) > 0


def test_odds_by_source_types_recover_types_amplitudes_and_probabilities():
    rng = np.random.default_rng(6)
    inhibits = np.arange(60) < 15
    wired = (rng.random((60, 60)) < 0.15) & ~np.eye(60, dtype=bool)
    amplitudes = np.where(wired, rng.lognormal(0, 0.6, (60, 60)), 0) * np.where(inhibits, -1.5, 1)[:, None]
    errors = np.full((60, 60), 0.3)
    z_scores = amplitudes / errors + rng.standard_normal((60, 60))
    found = typed_odds(z_scores, errors)
    assert ((found.inhibitory > 0.5) == inhibits).all()
    assert found.excitation.probability == pytest.approx(0.15, abs=0.03)
    assert found.excitation.mean == pytest.approx(0, abs=0.15)
    assert found.inhibition.mean == pytest.approx(np.log(1.5), abs=0.2)
    off = ~np.eye(60, dtype=bool)
    probability = 1 / (1 + np.exp(-found.log_odds[off]))
    assert probability.sum() == pytest.approx(wired.sum(), rel=0.1)
    sure = probability > 0.5
    assert wired[off][sure].mean() == pytest.approx(probability[sure].mean(), abs=0.04)
