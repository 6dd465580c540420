"""Reliability of connectivity: connected units are told from unconnected ones; splits and nulls keep what they must."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from neuropipe.connectivity.data import ConnectivityData
from neuropipe.connectivity.halves import interleaved_halves
from neuropipe.connectivity.held_out import fit_poisson
from neuropipe.connectivity.pairs import correlation, pairs_of, rank_correlation, share
from neuropipe.connectivity.reliability import COLUMNS, limits, reliability, spearman_brown
from neuropipe.connectivity.uncoupled import uncoupled
from neuropipe.errors import BadInput
from neuropipe.recording import SpikeTrains
from tests.unit.wired_units import LaggedCorrelation, wired_spikes, wiring

CONNECTED = wiring()


@pytest.fixture(scope="module")
def wired():
    return wired_spikes(CONNECTED)


@pytest.fixture(scope="module")
def table(wired):
    return reliability(LaggedCorrelation, wired, seed=3).set_index("measure")


def trial_counts(n_trials=60, n_bins=8, n_units=6, seed=0, response=3.0):
    """Units 0 to 2 respond to label 1."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n_trials) % 2
    rates = 1.0 + response * labels[:, None, None] * (np.arange(n_units) < 3)
    shared = rng.gamma(2.0, 0.5, (n_trials, 1, 1))  # varies from trial to trial, common to all units
    counts = rng.poisson(rates * shared, (n_trials, n_bins, n_units)).astype(float)
    edges = np.arange(n_trials + 1) * n_bins
    return ConnectivityData(counts=counts.reshape(-1, n_units), bin_width=0.01, segments=edges, labels=labels)


class TestHalves:
    def test_every_spike_is_in_one_half_and_lags_stay(self):
        times = np.sort(np.random.default_rng(0).uniform(5, 25, 400))
        data = ConnectivityData(spikes=SpikeTrains.from_list([times, times + 1e-3]), start=5.0, stop=26.0)
        even, odd = interleaved_halves(data, 10)
        assert even.n_events.sum() + odd.n_events.sum() == 800
        assert (even.start, even.stop, odd.stop) == (0.0, pytest.approx(10.5), pytest.approx(10.5))
        block = ((times - 5) // 2.1).astype(int)
        first = times[block % 2 == 0]
        np.testing.assert_allclose(even.spikes.times[: len(first)], first - 5 - 2.1 * (block[block % 2 == 0] / 2))

    def test_trials_stay_whole(self):
        even, odd = interleaved_halves(trial_counts(), 10)
        assert len(even.segment_edges) - 1 == len(odd.segment_edges) - 1 == 30
        whole = trial_counts().counts.reshape(60, 8, 6)
        np.testing.assert_array_equal(even.counts.reshape(30, 8, 6)[:6], whole[:6])
        np.testing.assert_array_equal(odd.counts.reshape(30, 8, 6)[:6], whole[6:12])
        np.testing.assert_array_equal(even.labels[6:12], np.arange(60)[12:18] % 2)

    def test_continuous_counts_are_cut_into_segments(self):
        data = ConnectivityData(counts=np.arange(200.0).reshape(100, 2), bin_width=0.1, segments=np.array([0, 35, 100]))
        even, odd = interleaved_halves(data, 10)
        # blocks of 10 bins; the block 30..40 is cut by the edge at 35 and belongs to the odd half
        assert even.segment_edges.tolist() == [0, 10, 20, 30, 40, 50]
        assert odd.segment_edges.tolist() == [0, 10, 15, 20, 30, 40, 50]
        assert sorted([*even.counts[:, 0], *odd.counts[:, 0]]) == data.counts[:, 0].tolist()

    def test_an_odd_number_of_blocks_is_refused(self, wired):
        with pytest.raises(BadInput, match="even number of blocks"):
            interleaved_halves(wired, 5)


class TestUncoupled:
    def test_jitter_moves_each_spike_a_little_and_stays_inside(self, wired):
        moved = uncoupled(wired, seed=0)
        assert moved.n_events.tolist() == wired.n_events.tolist()
        moved.spikes.check()
        assert moved.spikes.times.min() >= 0
        assert moved.spikes.times.max() <= 200
        difference = moved.spikes.times - wired.spikes.times  # of sorted trains, spikes may have changed places
        assert np.abs(difference).max() <= 0.05
        assert difference.std() == pytest.approx(0.025 / np.sqrt(3), rel=0.15)

    def test_permuted_trials_keep_responses_to_labels_and_lose_what_trials_share(self):
        data = trial_counts(n_trials=400)
        moved = uncoupled(data, seed=0)
        for label in (0, 1):
            shown = np.repeat(data.labels == label, 8)
            np.testing.assert_array_equal(moved.counts[shown].sum(axis=0), data.counts[shown].sum(axis=0))
        totals = data.counts.reshape(400, 8, 6).sum(axis=1)[data.labels == 0]
        after = moved.counts.reshape(400, 8, 6).sum(axis=1)[data.labels == 0]
        assert pearsonr(totals[:, 0], totals[:, 1])[0] > 0.6
        assert abs(pearsonr(after[:, 0], after[:, 1])[0]) < 0.2

    def test_continuous_counts_are_shifted_round(self):
        counts = np.random.default_rng(0).poisson(1.0, (500, 4)).astype(float)
        moved = uncoupled(ConnectivityData(counts=counts, bin_width=0.05), seed=0).counts
        for unit in range(4):
            assert any(np.array_equal(np.roll(counts[:, unit], by), moved[:, unit]) for by in range(500))


class TestPairs:
    def test_values_are_those_of_scipy(self):
        rng = np.random.default_rng(0)
        first, second = rng.normal(size=(2, 12, 12)).round(1)
        pairs = pairs_of(np.arange(12) != 5)
        own = rank_correlation(first, second, pairs, seed=0)
        assert own.value == pytest.approx(spearmanr(first[pairs], second[pairs])[0])
        assert own.n == 110
        assert correlation(first, second, pairs, seed=0).value == pytest.approx(
            pearsonr(first[pairs], second[pairs])[0]
        )

    def test_intervals_of_matrices_that_share_units_cover_the_truth(self):
        # pairs depend on their units; by pairs alone the interval would be far too narrow
        covered = 0
        for seed in range(60):
            rng = np.random.default_rng(seed)
            units = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 40)
            first, second = (units[:, [k]] + units[:, k] for k in (0, 1))
            found = correlation(first, second, pairs_of(np.ones(40, bool)), seed=0)
            covered += found.ci_low < 0.5 < found.ci_high
        assert 54 <= covered <= 60

    def test_share(self):
        found = np.zeros((10, 10), bool)
        found[:, 0] = True
        own = share(found, pairs_of(np.ones(10, bool)), seed=0)
        assert own.value == pytest.approx(9 / 90)
        assert own.ci_low == 0 < own.ci_high < 0.5

    def test_a_constant_matrix_has_no_correlation(self):
        assert np.isnan(correlation(np.ones((5, 5)), np.eye(5), pairs_of(np.ones(5, bool)), seed=0).value)


class TestReliability:
    def test_a_found_wiring_is_reproduced_and_the_null_is_not(self, table):
        assert list(table.reset_index().columns) == COLUMNS
        assert table.loc["split_half_signed", "ci_low"] > 0.9
        # connections of 4 to 6 ms, spread over 50 ms, leave a little in the null
        assert table.loc["null_split_half_signed", "ci_high"] < 0.8
        assert table.loc["split_half", "value"] > table.loc["null_split_half", "value"]
        over = table.loc["split_half_over_null"]
        own, null = table.loc["split_half", "value"], table.loc["null_split_half", "value"]
        assert over["value"] == pytest.approx(own - null)
        assert over["ci_low"] < over["value"] < over["ci_high"]
        assert table.loc["split_half_full", "value"] == pytest.approx(spearman_brown(table.loc["split_half", "value"]))

    def test_connected_pairs_lie_above_the_null(self, table):
        # 30 of 240 pairs are connected; of the others 5 % lie above by chance
        assert table.loc["above_null", "value"] == pytest.approx((30 + 0.05 * 210) / 240, abs=0.06)

    def test_sources_predict_their_targets_in_other_time_and_random_units_do_not(self, table):
        assert table.loc["co_prediction", "value"] > 0.01
        assert table.loc["co_prediction_gain", "ci_low"] > 0
        assert table.loc["co_prediction_random", "value"] < table.loc["co_prediction", "value"] / 3

    def test_other_bin_widths_find_much_the_same(self, wired):
        narrow = reliability(LaggedCorrelation, wired, seed=0, parts=("bin_width",)).set_index("measure")
        assert list(narrow.index) == ["bin_width_half", "bin_width_double"]
        assert (narrow["value"] > 0.3).all()

    def test_unconnected_units_have_no_reliability(self):
        data = wired_spikes(np.zeros((10, 10), bool), duration=100.0)
        table = reliability(LaggedCorrelation, data, seed=0).set_index("measure")
        assert abs(table.loc["split_half", "value"]) < 0.3
        assert table.loc["above_null", "value"] < 0.15
        assert table.loc["co_prediction_gain", "value"] == pytest.approx(0, abs=0.01)

    def test_counts_are_not_made_finer_than_they_are(self):
        table = reliability(lambda: LaggedCorrelation(bin_width=0.01), trial_counts(), seed=0)
        assert "bin_width_double" in set(table["measure"])
        assert "bin_width_half" not in set(table["measure"])
        assert table["value"].notna().all()

    def test_what_varies_from_trial_to_trial_is_above_the_null(self):
        data = trial_counts(400, response=0.0)
        table = reliability(lambda: LaggedCorrelation(bin_width=0.01), data, seed=0, parts=("null",))
        table = table.set_index("measure")
        # all six units vary together from trial to trial, so every pair is above the null
        assert table.loc["above_null", "value"] > 0.9

    def test_the_same_seed_gives_the_same_table(self, wired, table):
        again = reliability(LaggedCorrelation, wired, seed=3, parts=("split_half", "null")).set_index("measure")
        np.testing.assert_array_equal(again.to_numpy(), table.loc[again.index].to_numpy())

    def test_an_unknown_part_is_refused(self, wired):
        with pytest.raises(BadInput, match="no part jackknife"):
            reliability(LaggedCorrelation, wired, seed=0, parts=("jackknife",))

    def test_spearman_and_brown(self):
        assert spearman_brown(0.5) == pytest.approx(2 / 3)

    def test_limits_say_what_can_not_be_seen(self, wired):
        assert "milliseconds can be seen" in limits(wired)
        assert "bins of 10 ms" in limits(trial_counts())
        assert "direction of a connection can't be seen" in limits(trial_counts())


def test_poisson_regression_agrees_with_scikit_learn():
    from sklearn.linear_model import PoissonRegressor

    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(2000, 3))
    counts = rng.poisson(np.exp(-1 + inputs @ [0.5, -0.3, 0.0]))
    own = fit_poisson(inputs, counts, ridge=10.0)
    peer = PoissonRegressor(alpha=10.0 / len(inputs), tol=1e-10, max_iter=1000).fit(inputs, counts)
    np.testing.assert_allclose(own, [peer.intercept_, *peer.coef_], atol=1e-5)


def test_slow_drift_is_reproduced_and_so_is_its_null():
    # all units follow one slow rate, each by its own strength: reliable, but no interaction
    rng = np.random.default_rng(0)
    rate = 5 * np.exp(np.outer(np.sin(np.arange(200) / 5), rng.normal(size=12)))  # Hz, of each second
    trains = [
        np.sort(np.repeat(np.arange(200.0), n := rng.poisson(own)) + rng.uniform(0, 1, n.sum())) for own in rate.T
    ]
    data = ConnectivityData(spikes=SpikeTrains.from_list(trains), start=0.0, stop=201.0)
    make = lambda: LaggedCorrelation(bin_width=0.1)  # noqa: E731
    table = reliability(make, data, seed=0, parts=("split_half", "null")).set_index("measure")
    assert table.loc["split_half", "ci_low"] > 0.2
    assert table.loc["null_split_half", "ci_low"] > 0.2
    assert table.loc["split_half_over_null", "value"] == pytest.approx(0, abs=0.1)
    assert table.loc["split_half_over_null", "ci_low"] < 0 < table.loc["split_half_over_null", "ci_high"]
