"""Tables of the command line: 80 columns, whole headings and names, the same rows as JSON; progress in a log."""

import json
from types import SimpleNamespace

import click
import numpy as np
import pandas as pd
import pytest

from assets.cli import tables
from assets.cli.grid import lines, plain
from assets.cli.progress import Log, Terminal, duration
from neuropipe.errors import BadInput
from neuropipe.evaluation.across_sessions import compare
from neuropipe.evaluation.leaderboard import Evaluation, ranked
from tests.unit.score_families import evaluations, of_labels


def printed(capsys) -> list[str]:
    return capsys.readouterr().out.splitlines()


class TestGrid:
    def test_numbers_stand_to_the_right_and_text_to_the_left(self):
        rows = [{"model": "gru", "score": 0.5}, {"model": "xgboost", "score": np.float64(-0.25)}]
        assert lines(rows, 80) == ["\x1b[1mmodel     score\x1b[0m", "gru       0.500", "xgboost  -0.250"]

    def test_optional_columns_go_when_there_is_no_room_and_empty_ones_always(self):
        row = {"model": "m" * 60, "first": "1" * 10, "second": "2" * 10, "third": ""}
        wide = lines([row], 200, optional=("first", "second", "third"))
        assert "second" in wide[0]
        assert "third" not in wide[0]
        narrow = lines([row], 80, optional=("first", "second", "third"))
        assert "first" in narrow[0]
        assert "second" not in narrow[0]

    def test_a_long_text_wraps_in_its_column(self):
        reason = "the code of the decoder changed and its input was made again since then"
        made = [
            click.unstyle(line)
            for line in lines([{"state": "run", "asset": "folds", "reason": reason}], 60, wraps="reason")
        ]
        assert max(map(len, made[1:])) <= 60
        assert " ".join(line[12:].strip() for line in made[1:]).endswith(reason)

    def test_a_text_without_room_moves_below_and_names_stay_whole(self):
        asset = "evaluation/decoder/spatiotemporal_transformer"
        made = lines([{"state": "run", "asset": asset, "reason": "a reason that is too long to stand beside it"}], 80,
                     wraps="reason")  # fmt: skip
        assert "reason" not in made[0]
        assert asset in made[1]
        assert made[2] == "    a reason that is too long to stand beside it"

    def test_a_heading_is_never_narrower_than_itself(self):
        made = lines([{"a long heading": "x", "b": "y"}], 80)
        assert made[1] == "x               y"

    def test_json_knows_no_nan_and_no_infinity(self):
        assert [plain(value) for value in (np.nan, np.inf, np.int64(2), "x")] == [None, None, 2, "x"]


class TestLeaderboard:
    def shown(self, capsys, table: pd.DataFrame) -> str:
        tables.show_leaderboard(table, as_json=False)
        return capsys.readouterr().out

    def test_it_fits_80_columns_and_names_every_model_whole(self, capsys):
        variant = {"variant": "n_epochs=3,width=64", "scores": of_labels(0.65), "primary": "accuracy"}
        long = Evaluation("maze.one-2020-01-01", "classification", "spatiotemporal_transformer", **variant)
        text = self.shown(capsys, ranked([*evaluations(), long]))
        assert max(map(len, text.splitlines())) <= 80
        assert "spatiotemporal_transformer" in text
        heading = next(line for line in text.splitlines() if line.startswith("#"))
        assert {"#", "model", "interval", "p"} <= set(heading.split())

    def test_each_session_shows_its_own_primary_metric_and_baselines(self, capsys):
        text = self.shown(capsys, ranked(evaluations()))
        one, two = text.index("maze.one-2020-01-01, blocked folds"), text.index("maze.two-2020-01-02, blocked folds")
        assert "accuracy (fraction of trials); majority class 0.400, previous label 0.300" in text[one:two]
        assert "balanced (accuracy, mean over classes); majority class 0.330" in text[two:]
        assert "error (median, degrees), lower is better; training mean 80.0, persistence 40.0" in " ".join(
            text.split()
        )
        assert text.index("kalman") < text.index("ridge")

    def test_what_failed_is_missing_or_stale_is_said_below(self, capsys):
        text = self.shown(capsys, ranked(evaluations()))
        assert "gru  failed: loss became NaN in <fold 2>" in text
        assert "not evaluated yet (neuropipe run --session maze.one-2020-01-01): mlp" in text
        assert "rate_logistic C=2.0  stale: settings" in text
        assert text.count("stale: settings") == 1

    def test_json_has_a_key_per_metric_and_plain_numbers(self, capsys):
        tables.show_leaderboard(ranked(evaluations()), as_json=True)
        rows = json.loads(capsys.readouterr().out)
        for row in rows:
            assert {"session", "scheme", "model", "family", "accuracy", "log_loss", "r2", "median_error"} <= set(row)
        best = next(row for row in rows if row["model"] == "kalman")
        assert (best["rank"], best["n"], best["metric"], best["score"], best["accuracy"]) == (
            *(1, 228, "median_error", 12.0, None),
        )
        failed = next(row for row in rows if row["state"] == "failed")
        assert (failed["rank"], failed["scheme"], failed["score"]) == (None, None, None)

    def test_an_empty_store_says_what_to_do(self):
        with pytest.raises(BadInput, match="neuropipe run --session KEY"):
            tables.show_leaderboard(ranked([]), as_json=False)
        tables.show_leaderboard(ranked([]), as_json=True)

    def test_across_sessions(self, capsys):
        tables.show_across(compare(ranked(evaluations())), None, as_json=False)
        text = printed(capsys)
        assert text[0] == "maze, blocked folds: balanced_accuracy, compared with logistic_regression"
        assert max(map(len, text)) <= 80
        assert text[1].split() == ["model", "n", "mean", "difference", "better", "p", "p", "Holm"]


def step(asset: str, state: str, reason: str = "", seconds: float | None = None, **more) -> SimpleNamespace:
    return SimpleNamespace(asset=asset, session="one", state=state, reason=reason, seconds=seconds, **more)


class TestProgress:
    def test_a_log_gets_a_line_every_half_minute(self, capsys):
        now = [0.0]
        log = Log(clock=lambda: now[0])
        log.tell(step("binned", "start", total=4, number=1))
        for now[0] in range(1, 70):
            log.refresh()
        log.tell(step("binned", "progress", "binned of one: block 3 of 9"))
        assert log.running() == "binned one 1 min 9 s: block 3 of 9"
        log.tell(step("binned", "done", seconds=70.0))
        assert printed(capsys) == [
            "step 1 of 4: binned one 30 s",
            "step 1 of 4: binned one 1 min 0 s",
            "done    binned one  1 min 10 s",
        ]

    def test_time_left_is_that_of_the_steps_to_come(self, capsys):
        now = [0.0]
        log = Log(clock=lambda: now[0])
        log.tell(step("folds", "done", seconds=20.0, total=3, number=1))
        log.tell(step("decoder/gru", "start", total=3, number=2))
        now[0] = 31.0
        log.refresh()
        assert printed(capsys)[-1] == "step 2 of 3: decoder/gru one 31 s, about 40 s left"

    def test_hits_take_no_time_and_failures_say_why_on_a_line_of_their_own(self, capsys):
        log = Log(clock=lambda: 0.0)
        log.tell(step("recording", "hit", seconds=0.0, total=2))
        assert log.left() == ""
        log.tell(step("decoder/gru", "failed", "the loss is no longer finite", seconds=2.0))
        assert printed(capsys) == [
            "hit     recording one  0.0 s",
            "failed  decoder/gru one  2.0 s",
            "        the loss is no longer finite",
        ]

    def test_a_terminal_shows_a_bar_that_leaves_nothing_behind(self, capsys):
        shown = Terminal(clock=lambda: 0.0)
        shown.tell(step("folds", "done", seconds=20.0, total=4, number=1))
        shown.tell(step("decoder/gru", "start", total=4, number=2))
        out = capsys.readouterr().out
        assert "[#####---------------] step 2 of 4, about 1 min 0 s left, decoder/gru one 0.0 s" in out
        shown.close()
        assert capsys.readouterr().out == "\r"  # and the code that clears the line, which only a terminal gets

    def test_without_totals_steps_are_counted(self, capsys):
        now = [0.0]
        log = Log(clock=lambda: now[0])
        log.tell(step("folds", "done", seconds=1.0))
        log.tell(step("binned", "start"))
        now[0] = 40.0
        log.refresh()
        assert printed(capsys)[-1] == "step 2: binned one 40 s"

    def test_durations(self):
        assert [duration(s) for s in (0.04, 9.96, 59.4, 61, 3700)] == [
            *("0.0 s", "10 s", "59 s", "1 min 1 s", "1 h 1 min"),
        ]
