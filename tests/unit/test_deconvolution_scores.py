"""Scores of deconvolution: the truth scores perfectly, shifted truth by its shift, and noise by chance."""

import itertools

import numpy as np
import pandas as pd
import pytest

from neuropipe.calcium.scores import METRICS, SMOOTHINGS, match, score, summary
from neuropipe.errors import BadInput
from neuropipe.plots import deconvolution as plots

RATE, DURATION = 25.0, 200.0
TIMES = 0.02 + np.arange(int(RATE * DURATION)) / RATE


def spike_train(seed=0, n=200) -> np.ndarray:
    return np.sort(np.random.default_rng(seed).uniform(1, DURATION - 1, n))


def counted(spikes: np.ndarray) -> np.ndarray:
    """(time, 1) true counts of the frames, each centred on its time."""
    return np.histogram(spikes, np.append(TIMES - 0.02, TIMES[-1] + 0.02))[0][:, None].astype(float)


def scored(events, spikes, **parameters) -> pd.DataFrame:
    return score(events, TIMES, spikes, np.array([0, len(spikes)]), n_resamples=50, **parameters).set_index("smoothing")


class TestTruth:
    def test_the_truth_scores_one_at_every_smoothing(self):
        table = scored(counted(spike_train()), spike_train())
        assert table.correlation.tolist() == pytest.approx([1] * len(SMOOTHINGS))
        row = table.loc[0.08]
        assert (row.error_rate, row.precision, row.recall, row.bias, row.n_spikes) == (0, 1, 1, 0, 200)
        assert abs(row.lag) < 0.001

    @pytest.mark.parametrize("shift", [-0.16, -0.04, 0.08, 0.2])
    def test_shifted_truth_has_its_shift_as_lag(self, shift):
        spikes = spike_train()
        row = scored(counted(spikes + shift), spikes).loc[0.08]
        assert row.lag == pytest.approx(shift, abs=0.004)
        assert row.lag_low <= row.lag <= row.lag_high
        assert (row.error_rate < 0.02) if abs(shift) <= 0.08 else (row.error_rate > 0.2)

    def test_smoothing_forgives_a_small_shift(self):
        spikes = spike_train()
        correlation = scored(counted(spikes + 0.06), spikes).correlation
        assert correlation.is_monotonic_increasing
        assert correlation[0.2] > 0.95 > 0.5 > correlation[0.0]

    def test_a_sum_of_gaussians_is_what_is_correlated(self):
        # two cells' worth of known answer: one spike against one event d apart, smoothed by s, correlate as
        # exp(-d^2 / (4 s^2)) in a long recording
        spikes = np.array([100.01])
        row = scored(counted(spikes + 0.2), spikes).loc[0.2]
        assert row.correlation == pytest.approx(np.exp(-(0.2**2) / (4 * 0.2**2)), abs=0.01)

    def test_bias_is_the_surplus_and_gain_is_forgiven_only_in_other_units(self):
        spikes = spike_train()
        row = scored(1.5 * counted(spikes), spikes).loc[0.08]
        assert row.bias == pytest.approx(0.5)
        assert row.precision == pytest.approx(1 / 1.5, abs=0.08)  # a spike near by takes up some of the surplus
        assert row.recall == 1
        other = scored(7.5 * counted(spikes), spikes, in_spikes=False).loc[0.08]
        assert np.isnan(other.bias)
        assert other.error_rate == pytest.approx(0)
        assert other.correlation == pytest.approx(row.correlation)

    def test_half_of_the_spikes_give_half_the_recall(self):
        spikes = np.arange(2.0, 198.0, 1.0)
        row = scored(counted(spikes[::2]), spikes).loc[0.08]
        assert (row.precision, row.recall, row.bias) == (1, 0.5, -0.5)
        assert row.error_rate == pytest.approx(1 - 2 * 0.5 / 1.5)

    def test_events_of_another_cell_score_about_nothing(self):
        row = scored(counted(spike_train(1)), spike_train(0)).loc[0.04]
        assert abs(row.correlation) < 0.05
        assert row.correlation_low < 0 < row.correlation_high
        assert row.error_rate > 0.7


def most_matched(times, sizes, spikes, tolerance) -> float:
    """The most that can be matched, by linear programming."""
    from scipy.optimize import linprog

    pairs = [(e, s) for e, s in itertools.product(range(len(times)), range(len(spikes)))]
    pairs = [(e, s) for e, s in pairs if abs(times[e] - spikes[s]) <= tolerance]
    if not pairs:
        return 0.0
    limits = np.zeros((len(times) + len(spikes), len(pairs)))
    for column, (e, s) in enumerate(pairs):
        limits[e, column] = limits[len(times) + s, column] = 1
    return -linprog(-np.ones(len(pairs)), A_ub=limits, b_ub=np.append(sizes, np.ones(len(spikes)))).fun


@pytest.mark.parametrize("seed", range(20))
def test_no_other_matching_matches_more(seed):
    rng = np.random.default_rng(seed)
    times, spikes = np.sort(rng.uniform(0, 3, 15)), np.sort(rng.uniform(0, 3, 8))
    sizes = rng.exponential(0.6, 15)
    of_events, of_spikes = match(times, sizes, spikes, 0.2)
    assert of_events.sum() == pytest.approx(of_spikes.sum())
    assert of_events.sum() == pytest.approx(most_matched(times, sizes, spikes, 0.2))


class TestIntervals:
    def test_every_interval_holds_its_value(self):
        rng = np.random.default_rng(0)
        spikes = spike_train()
        noisy = counted(spikes) * rng.uniform(0.3, 1.7, (len(TIMES), 1)) + rng.exponential(0.02, (len(TIMES), 1))
        row = scored(noisy, spikes).loc[0.08]
        for metric in METRICS:
            assert row[f"{metric}_low"] <= row[metric] <= row[f"{metric}_high"], metric
            assert row[f"{metric}_high"] - row[f"{metric}_low"] < 0.2, metric

    def test_the_interval_covers_what_other_recordings_would_give(self):
        def one(seed):
            rng = np.random.default_rng(seed)
            events = counted(spike_train(seed)) + rng.exponential(0.1, (len(TIMES), 1))
            return score(events, TIMES, spike_train(seed), np.array([0, 200]), smoothings=(0.08,), n_resamples=100)

        rows = pd.concat([one(seed) for seed in range(60)])
        expected = rows.correlation.mean()
        covered = ((rows.correlation_low <= expected) & (expected <= rows.correlation_high)).mean()
        assert covered >= 0.8

    def test_a_summary_is_the_mean_over_cells(self):
        trains = [spike_train(seed) for seed in range(4)]
        events = np.hstack([counted(train) for train in trains[:3]] + [counted(trains[3] + 0.1)])
        offsets = np.cumsum([0] + [len(train) for train in trains])
        table = score(events, TIMES, np.concatenate(trains), offsets, smoothings=(0.08,), n_resamples=10)
        assert table.roi.tolist() == [0, 1, 2, 3]
        whole = summary(table).set_index("metric")
        assert whole.value["lag"] == pytest.approx(0.025, abs=0.003)
        assert whole.value["correlation"] == pytest.approx(table.correlation.mean())
        assert whole.low["lag"] == pytest.approx(0, abs=0.003)
        assert whole.n_cells["lag"] == 4

    def test_the_same_seed_gives_the_same_table(self):
        events, spikes = counted(spike_train()), spike_train()
        assert scored(events, spikes, seed=3).equals(scored(events, spikes, seed=3))


class TestBadInput:
    def test_a_silent_cell_has_no_scores_but_a_row(self):
        row = scored(counted(spike_train()), np.zeros(0)).loc[0.08]
        assert row.n_spikes == 0
        assert row[list(METRICS)].drop("precision").isna().all()
        assert row.precision == 0

    def test_no_events_find_no_spikes(self):
        row = scored(np.zeros((len(TIMES), 1)), spike_train()).loc[0.08]
        assert np.isnan(row.correlation)
        assert row.recall == 0
        assert row.bias == -1

    def test_spikes_outside_the_recording_and_nan_are_left_out(self):
        spikes = spike_train()
        more = np.concatenate([[-5.0], spikes, [DURATION + 9, np.nan]])
        assert scored(counted(spikes), more).equals(scored(counted(spikes), spikes))

    @pytest.mark.parametrize(
        ("events", "offsets", "said"),
        [
            (np.zeros((5, 1)), [0, 3], "a frame time each"),
            (np.zeros((len(TIMES), 2)), [0, 3], "2 ROIs need 3 spike_offsets"),
            (np.full((len(TIMES), 1), np.nan), [0, 3], "finite and not negative"),
            (np.full((len(TIMES), 1), -1.0), [0, 3], "finite and not negative"),
        ],
    )
    def test_what_cannot_be_scored_is_refused(self, events, offsets, said):
        with pytest.raises(BadInput, match=said):
            score(events, TIMES, np.array([1.0, 2.0, 3.0]), np.array(offsets))


class TestPlots:
    def test_the_liveliest_stretch_is_drawn_with_its_spikes_and_events(self):
        spikes = np.array([10.0, 121.0, 122.0])
        dff = np.zeros(len(TIMES))
        dff[(TIMES > 120) & (TIMES < 123)] = 1.0
        events = counted(spikes)[:, 0]
        drawn = plots.trace_truth_and_events(dff, TIMES, {"oasis": events, "truth": events}, spikes)
        trace, truth, oasis, _ = drawn.axes
        low, high = trace.get_xlim()
        assert low < 120
        assert high > 123
        assert high - low == pytest.approx(40, abs=0.1)
        assert len(truth.collections[0].get_segments()) == 2
        assert oasis.get_lines()[0].get_ydata().sum() == pytest.approx(2 * RATE)
        assert oasis.get_title(loc="left") == "oasis"

    def test_without_truth_there_is_no_row_for_it(self):
        events = counted(spike_train())[:, 0]
        assert len(plots.trace_truth_and_events(events, TIMES, {"oasis": events}).axes) == 2

    def test_scores_stand_in_order_of_correlation(self):
        trains = [spike_train(seed) for seed in range(3)]
        events = np.hstack([counted(train + late) for train, late in zip(trains, (0.05, 0.0, 0.1), strict=True)])
        table = score(events, TIMES, np.concatenate(trains), np.arange(4) * 200, n_resamples=10)
        drawn = plots.scores(table)
        assert [label.get_text() for label in drawn.axes[0].get_yticklabels()] == ["ROI 2", "ROI 0", "ROI 1"]
        assert drawn.axes[0].get_lines()[0].get_xdata()[-1] > 0.99
        with pytest.raises(BadInput, match=r"no score has a smoothing of 0\.3"):
            plots.scores(table, smoothing=0.3)

    def test_lengths_must_agree(self):
        with pytest.raises(BadInput, match="one value per frame"):
            plots.trace_truth_and_events(np.zeros(5), TIMES, {})
