"""run and plan: what is reused, what is made, variants, damage, and stores that several data sets or clones share."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from neuropipe.decoders.naive_bayes import NaiveBayesDecoder
from tests.cli.command import artifacts, ask, counts, get, show
from tests.cli.conftest import RATE
from tests.cli.recordings import save
from tests.installation import make_place

ONE, TWO = ("--session", "quick.one"), ("--session", "quick.two")


def test_run_json_is_four_numbers(made):
    summary = get(made, "run", RATE, *ONE)
    assert list(summary) == ["hit", "run", "failed", "seconds"]
    assert counts(summary) == (5, 0, 0)
    assert 0 < summary["seconds"] < 60


def test_plan_and_dry_run_say_the_same_and_run_nothing(made):
    before = artifacts(made)
    rows = get(made, "plan", RATE, "folds", *TWO)
    assert rows == get(made, "run", RATE, "folds", *TWO, "--dry-run")
    assert rows == [
        {"asset": "folds", "session": "quick.two", "state": "run", "reason": "binned will run"},
        {"asset": RATE, "session": "quick.two", "state": "run", "reason": "decoder/rate_logistic will run"},
    ]
    assert ask(made, "plan", RATE, *ONE).out.endswith("1 hit, 0 to run, 0 not applicable\n")
    assert artifacts(made) == before


def test_an_asset_that_was_named_and_does_not_apply_is_not_passed_over_in_silence(made):
    answer = ask(made, "run", "decoder/kalman", *ONE, *TWO)
    assert answer.code == 0
    assert answer.err == (
        "decoder/kalman does not apply to quick.one and 1 more: its task is classification of choice, and this is for "
        "regression\n"
    )
    assert ask(made, "run", "decoder/kal*", *ONE).err == "", "a glob takes what applies"


def test_the_plan_fits_80_columns_and_groups_what_does_not_apply(made):
    shown = ask(made, "plan", *ONE).out
    assert max(map(len, shown.splitlines())) <= 80
    assert "n/a    fluorescence: its modality is spikes, and this is for movies\n" in shown
    assert re.search(r"\nrun +decoder/knn +never made\n", shown), "a short reason stands beside its asset"
    assert re.search(r"\nhit +activity +points at recording\n", shown)
    assert shown.count("its task is classification of choice") == 1


def test_assets_of_all_sessions_need_no_session(place):
    assert counts(get(place, "run", "leaderboard", "report")) == (0, 2, 0)


def test_settings_keep_their_types_and_make_variants_in_the_leaderboard(done):
    strengths = ("--set", "decoder/rate_logistic.strengths=[0.5, 2]")
    assert counts(get(done, "run", RATE, *ONE, *strengths, "--set", f"{RATE}.n_shifts=100")) == (3, 2, 0)
    assert show(done, "decoder/rate_logistic", *ONE, *strengths)["config.strengths"] == [0.5, 2.0]
    named = f"decoder/rate_logistic.strengths=[0.5,2],{RATE}.n_shifts=100"
    variants = {row["variant"]: row for row in get(done, "leaderboard") if row["model"] == "rate_logistic"}
    assert set(variants) == {"", named}
    assert {row["state"] for row in variants.values()} == {"current"}
    assert counts(get(done, "run", RATE, *ONE)) == (5, 0, 0), "the default stayed"
    default = show(done, "decoder/rate_logistic", *ONE)["path"]
    assert (done.root / "artifacts/sessions/quick.one/decoder/rate_logistic/LATEST").read_text() == Path(default).name


def test_a_variant_of_a_setting_that_is_gone_is_stale_and_then_garbage(done):
    get(done, "run", RATE, *ONE, "--set", f"{RATE}.n_shifts=50")
    notes = done.root / "artifacts" / "sessions" / "quick.one" / RATE / "variants"
    (note,) = notes.iterdir()
    note.write_text(note.read_text().replace('"n_shifts": 50', '"gone": 50'))
    states = {row["variant"]: row["state"] for row in get(done, "leaderboard") if row["model"] == "rate_logistic"}
    assert states == {"": "current", f"{RATE}.n_shifts=50": "stale"}
    kinds = {row["kind"] for row in get(done, "gc")} - {"lock"}
    assert kinds == {"artifact", "pointer"}


def test_refresh_makes_the_selected_assets_again(done):
    assert counts(get(done, "run", "folds", *ONE, "--refresh")) == (2, 1, 0)
    assert [row["kind"] for row in get(done, "gc") if row["kind"] != "lock"] == [], "another installation used it"
    kinds = [row["kind"] for row in get(done, "gc", "--grace", "0") if row["kind"] != "lock"]
    assert kinds == ["artifact"], "the attempt that was replaced"


# -- damage ------------------------------------------------------------------------------------------------------------


def cut(place, asset: str, pattern: str) -> Path:
    """Leave 4 bytes of a file of an artifact that a plan takes for a hit; its directory."""
    folder = Path(show(place, asset, *ONE)["path"])
    file = next(path for path in (folder / "data").glob(pattern) if path.is_file())
    file.write_bytes(file.read_bytes()[:4])
    return folder


def test_planned_hits_that_were_cut_to_4_bytes_are_made_again_by_the_same_run(done):
    files = {"folds": "*.parquet", RATE: "*.parquet", "binned": "arrays.zarr/activity/c/**/*"}
    folders = [cut(done, asset, pattern) for asset, pattern in files.items()]
    versions = [json.loads((folder / "_manifest.json").read_text())["data_version"] for folder in folders]
    assert counts(get(done, "run", RATE, *ONE)) == (2, 3, 0)
    again = [show(done, asset, *ONE) for asset in files]
    assert [facts["data_version"] for facts in again] == versions
    assert len(list((done.root / "artifacts" / ".quarantine").iterdir())) == 3
    assert counts(get(done, "run", RATE, *ONE)) == (5, 0, 0)


def test_show_says_that_an_artifact_was_damaged_and_how_to_make_it_again(done):
    folder = cut(done, "binned", "trials.parquet")
    (row,) = get(done, "show", "binned", *ONE)
    assert row == {
        "session": "quick.one",
        "field": "state",
        "value": "run: the artifact was damaged and is set aside now; `neuropipe run binned --session quick.one` makes "
        "it again",
    }
    assert not folder.exists()
    (row,) = get(done, "plan", "binned", *ONE)
    assert (row["state"], row["reason"]) == ("run", "its artifact is gone")
    assert counts(get(done, "run", "binned", *ONE)) == (1, 1, 0)


# -- what is shared ----------------------------------------------------------------------------------------------------

SAME = """\
title: {title}
citation: none
licence: CC0-1.0
modality: spikes
reader: npz
task: {{label: choice, align: start, window: [0, 1], bin_width: {bin_width}, folds: {{n_folds: {n_folds}}}}}
sessions:
  {session}: {{files: {{recording.npz: {{path: {path}}}}}}}
"""


def test_data_sets_of_the_same_files_share_every_artifact_up_to_where_they_differ(tmp_path):
    path = save(tmp_path / "recording.npz")
    alike = {"session": "first", "bin_width": 0.1, "n_folds": 3, "path": path}
    other = {**alike, "session": "second"}
    place = make_place(
        tmp_path / "place",
        one=SAME.format(title="One", **alike),
        two=SAME.format(title="Two, the same", **other),
        folded=SAME.format(title="Other folds", **{**other, "n_folds": 4}),
        coarse=SAME.format(title="Other bins", **{**other, "bin_width": 0.2}),
    )
    assert counts(get(place, "run", RATE, "--session", "one.first")) == (0, 5, 0)
    assert counts(get(place, "run", RATE, "--session", "two.second")) == (5, 0, 0)
    assert counts(get(place, "run", RATE, "--session", "folded.second")) == (2, 3, 0)
    assert counts(get(place, "run", "folds", "--session", "coarse.second")) == (1, 2, 0)
    paths = {
        asset: {key: show(place, asset, "--session", key).get("path") for key in ("one.first", "two.second")}
        for asset in ("recording", "activity", "binned", "folds", "decoder/rate_logistic", RATE)
    }
    assert all(len(set(of_asset.values())) == 1 for of_asset in paths.values()), paths
    assert paths["activity"] == paths["recording"], "it points at its source"
    rows = {row["session"]: row for row in get(place, "leaderboard") if row["state"] == "current"}
    assert set(rows) == {"one.first", "two.second", "folded.second"}
    assert [row for row in get(place, "gc") if row["kind"] != "lock"] == []


def test_two_stores_do_not_know_of_each_other(made, tmp_path):
    other = tmp_path / "another store"
    rows = get(made, "plan", "recording", *ONE, NEUROPIPE_STORE=str(other))
    assert [(row["state"], row["reason"]) for row in rows] == [("run", "never made")]
    assert {path.name for path in other.glob("*")} <= {".cache"}


@pytest.mark.slow
def test_the_command_runs_anywhere_without_a_home_and_in_a_new_dagster_home(made, tmp_path):
    (tmp_path / "resources").mkdir()  # must not shadow the project's own package
    environment = {name: value for name, value in made.environment.items() if name != "HOME"}
    environment["DAGSTER_HOME"] = "relative/to/here"
    done = subprocess.run(
        [sys.executable, "-m", "neuropipe", "run", RATE, *ONE, "--json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert counts(json.loads(done.stdout)) == (5, 0, 0)
    assert (tmp_path / "relative" / "to" / "here" / "dagster.yaml").is_file(), "no telemetry, no greeting"


def test_work_that_fails_is_listed_and_hides_nobody(done, monkeypatch):
    def diverge(*_, **__):
        raise FloatingPointError("the weights are no longer finite")

    with monkeypatch.context() as patch:
        patch.setattr(NaiveBayesDecoder, "fit", diverge)
        answer = ask(done, "run", RATE, "evaluation/decoder/naive_bayes", *ONE, "--json")
    assert answer.code == 1
    assert counts(answer.rows) == (5, 0, 2), "the decoder, and the evaluation that needs it"
    assert answer.err == (
        "neuropipe: decoder/naive_bayes of quick.one: FloatingPointError: the weights are no longer finite\n"
    )
    rows = {row["model"]: row for row in get(done, "leaderboard", *ONE)}
    assert (rows["rate_logistic"]["rank"], rows["rate_logistic"]["state"]) == (1, "current")
    assert rows["naive_bayes"]["state"] == "failed"
    assert rows["naive_bayes"]["note"] == "FloatingPointError: the weights are no longer finite"
    assert "failed: FloatingPointError" in ask(done, "leaderboard").out
    assert counts(get(done, "run", "evaluation/decoder/naive_bayes", *ONE)) == (3, 2, 0)
