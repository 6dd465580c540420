"""Which assets and sessions a command is about: names, globs, Dagster's syntax, and settings that nothing reads."""

import pytest

from neuropipe import decoders
from tests.cli.command import ask, get
from tests.cli.conftest import RATE

ONE, TWO = ("--session", "quick.one"), ("--session", "quick.two")
UP_TO_RATE = ["recording", "activity", "binned", "folds", "decoder/rate_logistic", RATE]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (
            ["decoder/*"],
            [f"{stage}/{name}" for stage in ("decoder", "evaluation/decoder") for name in decoders.available()],
        ),
        (["decoder/rate*"], ["decoder/rate_logistic", RATE]),
        (["decoder/rate_logistic"], ["decoder/rate_logistic"]),
        (["folds", "binned"], ["binned", "folds"]),
        (["+folds"], ["recording", "activity", "binned", "folds"]),
        ([f"+{RATE}"], UP_TO_RATE),
        ([f'+key:"{RATE}"'], UP_TO_RATE),
        (["decoder/rate_logistic+"], ["decoder/rate_logistic", RATE, "leaderboard", "report"]),
        (["group:tensors"], ["activity", "binned", "folds"]),
        (['key:"decoder/x*"'], ["decoder/xgboost"]),
        (['key:"recording" or group:tensors'], ["recording", "activity", "binned", "folds"]),
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


@pytest.mark.parametrize(
    ("command", "setting"),
    [
        (("run", "folds", *ONE), "decoder/rate_logistic.n_inner_folds=2"),
        (("plan", RATE, *ONE), "decoder/knn.n_inner_folds=2"),
        (("show", "binned", *ONE), "folds.gap=2"),
        (("run", RATE, *ONE), "fluorescence.quantile=0.1"),
        (("run", "leaderboard"), "folds.gap=2"),
    ],
)
def test_a_setting_of_an_asset_that_does_not_run_is_refused(made, command, setting):
    answer = ask(made, *command, "--set", setting)
    assert answer.code == 2
    field = setting.partition("=")[0]
    asset = field.rpartition(".")[0]
    assert answer.err == (
        f"neuropipe: --set {field}: nothing reads this setting, since {asset} does not run here; "
        "leave it out, or select an asset that needs it\n"
    )


def test_a_setting_of_what_lies_above_the_selection_is_read(made):
    (row,) = get(made, "plan", RATE, *ONE, "--set", "binned.window=[0.2, 0.4]")
    assert (row["state"], row["reason"]) == ("run", "decoder/rate_logistic will run")
