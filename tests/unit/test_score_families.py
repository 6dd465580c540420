"""Score families: primary metric, direction, judged metrics, and a third family added by one module."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from neuropipe.errors import BadInput
from neuropipe.evaluation import families
from neuropipe.evaluation.families import Metric, ScoreFamily
from tests.unit.score_families import TOY, of_angles, of_labels

ROOT = Path(__file__).resolve().parents[2]
CLASSIFICATION, REGRESSION = families.get("classification"), families.get("regression")


@pytest.mark.parametrize(
    ("counts", "metric"),
    [
        ([50, 50], "accuracy"),
        ([60, 40], "accuracy"),  # exceeds 1/2 by exactly .1
        ([61, 39], "balanced_accuracy"),
        ([40, 30, 30], "accuracy"),
        ([45, 30, 25], "balanced_accuracy"),
        ([70, 30, 0], "balanced_accuracy"),  # a class that never occurs doesn't count
        ([], "accuracy"),
    ],
)
def test_labels_are_ranked_by_balanced_accuracy_where_classes_are_imbalanced(counts, metric):
    assert CLASSIFICATION.primary({"class_counts": counts}) == metric


def test_targets_are_ranked_by_r2_and_angles_by_their_median_error():
    assert REGRESSION.primary({"circular": False}) == REGRESSION.primary() == "r2"
    assert REGRESSION.primary({"circular": True}) == "median_error"


def test_metrics_know_their_direction_bounds_and_digits():
    assert CLASSIFICATION.metric("log_loss").lower_is_better
    assert not CLASSIFICATION.metric("roc_auc").lower_is_better
    assert REGRESSION.metric("rmse_x").lower_is_better  # of one target
    assert REGRESSION.metric("r2_training_mean").upper_bound == 1
    assert REGRESSION.metric("median_error").text(12.345) == "12.3"
    assert CLASSIFICATION.metric("accuracy").text(float("nan")) == ""
    with pytest.raises(BadInput, match="classification has no metric 'r2'"):
        CLASSIFICATION.metric("r2")


def test_sessions_are_judged_by_proper_and_threshold_free_scores():
    assert set(CLASSIFICATION.judged) == {"accuracy", "balanced_accuracy", "log_loss", "roc_auc"}
    assert {"r2", "median_error", "circular_correlation"} <= set(REGRESSION.judged)


def test_sessions_with_different_primary_metrics_are_compared_by_the_one_valid_for_all():
    assert CLASSIFICATION.common_primary({"accuracy", "balanced_accuracy"}) == "balanced_accuracy"
    assert CLASSIFICATION.common_primary({"accuracy"}) == "accuracy"


def test_plots_show_the_primary_metric_and_the_confusion_matrix():
    details = {"classes": ["left", "right"], "confusion": {"blocked": [[8, 2], [1, 9]]}}
    found = CLASSIFICATION.plots(of_labels(0.7), "balanced_accuracy", details)
    assert list(found) == ["scores", "confusion_blocked"]
    (axes,) = found["scores"].axes
    assert axes.get_xlabel() == "balanced (accuracy, mean over classes)"
    lines = {line.get_label() for line in axes.get_lines()}
    assert "majority class" in lines
    (axes,) = REGRESSION.plots(of_angles(12.0), "median_error")["scores"].axes
    low, high = axes.get_xlim()
    assert 0 <= low < 12 < 80 < high <= 180
    assert [text.get_text() for text in axes.texts] == ["12.0\np = 0.001"]


def test_a_family_that_contradicts_itself_is_refused():
    metric = {"score_of_mine": Metric(label="mine")}
    with pytest.raises(BadInput, match="no metrics"):
        ScoreFamily(name="empty", metrics={})
    with pytest.raises(BadInput, match="column of that name"):
        ScoreFamily(name="mine", metrics={"score": Metric(label="mine")})
    with pytest.raises(BadInput, match="column of that name"):
        ScoreFamily(name="mine", metrics=metric, baselines={"rank": "rank"})
    with pytest.raises(BadInput, match="names other"):
        ScoreFamily(name="mine", metrics=metric, judged=("other",))
    with pytest.raises(BadInput, match="chose the metric 'other'"):
        ScoreFamily(name="mine", metrics=metric, choose_primary=lambda facts: "other").primary()
    with pytest.raises(BadInput, match=r"no score_family is called 'clasification'; did you mean classification"):
        families.get("clasification")


def test_listing_families_imports_none_of_them():
    code = "from neuropipe.evaluation.families import available; available(); import sys; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "neuropipe.evaluation.families.classification" not in done.stdout


TOY_STORY = """
import json
from datetime import datetime
from assets.cli import tables
from neuropipe.evaluation.leaderboard import Evaluation, dead_sessions, ranked
from neuropipe.plots.leaderboard import pictures
from neuropipe.report import SessionFacts, render
from tests.unit.score_families import evaluations, scores

session = "maze.one-2020-01-01"
toy = [
    Evaluation(
        session, "spike_prediction", model,
        scores=scores(("bits_per_spike", value, 0.001), ("bits_per_spike_smoothed", 0.01)),
    )
    for model, value in (("glm", 0.12), ("gru", 0.31))
]
table = ranked([*evaluations(), *toy])
tables.show_leaderboard(table, as_json=False)
print("BREAK")
tables.show_leaderboard(table, as_json=True)
print("BREAK")
print(json.dumps(dead_sessions([*evaluations(), *toy])))
print("BREAK")
print(json.dumps(sorted(pictures(table))))
print("BREAK")
print(render(table, [SessionFacts(key) for key in table["session"].unique()], made=datetime(2026, 1, 2), version="1"))
"""


def test_a_third_family_is_one_module(tmp_path):
    for package in ("neuropipe", "resources", "assets", "tests"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "neuropipe/evaluation/families/spike_prediction.py").write_text(TOY)
    done = subprocess.run([sys.executable, "-c", TOY_STORY], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)},
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    printed, rows, dead, plots, page = done.stdout.split("BREAK\n")
    assert "bits" in printed
    assert printed.index("gru") < printed.index("glm")
    assert max(len(line) for line in printed.splitlines()) <= 80
    found = {(row["session"], row["model"], row["family"]): row for row in json.loads(rows)}
    best = found["maze.one-2020-01-01", "gru", "spike_prediction"]
    assert (best["rank"], best["bits_per_spike"], best["score"], best["smoothed"]) == (1, 0.31, 0.31, 0.01)
    assert best["accuracy"] is None
    labels = found["maze.one-2020-01-01", "logistic_regression", "classification"]
    assert (labels["rank"], labels["bits_per_spike"]) == (1, None)
    assert json.loads(dead) == ["maze.two-2020-01-02"]
    assert "leaderboard_spike_prediction_bits_per_spike" in json.loads(plots)
    assert "bits per spike" in page
    assert "0.31" in page
