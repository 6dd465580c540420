"""A user's own continuous recording through the command: from a file to the leaderboard, and what is refused."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.cli.command import ask, counts, get, show
from tests.installation import make_place

TASK = """\
title: Own movements
citation: unpublished
licence: not stated
modality: counts
reader: npz
task:
  targets: [{target}]
  circular: {circular}
  bin_width: 0.1
  history: {history}
  folds: {{schemes: [blocked], n_folds: 3}}
sessions:
  one: {{files: {{one.npz: {{path: {path}}}}}}}
"""


def movement(seed=0, n_bins=900, n_units=10):
    """Counts in bins of 50 ms, and a heading and a velocity observed every 20 ms."""
    rng = np.random.default_rng(seed)
    time = np.arange(0, n_bins * 0.05, 0.02)
    heading = np.cumsum(rng.normal(0, 0.15, len(time)))
    at_bin = np.interp(0.05 * np.arange(n_bins) + 0.025, time, heading)
    preferred = np.linspace(0, 2 * np.pi, n_units, endpoint=False)
    fired = rng.poisson(np.exp(1.5 * np.cos(at_bin[:, None] - preferred)))
    return {
        "counts": fired,
        "bin_width": 0.05,
        "start": 0.0,
        "time": time,
        "behaviour_heading": np.angle(np.exp(1j * heading)),
        "behaviour_velocity": np.stack([np.cos(heading), np.sin(heading)], axis=1),
    }


def place_of(root, changed=None, **fields):
    """A place with one such recording, some of its arrays changed; fields : of its task."""
    arrays = {**movement(), **(changed or {})}
    np.savez(root / "one.npz", **{name: value for name, value in arrays.items() if value is not None})
    task = {"target": "velocity", "circular": "false", "history": 3, **fields}
    return make_place(root / "place", own=TASK.format(path=root / "one.npz", **task))


ONE = ("--session", "own.one")
RIDGE = "evaluation/decoder/ridge"


@pytest.fixture(scope="module")
def decoded(tmp_path_factory):
    """Such a place, its velocity decoded by ridge regression."""
    place = place_of(tmp_path_factory.mktemp("movements"))
    assert counts(get(place, "run", RIDGE, *ONE)) == (0, 5, 0)
    return place


def test_velocity_reaches_the_leaderboard(decoded):
    place = decoded
    (row,) = [row for row in get(place, "leaderboard") if row["state"] == "current"]
    assert (row["model"], row["metric"], row["scheme"]) == ("ridge", "r2", "blocked")
    assert row["score"] == pytest.approx(row["r2"])
    assert row["score"] > 0.7
    assert row["ci_low"] < row["score"] < row["ci_high"]
    assert row["p_value"] == 1 / 2001
    assert row["training_mean"] < 0.05
    assert row["accuracy"] is None
    text = ask(place, "leaderboard").out
    assert "persistence" in text
    assert "majority" not in text.split("accuracy:")[0]
    assert counts(get(place, "run", RIDGE, *ONE)) == (5, 0, 0)


def test_angles_are_scored_in_degrees(tmp_path):
    place = place_of(tmp_path, target="heading", circular="true")
    get(place, "run", RIDGE, "evaluation/decoder/kalman", *ONE)
    rows = {row["model"]: row for row in get(place, "leaderboard") if row["state"] == "current"}
    assert {row["metric"] for row in rows.values()} == {"median_error"}
    for row in rows.values():
        assert row["score"] < 25 < 45 < row["training_mean"]
        assert row["circular_correlation"] > 0.7
    best = min(rows.values(), key=lambda row: row["score"])
    assert best["rank"] == 1


def test_what_is_for_trials_says_that_it_does_not_apply(decoded):
    plan = {row["asset"]: row for row in get(decoded, "plan", *ONE)}
    assert plan["decoder/logistic_regression"]["state"] == "n/a"
    assert "its task is regression of velocity" in plan["decoder/logistic_regression"]["reason"]
    assert plan["evaluation/decoder/rate_logistic"]["state"] == "n/a"
    assert plan["decoder/ridge"]["state"] == "hit"


def test_the_report_shows_continuous_sessions(decoded):
    text = Path(ask(decoded, "report").out.strip()).read_text()
    assert re.search(r"of this baseline\W[^/]*persistence", text)
    assert "ranked by R2" in text


@pytest.mark.parametrize(
    ("changed", "fields", "sentence"),
    [
        ({}, {"target": "speed"}, "no behavioural series is called 'speed'; the recording has heading, velocity"),
        ({}, {"history": 500}, "has both 500 bins of history and a finite velocity"),
        ({"behaviour_velocity": np.full((2250, 2), np.nan)}, {}, "at least two finite observations"),
        ({"behaviour_velocity": np.zeros((10, 2))}, {}, "behaviour_velocity must be numbers, one row for each of 2250"),
        ({"time": None}, {}, "beside behaviour_heading give time as well"),
        ({"choice": np.zeros(900)}, {}, "has no trial_start, so choice belong to no trial"),
        ({"counts": np.full((900, 10), -1)}, {}, "counts holds -1"),
        ({"bin_width": 0.07}, {}, "bin_width 0.1 s is no whole number of the published bins of 0.07 s"),
        ({"behaviour_velocity": np.ones((2250, 2))}, {}, "never changes, so there is nothing to decode"),
    ],
)
def test_what_can_not_be_decoded_is_said_in_a_sentence(tmp_path, changed, fields, sentence):
    answer = ask(place_of(tmp_path, changed, **fields), "run", RIDGE, *ONE)
    assert answer.code == 1
    assert sentence in answer.err


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("bin_width: 0.1", "bin_width: 0", ":9: task.bin_width: Input should be greater than 0"),
        ("history: 3", "history: 0", ":10: task.history: Input should be greater than or equal to 1"),
        ("history: 3", "histroy: 3", ":10: task.histroy: there is no field of this name"),
        ("targets: [velocity]", "targets: []", ":7: task.targets: "),
        ("[blocked]", "[stratified]", "task: the scheme stratified needs trials"),
    ],
)
def test_a_task_that_is_wrong_is_named_by_file_line_and_field(tmp_path, old, new, sentence):
    place = place_of(tmp_path)
    path = place.root / "catalog" / "own.yaml"
    path.write_text(path.read_text().replace(old, new))
    answer = ask(place, "sessions")
    assert answer.code == 2
    assert f"{path}" in answer.err
    assert sentence in answer.err


@pytest.mark.slow
def test_networks_for_regression_show_their_learning_curves_from_a_child_process(decoded):
    place = decoded
    small = [f"--set=decoder/mlp_regressor.{setting}" for setting in ("n_epochs=4", "n_seeds=1", "width=8")]
    assert counts(get(place, "run", "decoder/mlp_regressor", *ONE, *small)) == (3, 1, 0)
    shown = show(place, "decoder/mlp_regressor", *ONE, *small)
    curves = pd.read_parquet(Path(shown["path"], "extras", "learning_curves.parquet"))
    fits = set(zip(curves["scheme"], curves["fold"], strict=True))
    assert fits == {("all samples", 0), *(("blocked", fold) for fold in range(3))}
    assert Path(shown["plot.learning_curves"]).is_file()
    assert list((place.root / "artifacts" / ".progress").iterdir()) == []
