"""Shifted labels: exact p-values, windows, false positives, agreement with refits."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.interval_coverage import blocked_folds, null_p_values
from neuropipe.errors import BadInput
from neuropipe.evaluation import null_distribution, refit_null
from neuropipe.evaluation.shifts import TESTED, draw_shifts, shift_null, shift_windows
from neuropipe.evaluation.table import Predicted, write_predictions


def predict(truth, right, fold):
    """Binary predictions with P(class 1) = right."""
    probabilities = np.stack([1 - right, right], 1)
    return Predicted(fold, np.arange(len(truth)), truth, probabilities.argmax(1), probabilities)


def test_p_is_one_plus_k_over_one_plus_n_of_every_shift():
    rng = np.random.default_rng(1)
    truth, right, fold = rng.integers(2, size=20), rng.random(20), np.repeat([0, 1], 10)
    predicted = predict(truth, right, fold)
    null = shift_null(predicted, blocked_folds(20, 2, 0), n_shifts=2000, seed=0)
    shifted = [
        np.mean(np.concatenate([np.roll(truth[:10], -a), np.roll(truth[10:], -b)]) == predicted.decoded)
        for a in range(10)
        for b in range(10)
    ]
    expected = np.mean(shifted)
    wide = expected + np.sqrt(2) * (np.array(shifted[1:]) - expected)
    assert null.observed["accuracy"] == pytest.approx(shifted[0])
    np.testing.assert_allclose(null.scores["accuracy"], wide)
    assert null.p_value["accuracy"] == (1 + np.sum(wide >= shifted[0] - 1e-10)) / 100


def test_one_fold_alone_is_not_spread():
    rng = np.random.default_rng(0)
    truth, right = rng.integers(2, size=30), rng.random(30)
    folds = pd.DataFrame(
        {"scheme": "held out", "fold": 0, "sample": np.arange(60), "role": ["test"] * 30 + ["train"] * 30}
    )
    predicted = predict(truth, right, np.zeros(30, int))
    null = shift_null(predicted, folds, n_shifts=2000, seed=0)
    lengths = [len(w) for w in shift_windows(predicted.sample, predicted.fold, truth, folds)]
    assert len(null.scores["accuracy"]) == np.prod(lengths) - 1
    np.testing.assert_allclose(null.scores["accuracy"] * 30, np.round(null.scores["accuracy"] * 30))


def test_a_perfect_decoder_reaches_the_smallest_p_and_a_constant_one_reaches_1():
    truth = np.random.default_rng(0).integers(2, size=100)
    folds, fold = blocked_folds(100, 5, 1), np.repeat(np.arange(5), 20)
    perfect = shift_null(predict(truth, np.where(truth, 0.9, 0.1), fold), folds, n_shifts=999, seed=0)
    assert perfect.p_value == dict.fromkeys(TESTED, 1 / 1000)
    constant = shift_null(predict(truth, np.full(100, 0.6), fold), folds, n_shifts=999, seed=0)
    assert constant.p_value == dict.fromkeys(TESTED, 1.0)


def test_tracking_the_majority_of_each_block_is_no_skill():
    truth = np.concatenate([np.resize([1, 1, 1, 0], 20), np.resize([0, 0, 0, 1], 20)] * 3)
    right = np.tile(np.repeat([0.8, 0.2], 20), 3)
    null = shift_null(
        predict(truth, right, np.repeat(np.arange(6), 20)), blocked_folds(120, 6, 0), n_shifts=999, seed=0
    )
    assert null.observed["accuracy"] == pytest.approx(0.75)
    assert null.p_value["accuracy"] == null.p_value["log_loss"] == 1.0


def test_windows_hold_test_trials_that_no_training_trial_parts():
    sample, fold = np.arange(60), np.repeat([0, 1], 30)
    truth = np.tile([0, 1], 30)
    blocks = shift_windows(sample, fold, truth, blocked_folds(60, 2, 3))
    assert [len(window) for window in blocks] == [15, 15, 15, 15]
    long_runs = shift_windows(sample, fold, np.repeat([0, 1, 0, 1, 0, 1], 10), blocked_folds(60, 2, 3))
    assert [len(window) for window in long_runs] == [30, 30]
    folds = blocked_folds(60, 2, 0)
    folds.loc[(folds["fold"] == 0) & (folds["sample"] == 12), "role"] = "train"
    rows = np.flatnonzero(sample != 12)
    parted = shift_windows(sample[rows], fold[rows], truth[rows], folds)
    assert [sample[rows][w][[0, -1]].tolist() for w in parted[:2]] == [[0, 11], [13, 29]]


def test_no_p_where_test_trials_lie_among_training_trials_or_are_too_few():
    rng = np.random.default_rng(0)
    truth, fold = rng.integers(2, size=100), rng.permutation(np.repeat(np.arange(5), 20))
    folds = pd.concat(
        [
            pd.DataFrame(
                {
                    "scheme": "shuffled",
                    "fold": f,
                    "sample": np.arange(100),
                    "role": np.where(fold == f, "test", "train"),
                }
            )
            for f in range(5)
        ]
    )
    table = write_predictions("shuffled", [0, 1], predict(truth, rng.random(100), fold))
    assert np.isnan(list(null_distribution(table, folds, [0, 1])["shuffled"].p_value.values())).all()
    few = predict(truth[:25], rng.random(25), np.repeat(np.arange(5), 5))
    assert np.isnan(shift_null(few, blocked_folds(25, 5, 0), n_shifts=999, seed=0).p_value["accuracy"])


def test_shifts_are_enumerated_when_few_and_drawn_when_many():
    rng = np.random.default_rng(0)
    every = draw_shifts([8, 9], 2000, rng)
    assert len(np.unique(every, axis=0)) == len(every) == 71
    assert not (every == 0).all(1).any()
    assert draw_shifts([40] * 100, 2000, rng).shape == (2000, 100)
    assert draw_shifts([], 2000, rng).shape[0] == 0


@pytest.mark.parametrize(
    ("labels", "activity", "gap"),
    [
        ("independent", "time", 1),
        ("sticky .5", "AR(1) .9", 1),
        ("prior blocks", "random walk", 1),
        ("sticky .8", "AR(1) .9", 5),
    ],
)
def test_drift_alone_is_not_significant(labels, activity, gap):
    p_values = null_p_values(labels, activity, 228, 5, gap, 250)
    for metric in TESTED:  # .05 + 3 standard errors of 250 simulations; .5 likewise
        assert (p_values[metric] <= 0.05).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 250), metric
        assert 0.5 - (p_values[metric] <= 0.5).mean() > -3 * np.sqrt(0.25 / 250), metric


@pytest.mark.slow
def test_refits_agree_with_the_spread_null():
    """On data without relation the widened null and the null of refits have the same width and lead to the same p."""
    from sklearn.linear_model import LogisticRegression

    folds, classes, widths, p_values = blocked_folds(100, 5, 0), [0, 1], [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        X, y = rng.standard_normal((100, 10)), rng.integers(2, size=100)
        refit = refit_null(lambda: LogisticRegression(C=0.1), X, y, folds, n_permutations=99, seed=seed)["blocked"]
        fold, probabilities = np.repeat(np.arange(5), 20), np.empty((100, 2))
        for f in range(5):
            model = LogisticRegression(C=0.1).fit(X[fold != f], y[fold != f])
            probabilities[fold == f] = model.predict_proba(X[fold == f])
        table = write_predictions(
            "blocked", classes, Predicted(fold, np.arange(100), y, probabilities.argmax(1), probabilities)
        )
        fixed = null_distribution(table, folds, classes, n_shifts=999, seed=seed)["blocked"]
        assert fixed.observed["log_loss"] == pytest.approx(refit.observed["log_loss"])
        widths.append([null.scores["log_loss"].std() for null in (fixed, refit)])
        p_values.append([null.p_value["log_loss"] for null in (fixed, refit)])
    fixed_width, refit_width = np.mean(widths, axis=0)
    assert fixed_width / refit_width == pytest.approx(1, abs=0.15)
    assert np.corrcoef(np.array(p_values).T)[0, 1] > 0.9
    assert np.abs(np.diff(p_values)).mean() < 0.1


def test_refits_find_what_is_there():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    y = np.array(["left", "right"])[rng.integers(2, size=60)]
    X = rng.standard_normal((60, 3)) + 2.0 * (y == "left")[:, None]
    null = refit_null(LogisticRegression, X, y, blocked_folds(60, 3, 0), n_permutations=39, seed=0)["blocked"]
    assert null.p_value["accuracy"] == null.p_value["log_loss"] == 1 / 40
    with pytest.raises(BadInput, match="X holds 59 trials"):
        refit_null(LogisticRegression, X[1:], y, blocked_folds(60, 3, 0))
