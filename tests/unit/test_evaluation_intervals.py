"""Intervals, differences, the whole table, dead sessions."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.interval_coverage import PROCESSES, blocked_folds, coverage, simulate_predictions
from neuropipe.errors import BadInput
from neuropipe.evaluation import (
    METRICS,
    bootstrap_ci,
    dead_session,
    evaluate,
    majority,
    null_distribution,
    paired_difference,
    previous_label,
)
from neuropipe.evaluation.intervals import intervals, standard_error
from neuropipe.evaluation.resampling import block_bootstrap_weights, block_length, resampled_scores
from neuropipe.evaluation.table import Predicted, write_predictions

CLASSES = [0, 1, 2]


def simulated(n=228, separation=2.0, seed=0, n_folds=5):
    predicted = simulate_predictions(n, 3, separation, 0.5, 0.3, 0.0, np.random.default_rng(seed))
    fold = np.concatenate([np.full(len(b), f) for f, b in enumerate(np.array_split(np.arange(n), n_folds))])
    return Predicted(fold, predicted.sample, predicted.truth, predicted.decoded, predicted.probabilities)


def test_weights_are_whole_blocks_of_a_circle():
    weights = block_bootstrap_weights(11, 4, 500, np.random.default_rng(0))
    np.testing.assert_array_equal(weights.sum(1), 11)
    np.testing.assert_allclose(weights.mean(0), 1, atol=0.2)
    np.testing.assert_array_equal(block_bootstrap_weights(7, 7, 3, np.random.default_rng(0)), 1)
    single = block_bootstrap_weights(9, 8, 200, np.random.default_rng(0))
    assert set(np.unique(single)) == {0, 1, 2}  # one block of 8 and one of 1


def test_standard_error_of_independent_trials_is_binomial():
    n = 2000
    truth = np.random.default_rng(5).permutation(np.repeat([0, 1], [n // 5, n - n // 5]))
    predicted = Predicted(np.zeros(n), np.arange(n), truth, np.ones(n, int), np.tile([0.2, 0.8], (n, 1)))
    resampled = resampled_scores(predicted, ("accuracy",), n_resamples=2000, seed=0)["accuracy"]
    assert standard_error(resampled, n) == pytest.approx(np.sqrt(0.8 * 0.2 / n), rel=0.1)
    assert block_length(1000) == 15


def test_every_interval_holds_its_value_and_is_the_same_for_the_same_seed():
    table = write_predictions("blocked", CLASSES, simulated())
    found = bootstrap_ci(table, CLASSES, n_resamples=300)
    assert list(found.columns) == ["scheme", "metric", "value", "ci_low", "ci_high", "n"]
    assert found["metric"].tolist() == list(METRICS)
    assert ((found["ci_low"] < found["value"]) & (found["value"] < found["ci_high"])).all()
    pd.testing.assert_frame_equal(found, bootstrap_ci(table, CLASSES, n_resamples=300))
    narrow = bootstrap_ci(table, CLASSES, n_resamples=300, level=0.5)
    assert (narrow["ci_low"] > found["ci_low"]).all()
    with pytest.raises(BadInput, match="between 0 and 1"):
        bootstrap_ci(table, CLASSES, level=95)


def test_a_perfect_score_still_has_an_interval():
    truth = np.tile([0, 1], 50)
    perfect = Predicted(np.zeros(100), np.arange(100), truth, truth, np.eye(2)[truth])
    low, high = intervals(perfect, {"accuracy": 1.0}, ("accuracy",), n_resamples=100)["accuracy"]
    assert 0.94 < low < 0.97
    assert high == pytest.approx(1)


def test_too_few_trials_give_no_interval():
    truth = np.array([0, 1, 0, 1])
    few = Predicted(np.zeros(4), np.arange(4), truth, truth, np.eye(2)[truth])
    for value in (0.0, 0.75, 1.0):
        assert np.isnan(intervals(few, {"accuracy": value}, ("accuracy",), n_resamples=50)["accuracy"]).all()


def test_paired_differences():
    good = write_predictions("blocked", CLASSES, simulated())
    labels = good["y_true"].to_numpy()
    base = majority(labels, blocked_folds(228, 5, 1), CLASSES)
    found = paired_difference(good, base).iloc[0]
    expected = np.mean(good["y_pred"] == labels) - np.mean(base["y_pred"] == labels)
    assert found["value"] == pytest.approx(expected)
    assert found["p_value"] < 1e-6
    back = paired_difference(base, good).iloc[0]
    assert (back["value"], back["ci_low"]) == (-found["value"], pytest.approx(-found["ci_high"]))
    same = paired_difference(good, good, "log_loss").iloc[0]
    assert (same["value"], same["ci_low"], same["ci_high"], same["p_value"]) == (0, 0, 0, 1)
    with pytest.raises(BadInput, match="different samples"):
        paired_difference(good, base.iloc[1:])
    with pytest.raises(BadInput, match="no metric is called 'acuracy'"):
        paired_difference(good, base, "acuracy")


def test_differences_without_difference_are_seldom_significant():
    """Two decoders equally good on average: p below .05 in about 5 % of 300 simulations."""
    p_values = []
    for seed in range(300):
        a = simulated(120, 1.0, seed)
        noise = simulated(120, 1.0, seed + 10**6)
        turned = (noise.decoded - noise.truth + a.truth) % 3
        b = Predicted(a.fold, a.sample, a.truth, turned, noise.probabilities)
        pair = [write_predictions("s", CLASSES, each) for each in (a, b)]
        p_values.append(paired_difference(*pair, n_resamples=200, classes=CLASSES)["p_value"].iloc[0])
    assert (np.array(p_values) < 0.05).mean() == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 300))


def test_the_table_of_a_session():
    predicted, folds = simulated(), blocked_folds(228, 5, 1)
    table = write_predictions("blocked", CLASSES, predicted)
    found = evaluate(table, folds, CLASSES, n_shifts=999, n_resamples=300)
    assert list(found.columns) == ["scheme", "metric", "value", "ci_low", "ci_high", "p_value", "n"]
    baselines = ["majority", "previous", "over_majority", "over_previous"]
    compared = [f"{metric}_{name}" for metric in ("accuracy", "balanced_accuracy", "log_loss") for name in baselines]
    assert found["metric"].tolist() == [*METRICS, *compared]
    value, p_value = found.set_index("metric")["value"], found.set_index("metric")["p_value"]
    labels = predicted.truth
    assert value["accuracy"] == np.mean(predicted.correct)
    base = majority(labels, folds, CLASSES)
    assert value["accuracy_majority"] == pytest.approx(np.mean(base["y_pred"] == base["y_true"]))
    before = previous_label(labels, folds, CLASSES)
    assert value["accuracy_previous"] == pytest.approx(np.mean(before["y_pred"] == before["y_true"]))
    assert value["accuracy_over_previous"] == pytest.approx(value["accuracy"] - value["accuracy_previous"])
    assert p_value["accuracy"] == null_distribution(table, folds, CLASSES, n_shifts=999)["blocked"].p_value["accuracy"]
    assert p_value["accuracy"] == p_value["log_loss"] == 1 / 1000
    assert p_value[["calibration_error", "accuracy_majority", "accuracy_previous"]].isna().all()
    assert (found["n"] == 228).all()
    with pytest.raises(BadInput, match="not out of fold"):
        evaluate(table.assign(fold=0), folds, CLASSES)
    with pytest.raises(BadInput, match="disagrees"):
        evaluate(table, folds, CLASSES, labels=np.roll(labels, 1))


def test_schemes_stand_side_by_side_and_rows_may_come_in_any_order():
    folds = pd.concat([blocked_folds(100, 5, 0), blocked_folds(100, 4, 0).assign(scheme="quarters")])
    tables = []
    for scheme, n_folds in (("blocked", 5), ("quarters", 4)):
        tables.append(write_predictions(scheme, CLASSES, simulated(100, n_folds=n_folds)))
    both = pd.concat(tables)
    found = evaluate(both, folds, CLASSES, n_shifts=99, n_resamples=100)
    mixed = evaluate(both.sample(frac=1, random_state=0), folds, CLASSES, n_shifts=99, n_resamples=100)
    order = ["scheme", "metric"]
    pd.testing.assert_frame_equal(
        found.sort_values(order).reset_index(drop=True), mixed.sort_values(order).reset_index(drop=True)
    )
    assert found["scheme"].unique().tolist() == ["blocked", "quarters"]


def test_a_session_is_dead_when_no_model_beats_chance():
    def table(*p_values):
        return pd.DataFrame({"scheme": "blocked", "metric": ["accuracy", "balanced_accuracy"], "p_value": p_values})

    assert not dead_session({"a": table(0.001, 0.4), "b": table(0.5, 0.5)}, "blocked")
    assert dead_session({"a": table(0.02, 0.4), "b": table(0.5, 0.5)}, "blocked")  # .02 x 4 tests
    assert not dead_session({"a": table(0.02, 0.4)}, "blocked")
    assert dead_session({"a": table(np.nan, np.nan)}, "blocked")
    with pytest.raises(BadInput, match="no evaluation holds scheme 'rolled'"):
        dead_session({"a": table(0.1, 0.1)}, "rolled")
    with pytest.raises(BadInput, match="no evaluation was given"):
        dead_session({}, "blocked")


def test_shuffled_labels_leave_a_session_dead():
    rng = np.random.default_rng(2)
    predicted = simulated()
    shuffled = Predicted(
        predicted.fold, predicted.sample, rng.permutation(predicted.truth), predicted.decoded, predicted.probabilities
    )
    folds = blocked_folds(228, 5, 1)
    alive, dead = (
        evaluate(write_predictions("blocked", CLASSES, each), folds, CLASSES, n_shifts=999, n_resamples=50)
        for each in (predicted, shuffled)
    )
    assert not dead_session({"model": alive, "other": dead}, "blocked")
    assert dead_session({"model": dead}, "blocked")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("process", "n_simulations"), [("228 trials, .88, correlated (.8)", 9000), ("228 trials, .88, independent", 2000)]
)
def test_95_percent_intervals_cover_95_percent(process, n_simulations):
    metrics = ("accuracy", "balanced_accuracy", "log_loss")
    found = coverage(PROCESSES[process], n_simulations, metrics=metrics, n_resamples=200)
    for metric in metrics:
        assert 0.93 <= found[metric] <= 0.97, (metric, found[metric])
