"""Sweeps: conditions and subsets, known answers on simulated trials, intervals, and sentences for bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuropipe import decoders
from neuropipe.decoders.pooling import bin_edges
from neuropipe.errors import BadInput
from neuropipe.evaluation.metrics import scores
from neuropipe.evaluation.resampling import block_length
from neuropipe.evaluation.sweeps import (
    Available,
    Condition,
    Points,
    geometric,
    left_out,
    make_conditions,
    trial_order,
    unit_order,
    view,
)
from neuropipe.evaluation.sweeps.fits import Fit, Trials, fit_and_test, folds_of
from neuropipe.evaluation.sweeps.scores import interval, summary, table
from neuropipe.folds import make_folds
from neuropipe.plots.sweeps import decodability

BIN_WIDTH, N_BINS, ONSET = 0.05, 10, 5  # the signal begins with bin 5, at 0 s
START = -ONSET * BIN_WIDTH
ALL = ("n_bins", "window", "n_units", "n_trials")


def simulated(seed: int = 0, n_trials: int = 150, n_units: int = 24) -> Trials:
    """Poisson counts of units that prefer one of two choices from the event on, each a little."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.resize([0, 1], n_trials))
    preferred = np.resize([0, 1], n_units)
    rate = np.ones((n_trials, N_BINS, n_units))
    rate[:, ONSET:] += 0.45 * (labels[:, None, None] == preferred)
    counts = rng.poisson(rate).astype(np.uint8)
    return Trials(counts, labels, None, folds_of(make_folds(labels, n_folds=3, gap=1)), 2)


def available(trials: Trials) -> Available:
    _, n_bins, n_units = trials.counts.shape
    return Available(n_bins, BIN_WIDTH, START, n_units, trials.n_train, trials.n_classes)


def measured(trials: Trials, sweeps, **points):
    conditions = make_conditions(sweeps, Points(**points), available(trials))
    return [
        fit_and_test(lambda: decoders.make("rate_logistic"), trials, condition, fold)
        for condition in conditions
        for fold in trials.folds
    ]


@pytest.fixture(scope="module")
def trials() -> Trials:
    return simulated()


@pytest.fixture(scope="module")
def fits(trials):
    return measured(trials, ALL, n_repeats=2)


@pytest.fixture(scope="module")
def curves(fits):
    return {sweep: rows.set_index("value") for sweep, rows in summary(fits, n_resamples=500).groupby("sweep")}


# -- known answers -----------------------------------------------------------------------------------------------------


def test_nothing_is_decoded_before_the_signal_begins_and_much_after(curves):
    course = curves["window"]
    before, after = course[course["stop"] <= 1e-9], course[course["start"] >= -1e-9]
    assert (len(before), len(after)) == (4, 4)
    assert (before["ci_low"] < 0.5).all()
    assert (after["ci_low"] > 0.6).all()
    assert after["accuracy"].min() > before["accuracy"].max() + 0.1


def test_more_units_and_more_trials_tell_more(curves):
    units, trials = curves["n_units"]["accuracy"], curves["n_trials"]["accuracy"]
    assert units.index.tolist() == [1, 2, 3, 5, 8, 14, 24]
    assert units[1] < 0.68 < 0.85 < units[24]
    assert np.polyfit(np.log(units.index), units, 1)[0] > 0.05
    assert trials.iloc[-1] > trials.iloc[0] + 0.03


def test_a_decoder_of_rates_does_not_care_for_bins(curves):
    bins = curves["n_bins"]
    assert bins.index.tolist() == [1, 2, 3, 5, 10]
    assert bins["accuracy"].nunique() == 1
    assert bins["accuracy"].iloc[0] == curves["n_units"]["accuracy"][24]


def test_a_label_shuffled_twin_is_at_chance_everywhere(trials):
    labels = np.random.default_rng(5).permutation(trials.labels)
    twin = Trials(trials.counts, labels, None, folds_of(make_folds(labels, n_folds=3, gap=1)), 2)
    found = summary(measured(twin, ("window", "n_trials"), n_repeats=2), n_resamples=200)
    assert found["accuracy"].between(0.35, 0.65).all()
    assert (found["ci_low"] < 0.5).mean() > 0.9


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_subsets(trials):
    first, again, other = (
        table(measured(trials, ("n_units", "n_trials"), n_units=(4,), n_trials=(30,), n_repeats=2, seed=seed))
        for seed in (1, 1, 2)
    )
    assert first.to_csv() == again.to_csv()
    assert not first["log_loss"].equals(other["log_loss"])


def test_every_condition_is_tested_on_the_same_trials_and_trained_on_none_of_them(trials, fits):
    for fit in fits:
        train, test = trials.folds[fit.fold]
        assert np.array_equal(fit.test, test)
        assert not np.isin(fit.train, fit.test).any()
        assert np.isin(fit.train, train).all()
        assert len(fit.train) == (fit.condition.n_train or len(train))


# -- what a condition shows --------------------------------------------------------------------------------------------


def test_windows_slide_by_half_their_length_from_one_end_of_the_trial_to_the_other():
    session = Available(50, 0.02, -1.0, 10, 100, 2)
    found = make_conditions(["window"], Points(window=0.1), session)
    assert [condition.edges[0] for condition in found[:5]] == [0, 2, 5, 7, 10]
    assert {len(condition.edges) for condition in found} == {6}
    assert (found[0].start, found[0].stop, found[0].value) == (-1.0, -0.9, -0.95)
    assert (found[-1].start, found[-1].stop) == (-0.1, 0.0)
    (whole,) = make_conditions(["window"], Points(window=1.0), session)
    assert (whole.edges[0], whole.edges[-1]) == (0, 50)


@given(st.integers(1, 60), st.integers(1, 60))
def test_a_window_is_always_inside_the_trial_and_of_one_length(n_bins, width):
    width = min(width, n_bins)
    found = make_conditions(["window"], Points(window=width * 0.01), Available(n_bins, 0.01, 0.0, 1, 10, 2))
    firsts = [condition.edges[0] for condition in found]
    assert firsts == sorted(set(firsts))
    assert firsts[0] == 0
    assert all(len(c.edges) == width + 1 and c.edges[-1] <= n_bins for c in found)
    assert n_bins - found[-1].edges[-1] <= max(1, width // 2)


def test_bins_that_do_not_divide_differ_by_one_and_lose_no_spike(trials):
    condition = make_conditions(["n_bins"], Points(n_bins=(3,)), available(trials))[0]
    assert sorted(np.diff(condition.edges)) == [3, 3, 4]
    shown = view(trials.counts, condition)
    assert shown.shape == (150, 3, 24)
    assert np.array_equal(shown.sum(axis=1), trials.counts.sum(axis=1))
    assert np.array_equal(shown[:, 0], trials.counts[:, : condition.edges[1]].sum(axis=1))


def test_numbers_of_bins_that_a_trial_does_not_have_are_left_out(trials):
    points = Points(n_bins=(2, 10, 11, 20))
    assert [c.value for c in make_conditions(["n_bins"], points, available(trials))] == [2, 10]
    assert left_out(points, available(trials)) == [11, 20]


def test_counts_of_many_bins_do_not_overflow_a_byte():
    counts = np.full((2, 10, 1), 200, np.uint8)
    shown = view(counts, Condition("n_bins", 1, 0, 1, bin_edges(10, (0, 1), 1), n_units=1))
    assert shown.ravel().tolist() == [2000, 2000]


def test_subsets_of_units_are_nested_and_keep_the_units_order(trials):
    few, more = (
        view(trials.counts, Condition("n_units", n, 0, 1, tuple(range(11)), n_units=n, repeat=2, seed=7))
        for n in (5, 9)
    )
    taken = unit_order(24, seed=7, repeat=2)
    assert np.array_equal(few, trials.counts[:, :, np.sort(taken[:5])])
    assert np.array_equal(more, trials.counts[:, :, np.sort(taken[:9])])
    assert not np.array_equal(taken, unit_order(24, seed=7, repeat=3))


@settings(max_examples=60)
@given(st.lists(st.integers(0, 3), min_size=2, max_size=150), st.integers(0, 2**32))
def test_every_beginning_of_the_order_of_trials_holds_each_class_in_its_proportion(labels, seed):
    labels = np.array(labels)
    order = trial_order(labels, np.random.default_rng(seed))
    assert sorted(order) == list(range(len(labels)))
    classes, n_each = np.unique(labels, return_counts=True)
    assert set(labels[order[: len(classes)]]) == set(classes)
    for n in range(1, len(labels) + 1):
        taken = (labels[order[:n], None] == classes).sum(axis=0)
        assert np.all(np.abs(taken - n * n_each / len(labels)) <= len(classes))


@pytest.mark.parametrize("n", [10, 20, 40, 80])
def test_every_beginning_of_the_order_of_trials_is_spread_over_the_session(n):
    labels = np.random.default_rng(0).permutation(np.resize([0, 1], 160))
    for seed in range(20):
        taken = np.sort(trial_order(labels, np.random.default_rng(seed))[:n])
        assert np.diff(taken, prepend=0, append=160).max() <= 5 * 160 / n
        assert abs(np.sum(taken < 80) - n / 2) <= 2


def test_points_that_are_not_given_are_in_equal_ratios():
    assert geometric(1, 1089) == (1, 3, 10, 33, 106, 340, 1089)
    assert geometric(4, 6) == (4, 5, 6)
    assert geometric(3, 3) == (3,)


# -- scores ------------------------------------------------------------------------------------------------------------


def test_a_row_is_one_fit_and_its_scores_are_those_of_evaluation(fits):
    rows = table(fits)
    assert len(rows) == len(fits)
    assert rows.columns.tolist() == [
        *("sweep", "value", "start", "stop", "repeat", "fold", "n_train", "n_units", "n_test", "accuracy", "log_loss"),
    ]
    fit, row = fits[30], rows.iloc[30]
    expected = scores(fit.truth, fit.probabilities, [0, 1])
    assert row["accuracy"] == pytest.approx(expected["accuracy"], abs=1e-12)
    assert row["log_loss"] == pytest.approx(expected["log_loss"], abs=1e-12)


def test_a_summary_pools_folds_and_averages_subsets(fits):
    rows, found = table(fits), summary(fits, n_resamples=100).set_index(["sweep", "value"])
    of_point = rows[(rows["sweep"] == "n_units") & (rows["value"] == 3)]
    assert found.loc[("n_units", 3.0), "n_repeats"] == of_point["repeat"].nunique() == 2
    weighted = np.average(of_point["accuracy"], weights=of_point["n_test"])
    assert found.loc[("n_units", 3.0), "accuracy"] == pytest.approx(weighted, abs=1e-12)
    assert found.loc[("n_units", 24.0), ["n_repeats", "spread"]].tolist() == [1, 0]
    assert (found["ci_low"] < found["accuracy"]).all()
    assert (found["ci_high"] > found["accuracy"]).all()


def test_the_interval_is_wilsons_of_as_many_trials_as_the_error_speaks_of():
    from scipy.stats import t

    n = 200
    z = t.ppf(0.975, n / block_length(n) - 1)
    low, high = interval(0.8, np.sqrt(0.8 * 0.2 / 50), n)
    for bound in (low, high):
        assert (bound - 0.8) ** 2 == pytest.approx(z**2 * bound * (1 - bound) / 50, rel=1e-9)
    assert interval(1.0, 0.0, n) == (pytest.approx(n / (n + z**2)), pytest.approx(1.0))
    assert np.isnan(interval(0.5, np.nan, 4)).all()


def test_what_differs_between_subsets_is_part_of_the_interval():
    """Two subsets, one always right and one always wrong: every trial averages to .5, only the subsets differ."""
    truth = np.resize([0, 1], 100)
    trial = np.arange(100)
    fits = [
        Fit(Condition("n_units", 2, 0, 1, (0, 1), 2, repeat=right), 0, trial[:0], trial, truth, np.eye(2)[said])
        for right, said in enumerate([1 - truth, truth])
    ]
    (row,) = summary(fits, n_resamples=100).to_dict("records")
    assert (row["accuracy"], row["spread"]) == (0.5, pytest.approx(np.sqrt(0.5)))
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(interval(0.5, 0.5, 100))


# -- plots -------------------------------------------------------------------------------------------------------------


def test_the_figure_has_a_panel_a_sweep_with_real_seconds_and_chance(fits):
    curves = summary(fits, n_resamples=50).assign(chance=0.5)
    panels = decodability(curves, table(fits), event="response").axes
    labels = [axes.get_xlabel() for axes in panels]
    assert labels == ["bins in the trial", "time from response (s)", "units", "training trials"]
    time = panels[1]
    accuracy = next(line for line in time.lines if line.get_label() == "accuracy")
    assert accuracy.get_xdata()[[0, -1]] == pytest.approx([-0.2, 0.2])
    chance = next(line for line in time.lines if line.get_label() == "always the commonest class")
    assert (chance.get_linestyle(), list(chance.get_ydata())) == ("--", [0.5, 0.5])
    assert {axes.get_ylim()[1] for axes in panels} == {1.0}


def test_a_figure_of_one_sweep_is_one_panel_and_of_none_a_sentence(fits):
    curves = summary(fits, n_resamples=50).assign(chance=0.5)
    one = curves[curves["sweep"] == "window"]
    assert len(decodability(one, table(fits)).axes) == 1
    with pytest.raises(BadInput, match="nothing to draw"):
        decodability(curves[:0], table(fits))


# -- bad input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sweep", "points", "said"),
    [
        ("window", {"window": 0.6}, "window is 0.6 s; it must be above 0 and no longer than the trial, 0.5 s"),
        ("window", {"window": 0.0}, "window is 0 s; it must be above 0"),
        ("n_units", {"n_units": (4, 0)}, "n_units holds 0; give whole numbers, 1 or more"),
        ("n_units", {"n_units": (25,)}, "n_units asks for 25 units, but the session has 24; give fewer"),
        (
            "n_trials",
            {"n_trials": (500,)},
            "n_trials asks for 500 training trials, but a fold has only 98; give fewer",
        ),
        ("n_trials", {"n_trials": (1,)}, "n_trials asks for 1 training trials, fewer than the 2 classes; give more"),
        ("n_bins", {"n_bins": (0, 2)}, "n_bins holds 0; give whole numbers, 1 or more"),
        ("n_bins", {"n_bins": (20, 30)}, "n_bins is [20, 30], but a trial has 10 bins; give fewer"),
        ("n_units", {"n_repeats": 0}, "n_repeats holds 0; give whole numbers, 1 or more"),
        ("depth", {}, "sweeps is ['depth']; name at least one of n_bins, window, n_units, n_trials"),
    ],
)
def test_bad_input_is_one_sentence(trials, sweep, points, said):
    with pytest.raises(BadInput) as refused:
        make_conditions([sweep], Points(**points), available(trials))
    assert str(refused.value).startswith(said)


def test_no_sweep_at_all_is_refused(trials):
    with pytest.raises(BadInput, match="name at least one of"):
        make_conditions([], Points(), available(trials))
