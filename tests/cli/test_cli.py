"""Every command: what it prints, in tables and JSON, its exit codes, and what it leaves alone."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from assets.cli import neuropipe
from neuropipe import calcium, decoders
from tests.cli.command import ask, counts, get
from tests.cli.recordings import ADD, save
from tests.installation import QUICK, Place, copy_project, make_place

COMMANDS = neuropipe.list_commands(click.Context(neuropipe))
ONE, TWO = ("--session", "quick.one"), ("--session", "quick.two")
DECONVOLVERS = [name for name, plugin in calcium.available().items() if not plugin.facts.get("needs_training")]
OF_IMAGING = {"fluorescence"} | {
    f"{stage}/{method}" for stage in ("events", "deconvolution_scores") for method in DECONVOLVERS
}
RATE = "evaluation/decoder/rate_logistic"
FOR_CHOICES = [
    name
    for name, plugin in decoders.available().items()
    if plugin.facts["task"] == "classification" and not plugin.facts.get("slow")
]
UP_TO_RATE = ["recording", "fluorescence", "events/oasis", "activity", "binned", "folds", "decoder/rate_logistic", RATE]
NEVER_LEARNS = '''
import numpy as np

from neuropipe.decoders.base import CountsDecoder
from neuropipe.registry import decoder


@decoder("diverging", task="classification", input="counts")
class Diverging(CountsDecoder):
    """Raises."""

    def _learn(self, counts, labels):
        raise FloatingPointError("the weights are no longer finite")

    def _probabilities(self, counts):
        return np.zeros((len(counts), 2))

    def _write(self, folder):
        return None

    def _read(self, folder, learned):
        return None
'''


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Place:
    """Two sessions, one of them evaluated by rates."""
    place = make_place(tmp_path_factory.mktemp("installation with spaces"), quick=QUICK)
    assert counts(get(place, "run", RATE, *ONE)) == (1, 5, 0)
    return place


@pytest.fixture
def place(tmp_path) -> Place:
    return make_place(tmp_path, quick=QUICK)


@pytest.fixture
def done(made, tmp_path) -> Place:
    """A copy of `made`, to be changed; without the tables that other tests may have made there."""
    tables = shutil.ignore_patterns("leaderboard", "report")
    return Place(Path(shutil.copytree(made.root, tmp_path / "copy", ignore=tables)))


def store_of(place: Place) -> list[str]:
    return sorted(str(path) for path in (place.root / "artifacts").rglob("*"))


# -- help, lists -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_explains_itself(place, command):
    answer = ask(place, *filter(None, [command]), "--help")
    assert answer.code == 0
    assert answer.out.startswith("Usage: neuropipe")
    if not command:
        assert set(COMMANDS) == {
            *("run", "plan", "sessions", "datasets", "add", "show", "leaderboard", "report", "gc", "ui"),
        }
        assert not any(line.endswith("...") for line in answer.out.splitlines()[1:]), (
            "a command's first sentence does not fit 80 columns"
        )


def test_sessions_say_how_far_each_has_come(made):
    assert get(made, "sessions") == [
        {
            "session": "quick.one",
            "modality": "spikes",
            "task": "choice",
            "files": "simulated",
            "done": f"5/{3 + 2 * len(FOR_CHOICES)}",
            "note": "",
        },
        {
            "session": "quick.two",
            "modality": "spikes",
            "task": "choice",
            "files": "simulated",
            "done": f"0/{3 + 2 * len(FOR_CHOICES)}",
            "note": "",
        },
    ]
    assert "quick.two" in ask(made, "sessions").out


def test_datasets_show_the_map_of_the_field(made):
    (row,) = get(made, "datasets")
    assert (row["dataset"], row["sessions"], row["licence"]) == ("quick", 2, "CC0-1.0")
    shown = ask(made, "datasets").out
    for word in ("supported", "not yet", "DANDI", "fMRI", "calcium imaging"):
        assert word in shown


# -- run and plan ------------------------------------------------------------------------------------------------------


def test_run_json_is_four_numbers(made):
    summary = get(made, "run", RATE, *ONE)
    assert list(summary) == ["hit", "run", "failed", "seconds"]
    assert counts(summary) == (5, 0, 0)
    assert 0 < summary["seconds"] < 60


def test_plan_and_dry_run_say_the_same_and_run_nothing(made):
    before = store_of(made)
    rows = get(made, "plan", RATE, "folds", *TWO)
    assert rows == get(made, "run", RATE, "folds", *TWO, "--dry-run")
    assert rows == [
        {"asset": "folds", "session": "quick.two", "state": "run", "reason": "binned will run"},
        {"asset": RATE, "session": "quick.two", "state": "run", "reason": "decoder/rate_logistic will run"},
    ]
    assert ask(made, "plan", RATE, *ONE).out.endswith("1 hit, 0 to run, 0 not applicable\n")
    assert store_of(made) == before


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (["decoder/*"], [f"{stage}/{name}" for stage in ("decoder", "evaluation") for name in decoders.available()]),
        (["decoder/rate*"], ["decoder/rate_logistic", RATE]),
        (["decoder/rate_logistic"], ["decoder/rate_logistic"]),
        (["folds", "binned"], ["binned", "folds"]),
        (["+folds"], ["recording", "binned", "folds"]),
        (['+key:"evaluation/decoder/rate_logistic"'], UP_TO_RATE),
        (["group:folds"], ["folds"]),
        (['key:"decoder/x*"'], ["decoder/xgboost"]),
        (['key:"folds" or group:binning'], ["binned", "folds"]),
    ],
)
def test_selections_are_names_globs_and_dagsters_syntax(made, selection, expected):
    answer = ask(made, "plan", *selection, *ONE, "--json")
    assert [row["asset"] for row in answer.rows] == expected
    assert answer.err == ""


def test_sessions_are_given_several_times_or_as_a_glob(made):
    several, globbed = get(made, "plan", "binned", *ONE, *TWO), get(made, "plan", "binned", "-s", "q*.*")
    assert several == globbed == get(made, "plan", "binned")
    assert [(row["session"], row["state"]) for row in several] == [("quick.one", "hit"), ("quick.two", "run")]


def test_assets_of_all_sessions_need_no_session(place):
    assert counts(get(place, "run", "leaderboard", "report")) == (0, 2, 0)


def test_settings_keep_their_types_and_make_variants_in_the_leaderboard(done):
    chosen = ("--set", "decoder/rate_logistic.strengths=[0.5, 2]", "--set", f"{RATE}.n_shifts=100")
    assert counts(get(done, "run", RATE, *ONE, *chosen)) == (4, 2, 0)
    shown = {row["field"]: row["value"] for row in get(done, "show", "decoder/rate_logistic", *ONE, *chosen)}
    assert shown["config.strengths"] == [0.5, 2.0]
    named = "decoder/rate_logistic.strengths=[0.5,2],evaluation/decoder/rate_logistic.n_shifts=100"
    variants = {row["variant"]: row for row in get(done, "leaderboard") if row["model"] == "rate_logistic"}
    assert set(variants) == {"", named}
    assert {row["state"] for row in variants.values()} == {"current"}
    before = store_of(done)
    assert get(done, "gc") == [], "a variant that is current is kept"
    removed = get(done, "gc", "--variants", "--dry-run")
    assert [row["kind"] for row in removed] == ["variant", "variant"]
    assert store_of(done) == before, "said, not done"
    assert get(done, "gc", "--variants") == removed
    assert {row["variant"] for row in get(done, "leaderboard")} == {""}
    assert counts(get(done, "run", RATE, *ONE)) == (5, 0, 0), "the default stayed"


def test_refresh_makes_the_selected_assets_again(done):
    assert counts(get(done, "run", "folds", *ONE, "--refresh")) == (2, 1, 0)
    kinds = [row["kind"] for row in get(done, "gc")]
    assert kinds == ["artifact"], "the attempt that was replaced"


# -- show, leaderboard, report -----------------------------------------------------------------------------------------


def test_show_lists_what_an_artifact_is_and_was_made_from(made):
    rows = get(made, "show", "binned", *ONE)
    assert {tuple(row) for row in rows} == {("session", "field", "value")}
    shown = {row["field"]: row["value"] for row in rows}
    assert shown["state"] == "hit"
    assert Path(shown["path"], "_manifest.json").is_file()
    assert shown["config.window"] == [0.2, 0.5]
    assert shown["check.counts_equal_spikes"] == shown["check.counts_finite"] == "passed"
    assert (shown["trials"], shown["bins"], shown["units"]) == (60, 6, 12)
    assert Path(shown["figure.raster_and_psth"]).suffix == ".png"
    (missing,) = get(made, "show", "binned", *TWO)
    assert missing == {"session": "quick.two", "field": "state", "value": "run: recording will run"}


def test_the_leaderboard_ranks_what_is_there_and_lists_what_is_missing(made):
    rows = get(made, "leaderboard", *ONE)
    columns = ["session", "scheme", "rank", "model", "family", "variant", "state", "metric", "score", "ci_low"]
    assert [list(row)[: len(columns)] for row in rows] == [columns] * len(FOR_CHOICES)
    first = rows[0]
    assert (first["session"], first["scheme"], first["model"], first["state"]) == (
        *("quick.one", "blocked", "rate_logistic", "current"),
    )
    assert (first["rank"], first["n"]) == (1, 60)
    assert 0 < first["ci_low"] < first["accuracy"] < first["ci_high"] < 1
    assert [(row["model"], row["state"], row["accuracy"]) for row in rows[1:]] == [
        (name, "missing", None) for name in FOR_CHOICES if name != "rate_logistic"
    ]
    assert rows[1]["note"] == f"neuropipe run evaluation/decoder/{rows[1]['model']} --session quick.one"
    assert get(made, "leaderboard", *TWO) == []
    assert "rate_logistic" in ask(made, "leaderboard").out


def test_decoders_are_compared_across_the_sessions_of_a_data_set(done):
    answer = ask(done, "leaderboard", "--across", "--rival", "rate_logistic")
    assert answer.code == 2
    assert "no data set has current evaluations of rate_logistic in several sessions" in answer.err
    get(done, "run", RATE, "evaluation/decoder/naive_bayes", *ONE, *TWO)
    rows = get(done, "leaderboard", "--across", "--rival", "rate_logistic")
    (bayes,) = (row for row in rows if row["model"] == "naive_bayes")
    assert (bayes["dataset"], bayes["scheme"], bayes["metric"], bayes["n_sessions"]) == (
        *("quick", "blocked", "accuracy", 2),
    )
    accuracies = {(row["session"], row["model"]): row["accuracy"] for row in get(done, "leaderboard")}
    gains = [
        accuracies[f"quick.{s}", "naive_bayes"] - accuracies[f"quick.{s}", "rate_logistic"] for s in ("one", "two")
    ]
    assert bayes["median_difference"] == pytest.approx(sum(gains) / 2)
    assert bayes["p_holm"] == bayes["p_value"]
    assert "Wilcoxon" in ask(done, "leaderboard", "--across", "--rival", "rate_logistic").out


def test_the_report_is_one_page_and_its_path_is_printed(made):
    answer = ask(made, "report")
    assert answer.code == 0, answer.err
    page = Path(answer.out.strip()).read_text()
    assert "quick.one" in page
    assert page.count("data:image/png;base64,") == 3
    assert 'src="http' not in page


def test_a_damaged_evaluation_is_listed_not_read(done):
    (scores,) = (done.root / "artifacts" / "evaluation").rglob("scores.parquet")
    body = bytearray(scores.read_bytes())
    body[4:40] = bytes(36)
    scores.write_bytes(body)
    row = next(row for row in get(done, "leaderboard") if row["model"] == "rate_logistic")
    assert row["state"] == "missing"
    assert row["note"] == "it was damaged: neuropipe run evaluation/decoder/rate_logistic --session quick.one"
    assert counts(get(done, "run", RATE, *ONE)) == (4, 1, 0)


@pytest.mark.slow
def test_a_decoder_that_raises_is_listed_as_failed_and_hides_nobody(tmp_path):
    place = make_place(tmp_path, copy_project(tmp_path / "code"), quick=QUICK)
    (place.code / "neuropipe" / "decoders" / "diverging.py").write_text(NEVER_LEARNS)
    done = place.neuropipe("run", RATE, "evaluation/decoder/diverging", *ONE, "--json")
    assert done.returncode == 1
    assert counts(json.loads(done.stdout)) == (1, 5, 2), "the decoder, and the evaluation that needs it"
    assert done.stderr == (
        "neuropipe: decoder/diverging of quick.one: FloatingPointError: the weights are no longer finite\n"
    )
    rows = {row["model"]: row for row in place.json("leaderboard", *ONE)}
    assert (rows["rate_logistic"]["rank"], rows["rate_logistic"]["state"]) == (1, "current")
    assert rows["diverging"]["state"] == "failed"
    assert rows["diverging"]["note"] == "FloatingPointError: the weights are no longer finite"
    assert "failed: FloatingPointError" in place.neuropipe("leaderboard").stdout
    (place.code / "neuropipe" / "decoders" / "diverging.py").unlink()
    assert {row["model"] for row in place.json("leaderboard", *ONE)} == set(rows) - {"diverging"}


def test_a_variant_of_a_setting_that_is_gone_is_stale_and_then_garbage(done):
    get(done, "run", RATE, *ONE, "--set", "evaluation/decoder/rate_logistic.n_shifts=50")
    for path in (done.root / "artifacts" / "evaluation").rglob("_manifest.json"):
        path.write_text(path.read_text().replace(f'"overrides": {{"{RATE}"', '"overrides": {"gone"'))
    states = {row["variant"]: row["state"] for row in get(done, "leaderboard") if row["model"] == "rate_logistic"}
    assert states == {"": "current", "evaluation/decoder/rate_logistic.n_shifts=50": "stale"}
    assert [row["kind"] for row in get(done, "gc")] == ["variant"]


# -- add and gc --------------------------------------------------------------------------------------------------------


def test_a_recording_of_ones_own_is_used_in_place_and_run_again_when_it_changes(place):
    path = save(place.root / "Mouse 1.npz")
    os.utime(path, (1e9, 1e9))  # the hash of a file written this instant is not kept
    body = path.read_bytes()
    answer = ask(place, "add", str(path), *ADD)
    assert answer.out == "added mine.mouse-1; now: neuropipe run --session mine.mouse-1\n"
    again = ask(place, "add", str(path), *ADD)
    assert (again.code, again.err) == (
        *(2, "neuropipe: mine.mouse-1 is in the catalogue already; give another --name\n"),
    )
    other = ask(place, "add", str(path), *ADD, "--name", "other", "--bin-width", "0.2")
    assert (other.code, "already has another task" in other.err) == (2, True)
    session = ("--session", "mine.mouse-1")
    assert counts(get(place, "run", "decoder/rate_logistic", *session)) == (1, 4, 0)
    assert counts(get(place, "run", "decoder/rate_logistic", *session)) == (5, 0, 0)
    assert (place.root / "raw" / "local").is_dir()
    assert get(place, "gc", "--variants") == []
    assert path.read_bytes() == body
    save(path, seed=1)
    (row,) = get(place, "plan", "recording", *session)
    assert (row["state"], row["reason"]) == ("run", "changed: source.files.Mouse 1.npz")
    assert counts(get(place, "run", "decoder/rate_logistic", *session))[1:] == (4, 0)
    (place.root / "catalog" / "local.yaml").unlink()
    kinds = {row["kind"] for row in get(place, "gc")}
    assert kinds == {"artifact"}
    assert list((place.root / "artifacts").glob("*/mine.mouse-1/*/data")) == []
    assert path.is_file()


def test_the_default_event_is_the_start_of_the_trial(place):
    path = save(place.root / "a.npz")
    options = ("--label", "choice", "--window", "0", "1", "--bin-width", "0.1")
    assert ask(place, "add", str(path), *options).code == 0
    assert ask(place, "add", str(path), *options, "--align", "trial_start", "--name", "b").code == 0
    # Two names of one file share its artifacts; `activity`, which points at the recording, is never made.
    assert counts(get(place, "run", "binned", "--session", "mine.*")) == (4, 2, 0)


# -- surroundings ------------------------------------------------------------------------------------------------------


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


def test_two_stores_do_not_know_of_each_other(made, tmp_path):
    rows = get(made, "plan", "recording", *ONE, NEUROPIPE_STORE=str(tmp_path / "another store"))
    assert [(row["state"], row["reason"]) for row in rows] == [("run", "never made")]
    assert not (tmp_path / "another store").exists()


@pytest.mark.slow
def test_dagsters_own_command_does_the_same_work(tmp_path):
    """On a copy with the quickest decoder alone."""
    place = make_place(tmp_path, copy_project(tmp_path / "code"), quick=QUICK)
    for other in {plugin.module for plugin in decoders.available().values()} - {"neuropipe.decoders.rate_logistic"}:
        (place.code / other.replace(".", "/")).with_suffix(".py").unlink()
    select = ("--select", "*", "--partition", "quick.one")
    done = place.python("-m", "dagster", "asset", "materialize", "-m", "assets.definitions", *select)
    assert done.returncode == 0, done.stderr[-2000:]
    assert counts(place.json("run", *ONE)) == (7, 0, 0)
    states = {row["asset"]: row["state"] for row in place.json("plan", *ONE)}
    not_there = {asset: state for asset, state in states.items() if state != "hit"}
    assert set(not_there) == OF_IMAGING
    assert set(not_there.values()) == {"n/a"}
