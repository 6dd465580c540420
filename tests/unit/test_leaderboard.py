"""The leaderboard as a table: ranks, columns, differences, and sessions in which nothing beats chance."""

import numpy as np
import pandas as pd
import pytest

from neuropipe.errors import BadInput
from neuropipe.evaluation import evaluate, paired_difference
from neuropipe.evaluation.across_sessions import compare, compare_datasets
from neuropipe.evaluation.continuous import evaluate_targets, paired_difference_of_targets
from neuropipe.evaluation.leaderboard import Evaluation, best_rows, columns, dead_session, dead_sessions, ranked
from neuropipe.evaluation.table import Predicted, write_predictions
from tests.unit.score_families import evaluations, of_angles, of_labels, scores

ONE, TWO, THREE = "maze.one-2020-01-01", "maze.two-2020-01-02", "compass.mouse-28"


def by_model(table: pd.DataFrame, session: str, scheme: str = "blocked") -> pd.DataFrame:
    rows = table[(table["session"] == session) & (table["scheme"] == scheme) & (table["variant"] == "")]
    return rows.set_index("model")


def test_every_row_has_its_family_metrics_and_baselines():
    table = ranked(evaluations())
    assert list(table.columns) == columns()
    row = by_model(table, ONE).loc["logistic_regression"]
    assert (row["family"], row["metric"], row["score"], row["accuracy"]) == ("classification", "accuracy", 0.7, 0.7)
    assert (row["ci_low"], row["ci_high"], row["p_value"], row["n"]) == pytest.approx((0.65, 0.75, 0.001, 228))
    assert (row["majority"], row["previous"], row["log_loss"]) == (0.4, 0.3, 0.5)
    assert np.isnan(row["r2"])


def test_each_session_is_ranked_by_its_primary_metric():
    table = ranked(evaluations())
    assert by_model(table, ONE)["rank"].to_dict() == {"logistic_regression": 1, "rate_logistic": 2}
    # By accuracy the order would be the other way round.
    two = by_model(table, TWO)
    assert two["rank"].to_dict() == {"logistic_regression": 1, "rate_logistic": 2}
    assert two.loc["rate_logistic", "accuracy"] > two.loc["logistic_regression", "accuracy"]
    assert (two["metric"] == "balanced_accuracy").all()
    assert (two["majority"] == 0.33).all()  # of balanced accuracy


def test_errors_rank_the_lowest_first():
    assert by_model(ranked(evaluations()), THREE)["rank"].to_dict() == {"kalman": 1, "ridge": 2}


def test_families_of_one_session_are_ranked_apart():
    both = [Evaluation(ONE, "regression", "ridge", scores=of_angles(90.0), primary="median_error"), *evaluations()]
    rows = by_model(ranked(both), ONE)
    assert rows.loc["ridge", "rank"] == rows.loc["logistic_regression", "rank"] == 1


def test_what_has_no_scores_comes_last_and_says_why():
    rows = ranked(evaluations())
    own = rows[rows["session"] == ONE]
    assert list(own["state"])[-2:] == ["failed", "missing"]
    assert own["scheme"].isna().tolist()[-2:] == [True, True]
    assert own.iloc[-2]["note"] == "loss became NaN in <fold 2>"


def test_ties_share_a_rank():
    table = ranked([Evaluation(ONE, "classification", name, scores=of_labels(0.7)) for name in "abc"])
    assert table["rank"].tolist() == [1, 1, 1]


def test_scores_without_the_primary_metric_are_listed_without_a_score():
    (row,) = ranked([Evaluation(ONE, "classification", "odd", scores=scores(("roc_auc", 0.7)))]).to_dict("records")
    assert (row["note"], row["roc_auc"]) == ("its scores have no accuracy", 0.7)
    assert np.isnan(row["score"])


def test_an_unknown_family_is_refused():
    with pytest.raises(BadInput, match="no score_family is called 'weather'"):
        ranked([Evaluation(ONE, "weather", "gru", scores=of_labels(0.5))])


def test_the_best_row_is_that_of_the_scheme_that_can_be_tested():
    best = best_rows(ranked(evaluations())).set_index("session")
    assert best["model"].to_dict() == {ONE: "logistic_regression", TWO: "logistic_regression", THREE: "kalman"}
    assert best.loc[ONE, "scheme"] == "blocked"  # shuffled scores are higher, but have no p


class TestDeadSessions:
    def test_a_session_is_alive_when_any_judged_metric_beats_chance(self):
        assert dead_sessions(evaluations()) == [TWO]

    def test_decodable_by_auc_or_log_loss_but_not_by_accuracy_is_alive(self):
        for metric in ("roc_auc", "log_loss"):
            table = scores(("accuracy", 0.7, 0.6), ("balanced_accuracy", 0.5, 0.5), (metric, 0.7, 0.001))
            assert dead_sessions([Evaluation(ONE, "classification", "gru", scores=table)]) == []

    def test_metrics_that_are_not_judged_bring_no_session_to_life(self):
        table = scores(("accuracy", 0.7, 0.6), ("macro_f1", 0.7, 0.0005), ("accuracy_over_majority", 0.2, 0.0005))
        assert dead_sessions([Evaluation(ONE, "classification", "gru", scores=table)]) == [ONE]

    def test_all_models_and_metrics_are_judged_together(self):
        weak = scores(("accuracy", 0.6, 0.02), ("roc_auc", 0.6, 0.4))
        none = scores(("accuracy", 0.5, 0.4), ("roc_auc", 0.5, 0.4))
        found = [Evaluation(ONE, "classification", name, scores=of) for name, of in (("a", weak), ("b", none))]
        assert dead_sessions(found[:1]) == []  # .02 is at most .05 / 2
        assert dead_sessions(found) == [ONE]  # .02 is more than .05 / 4, and .4 more than .05
        assert dead_sessions(found, alpha=0.1) == []

    def test_many_models_at_the_smallest_p_that_shifts_can_give_are_no_dead_session(self):
        """2,000 shifts give no p below 1 / 2001, which Bonferroni's correction for 104 tests would call nothing."""
        best = scores(*((metric, 0.9, 1 / 2001) for metric in ("accuracy", "balanced_accuracy", "log_loss", "roc_auc")))
        found = [Evaluation(ONE, "classification", f"model {number}", scores=best) for number in range(26)]
        assert dead_sessions(found) == []

    def test_variants_and_stale_evaluations_are_not_judged(self):
        found = [
            Evaluation(ONE, "classification", "gru", scores=of_labels(0.4, p=0.6)),
            Evaluation(ONE, "classification", "gru", "width=8", scores=of_labels(0.9)),
            Evaluation(ONE, "classification", "mlp", state="stale", scores=of_labels(0.9)),
        ]
        assert dead_sessions(found) == [ONE]

    def test_shuffled_folds_alone_can_show_nothing(self):
        found = [Evaluation(ONE, "classification", "gru", scores=of_labels(0.9, p=np.nan, scheme="shuffled"))]
        assert dead_sessions(found) == [ONE]
        both = pd.concat([of_labels(0.9, p=np.nan, scheme="shuffled"), of_labels(0.7)])
        assert dead_sessions([Evaluation(ONE, "classification", "gru", scores=both)]) == []

    def test_a_real_weak_signal_is_found_by_auc_where_classes_are_imbalanced(self):
        """Activity shifts the probability of a rare class but never makes it the most probable one."""
        rng = np.random.default_rng(0)
        truth = (rng.random(400) < 0.2).astype(int)
        rare = np.clip(0.2 + 0.06 * truth + 0.04 * rng.standard_normal(400), 0.01, 0.45)
        fold = np.arange(400) // 80
        predicted = Predicted(fold, np.arange(400), truth, np.zeros(400, int), np.stack([1 - rare, rare], 1))
        folds = pd.concat(
            pd.DataFrame({"scheme": "blocked", "fold": f, "sample": np.arange(400),
                          "role": np.where(fold == f, "test", "train")})
            for f in range(5)
        )  # fmt: skip
        table = evaluate(write_predictions("blocked", ["common", "rare"], predicted), folds, ["common", "rare"],
                         n_shifts=499, n_resamples=50)  # fmt: skip
        p_values = table.set_index("metric")["p_value"]
        assert p_values[["accuracy", "balanced_accuracy"]].tolist() == [1.0, 1.0]
        assert p_values[["log_loss", "roc_auc"]].max() < 0.01
        assert dead_session({"gru": table}, "blocked", metrics=("accuracy", "balanced_accuracy"))
        assert dead_sessions([Evaluation(ONE, "classification", "gru", scores=table)]) == []


def label_predictions(seed: int, separation: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    truth = np.arange(100) % 2
    right = 1 / (1 + np.exp(-separation * (truth - 0.5) - rng.standard_normal(100)))
    predicted = Predicted(np.arange(100) // 20, np.arange(100), truth, (right > 0.5).astype(int),
                          np.stack([1 - right, right], 1))  # fmt: skip
    return write_predictions("blocked", ["left", "right"], predicted)


def test_the_difference_to_the_reference_model_is_paired_on_the_same_trials():
    strong, weak = label_predictions(0, 3.0), label_predictions(1, 1.0)
    read = []
    found = [
        Evaluation(ONE, "classification", "rate_logistic", scores=of_labels(0.6), predictions=lambda: weak),
        Evaluation(ONE, "classification", "gru", scores=of_labels(0.8), predictions=lambda: strong),
        Evaluation(ONE, "classification", "gru", "width=8", scores=of_labels(0.8), predictions=lambda: read.append(1)),
        Evaluation(ONE, "classification", "mlp", scores=of_labels(0.5)),
    ]
    table = ranked(found)
    row = by_model(table, ONE).loc["gru"]
    (expected,) = paired_difference(strong, weak, "accuracy").to_dict("records")
    assert (row["over"], row["over_low"], row["over_high"]) == (
        *(expected[name] for name in ("value", "ci_low", "ci_high")),
    )
    assert row["reference"] == "rate_logistic"
    assert table.loc[table["model"] != "gru", "over"].isna().all()
    assert not read, "predictions of variants are not read"


def test_predictions_of_the_reference_model_are_read_once():
    reads = []
    reference = Evaluation(ONE, "classification", "rate_logistic", scores=of_labels(0.6),
                           predictions=lambda: reads.append("rate_logistic") or label_predictions(1, 1.0))  # fmt: skip
    others = [
        Evaluation(ONE, "classification", name, scores=of_labels(0.8), predictions=lambda: label_predictions(0, 3.0))
        for name in "abc"
    ]
    assert ranked([*others, reference])["over"].notna().sum() == 3
    assert reads == ["rate_logistic"]


def angles(seed: int, noise: float) -> tuple[pd.DataFrame, np.ndarray]:
    truth = np.cumsum(np.random.default_rng(0).normal(0, 0.2, 400))
    decoded = truth + noise * np.random.default_rng(seed).standard_normal(400)
    frame = {"scheme": "blocked", "fold": np.arange(400) // 100, "sample": np.arange(400)}
    return pd.DataFrame({**frame, "y_true_angle": truth, "y_pred_angle": decoded}), truth[:, None]


def test_differences_of_targets_are_those_of_the_scores():
    good, truth = angles(1, 0.2)
    bad, _ = angles(2, 0.8)
    folds = pd.concat(
        pd.DataFrame({"scheme": "blocked", "fold": f, "sample": np.arange(400),
                      "role": np.where(np.arange(400) // 100 == f, "test", "train")})
        for f in range(4)
    )  # fmt: skip
    before = np.full((400, 1), np.nan)
    value = {
        name: evaluate_targets(each, folds, truth, ("angle",), before=before, circular=True, n_shifts=19,
                               n_resamples=20).set_index("metric").loc["median_error", "value"]
        for name, each in (("good", good), ("bad", bad))
    }  # fmt: skip
    (found,) = paired_difference_of_targets(good, bad, "median_error", n_resamples=200).to_dict("records")
    assert found["value"] == pytest.approx(value["good"] - value["bad"])
    assert found["ci_low"] < found["value"] < found["ci_high"] < 0
    assert found["p_value"] < 0.001
    (same,) = paired_difference_of_targets(good, good, "median_error", n_resamples=50).to_dict("records")
    assert (same["value"], same["p_value"]) == (0, 1)
    with pytest.raises(BadInput, match="different samples or targets"):
        paired_difference_of_targets(good, bad.assign(sample=bad["sample"] + 1), "r2")
    with pytest.raises(BadInput, match="no metric is called 'accuracy'"):
        paired_difference_of_targets(good, bad, "accuracy")


def test_sessions_are_compared_by_a_metric_that_is_valid_for_all():
    (group,) = compare_datasets(ranked(evaluations()))
    rows, compared = group
    assert set(rows["session"]) == {ONE, TWO}
    assert set(compared["metric"]) == {"balanced_accuracy"}
    assert compared.set_index("model")["mean"].to_dict() == pytest.approx(
        {"logistic_regression": 0.65, "rate_logistic": 0.55}
    )
    assert compared["rival"].unique().tolist() == ["logistic_regression"]
    assert list(compare(ranked(evaluations()), "rate_logistic")["dataset"].unique()) == ["maze"]
    with pytest.raises(BadInput, match="no data set has current evaluations of kalman in several sessions"):
        compare(ranked(evaluations()), "kalman")


def test_where_errors_are_compared_lower_is_better():
    found = [
        Evaluation(f"compass.{mouse}", "regression", model, scores=of_angles(error), primary="median_error")
        for mouse, shift in (("a", 0.0), ("b", 3.0))
        for model, error in (("ridge", 20.0 + shift), ("kalman", 12.0 + shift))
    ]
    ((_, compared),) = compare_datasets(ranked(found))
    assert list(compared["model"]) == ["kalman", "ridge"]
    assert compared.loc[0, "median_difference"] == pytest.approx(8.0)
