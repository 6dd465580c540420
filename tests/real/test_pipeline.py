"""A real session through the command: from the published file to the leaderboard."""

import os
from pathlib import Path

import pandas as pd
import pytest

from tests.installation import ROOT, Place, make_place

KEY = "steinmetz-choice.cori-2016-12-18"
SESSION = ("--session", KEY)
EVALUATIONS = ("evaluation/decoder/rate_logistic", "evaluation/decoder/naive_bayes")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.mirror,
    pytest.mark.skipif(
        "NEUROPIPE_MIRROR" not in os.environ, reason="the real recordings are not here: set NEUROPIPE_MIRROR"
    ),
]


@pytest.fixture(scope="module")
def decoded(tmp_path_factory) -> Place:
    """The session downloaded, binned, split and decoded by two decoders at their defaults."""
    catalogue = (ROOT / "data" / "catalog" / "steinmetz-choice.yaml").read_text()
    place = make_place(tmp_path_factory.mktemp("real"), **{"steinmetz-choice": catalogue})
    summary = place.json("run", *EVALUATIONS, *SESSION)
    assert (summary["hit"], summary["run"], summary["failed"]) == (0, 7, 0)
    return place


def shown(place: Place, asset: str) -> dict:
    return {row["field"]: row["value"] for row in place.json("show", asset, *SESSION)}


def test_what_was_read_and_binned_is_the_published_session(decoded):
    binned = shown(decoded, "binned")
    assert (binned["trials"], binned["bins"], binned["units"], binned["silent_units"]) == (228, 50, 1089, 19)
    assert (binned["spikes"], binned["classes"]) == (1_082_629, {"-1": 94, "0": 77, "1": 57})


def test_scores_reach_their_floors_and_leaderboard_and_evaluations_agree(decoded):
    rows = [row for row in decoded.json("leaderboard", *SESSION) if row["state"] == "current"]
    rolled = {row["model"]: row for row in rows if row["scheme"] == "rolled"}
    assert rolled["naive_bayes"]["accuracy"] >= 0.82
    assert rolled["rate_logistic"]["accuracy"] >= 0.74
    assert rolled["naive_bayes"]["n"] == 225, "five blocks of 45 trials"
    assert rolled["naive_bayes"]["metric"] == "accuracy", "the classes are balanced well enough"
    assert rolled["naive_bayes"]["reference"] == "rate_logistic"
    assert rolled["naive_bayes"]["over"] == pytest.approx(
        rolled["naive_bayes"]["accuracy"] - rolled["rate_logistic"]["accuracy"]
    )
    for model in ("rate_logistic", "naive_bayes"):
        of_model = {row["scheme"]: row for row in rows if row["model"] == model}
        assert set(of_model) == {"rolled", "blocked", "shuffled"}
        folder = Path(shown(decoded, f"evaluation/decoder/{model}")["path"])
        scores = pd.read_parquet(folder / "data" / "scores.parquet").set_index(["scheme", "metric"])
        for scheme, row in of_model.items():
            accuracy = scores.loc[scheme, "accuracy"]
            assert (row["accuracy"], row["ci_low"], row["ci_high"]) == tuple(accuracy[["value", "ci_low", "ci_high"]])
            assert row["majority"] == scores.loc[(scheme, "accuracy_majority"), "value"]
            assert row["log_loss"] == scores.loc[(scheme, "log_loss"), "value"]
            assert row["ci_low"] < row["accuracy"] < row["ci_high"]
        assert of_model["rolled"]["p_value"] < 0.01
        assert of_model["rolled"]["majority"] <= 94 / 228, (
            "the majority of training trials can do no better than of all"
        )
        assert of_model["shuffled"]["p_value"] is None, "nothing honest can be said of it"


def test_every_check_passed_and_a_second_run_is_all_hits(decoded):
    for asset in ("binned", "folds", "decoder/naive_bayes", "evaluation/decoder/naive_bayes"):
        checks = {name: value for name, value in shown(decoded, asset).items() if name.startswith("check.")}
        assert checks
        assert set(checks.values()) == {"passed"}
    summary = decoded.json("run", *EVALUATIONS, *SESSION)
    assert (summary["hit"], summary["run"], summary["failed"]) == (7, 0, 0)
