"""What the commands show: help, lists, one artifact, the leaderboard, comparisons and the report."""

from pathlib import Path

import click
import pytest

from assets.cli import neuropipe
from neuropipe import decoders
from tests.cli.command import ask, counts, get, show
from tests.cli.conftest import RATE

COMMANDS = neuropipe.list_commands(click.Context(neuropipe))
ONE, TWO = ("--session", "quick.one"), ("--session", "quick.two")
FOR_CHOICES = [
    name
    for name, plugin in decoders.available().items()
    if plugin.facts["task"] == "classification" and not plugin.facts.get("slow")
]
NAIVE = "evaluation/decoder/naive_bayes"


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_explains_itself(made, command):
    answer = ask(made, *filter(None, [command]), "--help")
    assert answer.code == 0
    assert answer.out.startswith("Usage: neuropipe")
    if not command:
        assert set(COMMANDS) >= {
            *("run", "plan", "sessions", "datasets", "add", "show", "leaderboard", "report", "gc", "ui"),
        }
        assert not any(line.endswith("...") for line in answer.out.splitlines()[1:]), (
            "a command's first sentence does not fit 80 columns"
        )


@pytest.mark.parametrize(
    "command", [("sessions",), ("datasets",), ("leaderboard",), ("plan",), ("gc", "--dry-run"), ("show", RATE, *ONE)]
)
def test_tables_fit_80_columns(made, command):
    answer = ask(made, *command)
    assert answer.code == 0
    wide = [line for line in answer.out.splitlines() if len(line) > 80]
    assert not [line for line in wide if str(made.root) not in line and len(line.split()) > 2], "but paths and hashes"


def test_sessions_say_how_far_each_has_come(made):
    n_assets = 3 + 2 * len(FOR_CHOICES)
    rows = {row["session"]: row for row in get(made, "sessions")}
    assert rows["quick.one"] == {
        "session": "quick.one",
        "modality": "spikes",
        "task": "choice",
        "files": "simulated",
        "done": f"5/{n_assets}",
        "note": "",
    }
    assert rows["quick.two"]["done"] == f"0/{n_assets}"
    assert "quick.two" in ask(made, "sessions").out


def test_datasets_show_the_map_of_the_field(made):
    (row,) = get(made, "datasets")
    assert (row["dataset"], row["sessions"], row["licence"]) == ("quick", 2, "CC0-1.0")
    shown = ask(made, "datasets").out
    for word in ("supported", "not yet", "DANDI", "fMRI", "calcium imaging"):
        assert word in shown


def test_show_lists_what_an_artifact_is_and_was_made_from(made):
    rows = get(made, "show", "binned", *ONE)
    assert {tuple(row) for row in rows} == {("session", "field", "value")}
    shown = show(made, "binned", *ONE)
    assert shown["state"] == "hit"
    assert Path(shown["path"], "_manifest.json").is_file()
    assert shown["config.window"] == [0.2, 0.5]
    assert shown["check.sums"] == shown["check.layout"] == "passed"
    assert shown["input.recording"] == show(made, "recording", *ONE)["data_version"]
    assert (shown["trials"], shown["bins"], shown["units"]) == (60, 6, 12)
    assert Path(shown["plot.raster_and_psth"]).suffix == ".png"
    (missing,) = get(made, "show", "binned", *TWO)
    assert missing == {"session": "quick.two", "field": "state", "value": "run: activity will run"}


def test_an_artifact_names_no_session(made):
    """It is shared by all sessions of equal ingredients: only pointers know sessions."""
    for file in (made.root / "artifacts" / "artifacts").rglob("*"):
        if file.is_file():
            assert b"quick" not in file.read_bytes(), file


def test_the_leaderboard_ranks_what_is_there_and_lists_what_is_missing(made):
    first, *others = get(made, "leaderboard", *ONE)
    assert {"session", "scheme", "rank", "model", "family", "variant", "state", "accuracy", "log_loss"} <= set(first)
    assert (first["session"], first["scheme"], first["model"], first["state"]) == (
        *("quick.one", "blocked", "rate_logistic", "current"),
    )
    assert (first["rank"], first["n"], first["family"]) == (1, 60, "classification")
    assert 0 < first["ci_low"] < first["accuracy"] < first["ci_high"] < 1
    assert [(row["model"], row["state"], row["accuracy"]) for row in others] == [
        (name, "missing", None) for name in FOR_CHOICES if name != "rate_logistic"
    ]
    assert others[0]["note"] == f"neuropipe run evaluation/decoder/{others[0]['model']} --session quick.one"
    assert get(made, "leaderboard", *TWO) == []
    shown = ask(made, "leaderboard").said
    assert "rate_logistic" in shown
    assert "not evaluated yet (neuropipe run --session quick.one): knn, lda, logistic_regression" in shown
    assert "over:" not in shown, "nothing is compared"


def test_decoders_are_compared_across_the_sessions_of_a_data_set(done):
    answer = ask(done, "leaderboard", "--across", "--rival", "rate_logistic")
    assert answer.code == 2
    assert "no data set has current evaluations of rate_logistic in several sessions" in answer.err
    get(done, "run", RATE, NAIVE, *ONE, *TWO)
    rows = get(done, "leaderboard", "--across", "--rival", "rate_logistic")
    (bayes,) = (row for row in rows if row["model"] == "naive_bayes")
    assert (bayes["dataset"], bayes["scheme"], bayes["n_sessions"]) == ("quick", "blocked", 2)
    metric = bayes["metric"]
    scores = {(row["session"], row["model"]): row[metric] for row in get(done, "leaderboard")}
    gains = [scores[f"quick.{s}", "naive_bayes"] - scores[f"quick.{s}", "rate_logistic"] for s in ("one", "two")]
    assert bayes["median_difference"] == pytest.approx(sum(gains) / 2)
    assert bayes["p_holm"] == bayes["p_value"]
    assert "Wilcoxon" in ask(done, "leaderboard", "--across", "--rival", "rate_logistic").out


def test_the_report_is_one_page_and_its_path_is_printed(done):
    answer = ask(done, "report")
    assert answer.code == 0, answer.err
    place = Path(answer.out.strip())
    assert place == done.root / "artifacts" / "report.html", "a stable path"
    page = place.read_text()
    assert "quick.one" in page
    assert page.count("data:image/png;base64,") >= 3
    assert 'src="http' not in page


def test_a_damaged_evaluation_is_listed_not_read(done):
    (scores,) = (done.root / "artifacts" / "artifacts" / "evaluation").rglob("scores.parquet")
    body = bytearray(scores.read_bytes())
    body[4:40] = bytes(36)
    scores.write_bytes(body)
    row = next(row for row in get(done, "leaderboard") if row["model"] == "rate_logistic")
    assert row["state"] == "missing"
    assert row["note"] == f"it was damaged: neuropipe run {RATE} --session quick.one"
    assert counts(get(done, "run", RATE, *ONE)) == (4, 1, 0)
