"""Scores, the table of predictions and the baselines."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from neuropipe.errors import BadInput
from neuropipe.evaluation import check_out_of_fold, confusion, majority, previous_label, scores
from neuropipe.evaluation.metrics import METRICS, score
from neuropipe.evaluation.resampling import WEIGHTED, block_bootstrap_weights
from neuropipe.evaluation.shifts import TESTED, contributions
from neuropipe.evaluation.table import Predicted, read_predictions, write_predictions


def make_folds(n, n_folds=5, scheme="blocked"):
    parts = []
    for fold, block in enumerate(np.array_split(np.arange(n), n_folds)):
        role = np.full(n, "train", object)
        role[block] = "test"
        parts.append(pd.DataFrame({"scheme": scheme, "fold": fold, "sample": np.arange(n), "role": role}))
    return pd.concat(parts, ignore_index=True)


def random_predicted(seed, n=60, n_classes=3, decimals=2):
    """Rounded probabilities, so that ties occur."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(n_classes), n).round(decimals) + 10.0**-decimals
    probabilities /= probabilities.sum(1, keepdims=True)
    truth = np.concatenate([np.arange(n_classes), rng.integers(n_classes, size=n - n_classes)])
    return Predicted(np.zeros(n, int), np.arange(n), truth, probabilities.argmax(1), probabilities)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(10, 80))
def test_scores_are_those_of_scikit_learn(seed, n_classes, n):
    given_ = random_predicted(seed, n, n_classes)
    classes = [f"class {i}" for i in range(n_classes)]
    truth, decoded = np.array(classes)[given_.truth], np.array(classes)[given_.decoded]
    found = scores(truth, given_.probabilities, classes)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(truth, decoded))
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(truth, decoded))
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(truth, decoded, average="macro"))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(truth, given_.probabilities, labels=classes))
    of_scores = given_.probabilities[:, 1] if n_classes == 2 else given_.probabilities
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(truth, of_scores, multi_class="ovr"), abs=1e-9)
    np.testing.assert_array_equal(found["confusion"], metrics.confusion_matrix(truth, decoded, labels=classes))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5))
def test_weights_count_rows_and_tables_add_up_to_the_score(seed, n_classes):
    predicted = random_predicted(seed, 40, n_classes)
    weights = block_bootstrap_weights(40, 6, 1, np.random.default_rng(seed))
    drawn = np.repeat(np.arange(40), weights[0].astype(int))
    again = Predicted(
        *(getattr(predicted, name)[drawn] for name in ("fold", "sample", "truth", "decoded", "probabilities"))
    )
    value, resampled = score(predicted), score(again)
    for metric in METRICS:
        assert WEIGHTED[metric](predicted, np.ones((1, 40)))[0] == pytest.approx(value[metric])
        assert WEIGHTED[metric](predicted, weights)[0] == pytest.approx(resampled[metric])
    for metric in TESTED:
        rolled = Predicted(
            predicted.fold, predicted.sample, np.roll(predicted.truth, 7), predicted.decoded, predicted.probabilities
        )
        total = contributions(predicted, metric)[np.arange(40), rolled.truth].sum()
        assert total == pytest.approx(score(rolled)[metric])


def test_calibration_error_of_known_bins():
    probabilities = np.array([[0.9, 0.1]] * 10 + [[0.4, 0.6]] * 10)
    truth = [0] * 7 + [1] * 3 + [1] * 6 + [0] * 4
    assert scores(truth, probabilities, [0, 1])["calibration_error"] == pytest.approx((0.2 * 10 + 0.0 * 10) / 20)


def test_a_class_that_never_occurs_takes_no_part():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1]])
    found = scores(["a", "b", "b", "b"], probabilities, ["a", "b", "c"])
    assert found["balanced_accuracy"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["roc_auc"] == pytest.approx(1.0)
    assert found["confusion"].sum(1).tolist() == [1, 3, 0]


@pytest.mark.parametrize(
    ("truth", "probabilities", "classes", "said"),
    [
        ([0, 1], [[0.5, np.nan], [0.5, 0.5]], [0, 1], "not finite"),
        ([0, 1], [[0.5, 0.6], [0.5, 0.5]], [0, 1], "sum to 1"),
        ([0, 1], [[1.5, -0.5], [0.5, 0.5]], [0, 1], "sum to 1"),
        ([0, 2], [[0.5, 0.5], [0.5, 0.5]], [0, 1], "none of the classes"),
        ([1, 1], [[0.5, 0.5], [0.5, 0.5]], [0, 1], "all 2 labels are 1"),
        ([], np.empty((0, 2)), [0, 1], "nothing to score"),
        ([0, 1], [[1.0], [1.0]], [0], "at least two classes"),
        ([0, 1], [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]], [0, 1], "must be"),
        ([0, 1, 1], [[0.5, 0.5], [0.5, 0.5]], [0, 1], "3 labels"),
        ([0, 1], [[0.5, 0.5], [0.5, 0.5]], [0, 0], "unique"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(truth, probabilities, classes, said):
    with pytest.raises(BadInput, match=said):
        scores(truth, np.array(probabilities), classes)


def test_a_table_is_read_back_as_written_in_any_row_order():
    predicted = random_predicted(3)
    table = write_predictions("blocked", ["left", "none", "right"], predicted)
    assert list(table.columns) == ["scheme", "fold", "sample", "y_true", "y_pred", "p_left", "p_none", "p_right"]
    read = read_predictions(table.sample(frac=1, random_state=0), ["left", "none", "right"])["blocked"]
    np.testing.assert_array_equal(read.truth, predicted.truth)
    np.testing.assert_allclose(read.probabilities, predicted.probabilities)
    counts = confusion(table, ["left", "none", "right"])["blocked"]
    assert counts.loc["left", "right"] == np.sum((predicted.truth == 0) & (predicted.decoded == 2))
    with pytest.raises(BadInput, match="have no columns p_up"):
        read_predictions(table, ["left", "up"])
    with pytest.raises(BadInput, match="empty"):
        read_predictions(table.iloc[:0], ["left", "none", "right"])


def test_only_complete_out_of_fold_predictions_pass():
    folds = make_folds(20)
    table = majority(np.arange(20) % 2, folds)
    check_out_of_fold(table, folds)
    leaked = table.copy()
    leaked.loc[0, "fold"] = 3
    with pytest.raises(BadInput, match=r"not out of fold.*sample 0 of fold 3.*role there is train"):
        check_out_of_fold(leaked, folds)
    with pytest.raises(BadInput, match="1 test samples have no prediction, the first is sample 4 of fold 1"):
        check_out_of_fold(table.drop(index=4), folds)
    with pytest.raises(BadInput, match="given twice, the first for sample 7"):
        check_out_of_fold(pd.concat([table, table.iloc[[7]]]), folds)
    with pytest.raises(BadInput, match="role there is absent"):
        check_out_of_fold(pd.concat([table, table.iloc[[0]].assign(sample=99)]), folds)
    with pytest.raises(BadInput, match="has no columns role"):
        check_out_of_fold(table, folds.drop(columns="role"))


def test_the_majority_is_that_of_the_training_trials():
    labels = np.array(["a"] * 6 + ["b"] * 4)
    table = majority(labels, make_folds(10, 2))  # fold 0 trains on a b b b b, fold 1 on a a a a a
    assert table["y_pred"].tolist() == ["b"] * 5 + ["a"] * 5
    np.testing.assert_allclose(table["p_a"], [2 / 7] * 5 + [6 / 7] * 5)
    np.testing.assert_allclose(table["p_a"] + table["p_b"], 1)


def test_the_previous_label_on_alternating_and_constant_runs():
    alternating = previous_label(np.tile([0, 1], 10), make_folds(20))
    assert (alternating["y_pred"] == alternating["y_true"])[1:].mean() == 0
    # Fold 1 tests samples 4-7; training follows 0-3 and 8-19: 0 is followed by 1 in 2 + 6 pairs, by 0 in none.
    row = alternating[alternating["sample"] == 5].iloc[0]
    assert (row["y_pred"], row["p_1"]) == (0, pytest.approx(9 / 10))
    runs = previous_label(np.repeat([0, 1, 0, 1], 5), make_folds(20))
    assert (runs["y_pred"] == runs["y_true"])[1:].mean() == pytest.approx(16 / 19)
    first = runs.iloc[0]
    assert first["y_pred"] == 1  # the majority of samples 4-19
    assert first["p_1"] == pytest.approx(11 / 18)


def test_baselines_refuse_folds_beyond_the_labels():
    with pytest.raises(BadInput, match="among the 10 labels"):
        majority(np.arange(10) % 2, make_folds(11))
