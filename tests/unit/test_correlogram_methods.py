"""Methods that read correlograms and binned trains: known answers, plain definitions, peer libraries, calibration."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import poisson as poisson_law

from neuropipe.connectivity import ConnectivityData, make
from neuropipe.connectivity.binary_trains import sorted_distinct
from neuropipe.connectivity.correlogram_fit import fit, start_of
from neuropipe.connectivity.cross_correlogram import hollow_gaussian, poisson_p_values
from neuropipe.connectivity.glmcc import GLMCC
from neuropipe.connectivity.jitter import interval_jitter
from neuropipe.connectivity.transfer_entropy import Targets, distinct_bins, jittered
from neuropipe.errors import BadInput
from neuropipe.recording import SpikeTrains
from tests.unit.planted_synapses import DELAY, EXCITES, INHIBITS, driven, planted, poisson

DIRECTED = ["cross_correlogram", "jitter_correlogram", "glmcc", "transfer_entropy", "directed_spike_time_tiling"]
WITH_DELAYS = {"cross_correlogram": 0.0, "jitter_correlogram": 0.0, "transfer_entropy": 0.001, "glmcc": 0.001}


@pytest.fixture(scope="module")
def fitted():
    data = planted()
    return {name: make(name).fit(data) for name in DIRECTED}


@pytest.mark.parametrize("name", DIRECTED)
def test_planted_synapses_stand_out_with_their_signs_and_directions(fitted, name):
    weights = fitted[name].weights_
    order = np.argsort(-np.abs(weights), axis=None)[:2]
    assert {tuple(int(k) for k in np.unravel_index(at, weights.shape)) for at in order} == {EXCITES, INHIBITS}
    assert weights[EXCITES] > 0 > weights[INHIBITS]


@pytest.mark.parametrize("name", WITH_DELAYS)
def test_the_delay_is_the_planted_one_and_p_values_tell_synapses_from_none(fitted, name):
    method = fitted[name]
    assert abs(method.delays_[EXCITES] - DELAY) <= WITH_DELAYS[name] + 1e-9
    assert 0.002 - 1e-9 <= method.delays_[INHIBITS] <= 0.008
    assert max(method.p_values_[EXCITES], method.p_values_[INHIBITS]) < 1e-4
    others = ~np.eye(5, dtype=bool)
    # A peak also raises the null of the lags on its other side, so the way back from a strong synapse is left out.
    for source, target in (EXCITES, INHIBITS):
        others[source, target] = others[target, source] = False
    assert np.min(method.p_values_[others]) > 1e-4
    assert np.mean(method.p_values_[others] < 0.05) < 0.25


def test_baseline_is_a_hollow_gaussian_and_p_values_are_half_counted_poisson():
    kernel = hollow_gaussian(7, 0.6)
    assert len(kernel) == 43
    assert kernel.sum() == pytest.approx(1)
    assert kernel[21] / kernel[20] == pytest.approx(0.4 * np.exp(1 / 98))
    observed = np.array([0.0, 3, 10, 30])
    above = poisson_law.sf(observed, 10.0) + 0.5 * poisson_law.pmf(observed, 10.0)
    np.testing.assert_allclose(
        poisson_p_values(observed, np.full(4, 10.0)), 2 * np.minimum(above, 1 - above), rtol=1e-10
    )


def test_jitter_null_is_that_of_jittered_spikes():
    rng = np.random.default_rng(0)
    n_ticks, window, kernel = 2000, 50, np.array([1.0, 0.7, 0.2])
    source, target = (np.sort(rng.choice(n_ticks, n, replace=False)).astype(np.int32) for n in (400, 150))
    null = interval_jitter(np.concatenate([source, target]), np.array([0, 400, 550]), n_ticks, window, kernel)
    g = np.zeros(n_ticks + 3)
    for lag, weight in enumerate(kernel, 1):
        np.add.at(g, source + lag, weight)
    inside = g[:n_ticks].reshape(-1, window)[target // window]
    assert null.mean[0, 1] == pytest.approx(inside.mean(axis=1).sum())
    assert null.variance[0, 1] == pytest.approx(inside.var(axis=1).sum())
    third = ((inside - inside.mean(axis=1, keepdims=True)) ** 3).mean(axis=1).sum()
    assert null.third[0, 1] == pytest.approx(third)


@pytest.mark.parametrize(("name", "settings"), [("jitter_correlogram", {}), ("transfer_entropy", {"n_surrogates": 10})])
def test_false_positives_under_a_slow_common_drive_are_as_many_as_promised(name, settings):
    shares = []
    for seed in range(3):
        method = make(name, **settings).fit(driven(seed))
        shares.append(np.mean(method.p_values_[~np.eye(16, dtype=bool)] < 0.05))
    assert 0.03 <= np.mean(shares) <= 0.07


def test_transfer_entropy_is_that_of_its_definition():
    rng = np.random.default_rng(1)
    x = rng.random(4000) < 0.2
    y = (rng.random(4000) < 0.1) | (np.roll(x, 3) & (rng.random(4000) < 0.3))
    trains = [(np.flatnonzero(train) + 0.5) * 0.002 for train in (x, y)]
    data = ConnectivityData(spikes=SpikeTrains.from_list(trains), stop=8.0)
    bins, offsets, n_bins = distinct_bins(data, 0.002)
    entropies, delays = Targets.of(bins, offsets, n_bins, 4).entropies(bins, offsets, np.ones((2, 2), int))
    assert entropies[0, 1] == pytest.approx(max(by_definition(x, y, delay) for delay in range(1, 5)))
    assert delays[0, 1] == 3
    assert make("transfer_entropy").fit(data).weights_[0, 1] > 3


def by_definition(x: np.ndarray, y: np.ndarray, delay: int) -> float:
    """n times sum p(y, h, x) log(p(y | h, x) / p(y | h)), h the bin before y, x the source `delay` bins before."""
    history = np.concatenate([[False], y[:-1]])
    past = np.concatenate([np.zeros(delay, bool), x[:-delay]])
    total = 0.0
    for h in (False, True):
        for value in (False, True):
            share = np.mean(y[history == h] == value)
            for s in (False, True):
                here = (history == h) & (past == s)
                if np.any(here & (y == value)):
                    total += np.sum(here & (y == value)) * np.log(np.mean(y[here] == value) / share)
    return total


def test_jittered_trains_stay_in_their_windows():
    rng = np.random.default_rng(2)
    bins = np.sort(rng.choice(1000, 200, replace=False))
    drawn, offsets = jittered(bins, np.array([0, 120, 200]), 1000, 25, rng)
    for first, last, at in ((0, 120, 0), (120, 200, 1)):
        own = drawn[offsets[at] : offsets[at + 1]]
        assert np.all(np.diff(own) > 0)
        assert set(own // 25) == set(bins[first:last] // 25)
    found, offsets = sorted_distinct(np.array([3, 1, 3, 2, 9, 9]), np.array([0, 4, 6]))
    assert found.tolist() == [1, 2, 3, 9]
    assert offsets.tolist() == [0, 3, 4]


def test_the_fit_of_a_correlogram_is_the_maximum_of_its_posterior():
    rng = np.random.default_rng(3)
    lags = np.arange(-50, 51)
    kernels = GLMCC()._kernels(50, 0.003)
    counts = rng.poisson(np.exp(3 + 0.3 * np.sin(lags / 20) + 0.8 * kernels[0] - 0.5 * kernels[1])).astype(float)
    used, beta = np.ones(101, bool), 400.0
    baseline, couplings = start_of(counts, used), np.zeros(2)
    value = fit(counts, used, kernels, beta, np.ones(2, bool), baseline, couplings)

    def negative(parameters):
        log_rate = parameters[:-2] + parameters[-2:] @ kernels
        return -np.sum(counts * log_rate - np.exp(log_rate)) + beta / 2 * np.sum(np.diff(parameters[:-2]) ** 2)

    theirs = minimize(negative, np.r_[start_of(counts, used), 0, 0], method="L-BFGS-B", options={"maxfun": 200_000})
    assert value >= -theirs.fun - 1e-6
    assert negative(np.r_[baseline, couplings]) == pytest.approx(-value)
    np.testing.assert_allclose(couplings, theirs.x[-2:], atol=0.02)
    assert couplings == pytest.approx([0.8, -0.5], abs=0.35)


def test_spike_time_tiling_equals_elephant():
    import neo
    import quantities as pq
    from elephant.spike_train_correlation import spike_time_tiling_coefficient

    rng = np.random.default_rng(4)
    # Whole milliseconds and a window between two of them: elephant's comparison of times is only nearly exact.
    trains = [np.sort(rng.choice(9000, 150, replace=False)) / 1000 for _ in range(3)]
    trains[2] = np.unique(np.concatenate([trains[0][:60] + 0.004, trains[2][:60]]))
    data = ConnectivityData(spikes=SpikeTrains.from_list(trains), stop=9.1)
    found = make("spike_time_tiling", window=0.0105).fit(data).weights_
    theirs = [neo.SpikeTrain(train * pq.s, t_stop=9.1 * pq.s) for train in trains]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        expected = spike_time_tiling_coefficient(theirs[i], theirs[j], dt=0.0105 * pq.s)
        assert found[i, j] == pytest.approx(float(expected), abs=1e-12)
        assert found[j, i] == found[i, j]


def test_directed_tiling_of_a_train_and_its_shifted_copy_is_one():
    train = np.arange(1, 200) * 0.5
    data = ConnectivityData(spikes=SpikeTrains.from_list([train, train + 0.004]), stop=100.0)
    weights = make("directed_spike_time_tiling").fit(data).weights_
    assert weights[0, 1] == pytest.approx(1)
    assert weights[1, 0] == pytest.approx(-0.007 * 199 / 100, rel=0.01)


@pytest.mark.parametrize("name", ["cross_correlogram", "jitter_correlogram", "glmcc", "transfer_entropy"])
def test_spikes_that_a_sorter_split_within_a_millisecond_are_no_synapse_on_one_site(name):
    rng = np.random.default_rng(5)
    first, second, third = (poisson(rng, 20.0) for _ in range(3))
    second = np.sort(np.concatenate([second, first[rng.random(len(first)) < 0.1] + 0.0008 * rng.random()]))
    data = ConnectivityData(spikes=SpikeTrains.from_list([first, np.minimum(second, 300), third]), stop=300.0)
    apart = make(name).fit(data).p_values_
    together = make(name).fit(replace(data, sites=np.array([7, 7, -1]))).p_values_
    assert min(apart[0, 1], apart[1, 0]) < 1e-3
    assert min(together[0, 1], together[1, 0]) > 1e-3
    np.testing.assert_allclose(apart[2], together[2], rtol=0.1)


def test_a_unit_sorted_twice_is_reported_and_gets_no_connection_with_itself():
    rng = np.random.default_rng(6)
    train = poisson(rng, 10.0)
    copy = np.sort(np.abs(train[rng.random(len(train)) < 0.95] + 0.00005 * rng.standard_normal()))
    partner = np.sort(np.concatenate([train[::2] + 0.0001, poisson(rng, 3.0)]))
    spikes = SpikeTrains.from_list([poisson(rng, 10.0), np.minimum(train, 300), np.minimum(copy, 300)])
    method = make("cross_correlogram").fit(ConnectivityData(spikes=spikes, stop=300.0))
    assert [(found.unit, found.other) for found in method.duplicates_] == [(1, 2)]
    assert method.duplicates_[0].share > 0.99
    assert method.weights_[1, 2] == method.weights_[2, 1] == 0
    assert np.isnan(method.p_values_[2, 1])
    assert method.weights_[0, 1] != 0
    spikes = SpikeTrains.from_list([train, np.minimum(partner, 300)])
    assert make("cross_correlogram").fit(ConnectivityData(spikes=spikes, stop=301.0)).duplicates_ == []


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("jitter_correlogram", {"longest_lag_read": 0.05}, "shorter than the jitter window"),
        ("glmcc", {"delays": (0.06,)}, "must hold the longest delay"),
        ("directed_spike_time_tiling", {"window": 0.001}, "must be longer than shortest_lag"),
        ("transfer_entropy", {"n_delays": 8}, "n_delays"),
        ("transfer_entropy", {"n_surrogates": 4}, "n_surrogates"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(name, settings, words):
    with pytest.raises(BadInput, match=words):
        make(name, **settings).fit(planted())
