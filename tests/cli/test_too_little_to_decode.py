"""Sessions that hold too little, or work that needs too much: what each decoder can't do is said, the rest is done."""

import json

import numpy as np
import pytest

from tests.cli.command import artifacts, ask, counts, get, show
from tests.cli.conftest import RATE
from tests.cli.recordings import ADD, save
from tests.installation import Place

PUBLISHED = {"times": None, "offsets": None, "trial_start": None, "bin_width": 0.1, "start": 0.0}


def add(place: Place, **changed) -> tuple[str, str]:
    """A recording of the user's own; the options that name it."""
    answer = ask(place, "add", str(save(place.root / "own.npz", **changed)), *ADD)
    assert answer.code == 0, answer.err
    return "--session", "mine.own"


def failed(place: Place, *arguments: str, **environment: str) -> list[str]:
    """The sentences of a run of which something failed."""
    answer = ask(place, "run", *arguments, "--json", **environment)
    assert answer.code == 1, answer
    assert json.loads(answer.out)["failed"] == len(answer.err.splitlines())
    return [line.removeprefix("neuropipe: ") for line in answer.err.splitlines()]


def noisy_choices(n_trials: int = 60) -> np.ndarray:
    return np.random.default_rng(0).permutation(np.arange(n_trials) % 2)


def test_a_class_of_one_trial_is_left_out_and_counted(place):
    session = add(place, choice=np.r_[2, noisy_choices()[1:]])
    assert counts(get(place, "run", RATE, *session)) == (0, 5, 0)
    shown = show(place, "binned", *session)
    assert shown["left_out"]["class too rare"] == 1
    assert sum(shown["classes"].values()) == shown["trials"] == 59


def test_a_class_that_training_would_lack_is_refused_where_the_folds_are_made(place):
    session = add(place, choice=np.r_[np.full(12, 2), noisy_choices(48)])
    (said,) = failed(place, "folds", *session)
    assert said.startswith(
        "folds of mine.own: fold 0 would train without class 2: all its 12 samples are tested or in the gap; "
    )
    assert counts(get(place, "run", "decoder/rate_logistic", *session, "--set", "folds.schemes=[stratified]"))[2] == 0


def test_too_few_trials_for_an_interval_are_said_and_the_predictions_kept(place):
    session = add(place, n_trials=6, choice=np.arange(6) % 2)
    (said,) = failed(place, RATE, *session)
    assert said.startswith(f"{RATE} of mine.own: check scores_finite failed: 6 test samples are too few for accuracy")
    assert counts(get(place, "run", "decoder/rate_logistic", *session)) == (4, 0, 0)


@pytest.mark.parametrize("decoder", ["rate_logistic", "logistic_regression", "naive_bayes"])
def test_one_bin_and_units_that_never_change_are_no_trouble(place, decoder):
    generator = np.random.default_rng(1)
    choice = noisy_choices()
    binned = np.full((60, 10, 3), 2)
    binned[:, :, 1] = generator.poisson(np.where(choice == 1, 3.0, 0.5)[:, None], (60, 10))
    session = add(place, counts=binned, choice=choice, **PUBLISHED)
    one_bin = ("--set", "binned.bin_width=1.0")
    assert counts(get(place, "run", f"evaluation/decoder/{decoder}", *session, *one_bin)) == (0, 5, 0)
    shown = show(place, "binned", *session, *one_bin)
    assert shown["bins"] == 1
    (row,) = [row for row in get(place, "leaderboard") if row["model"] == decoder and row["variant"]]
    assert row["accuracy"] > 0.95


def test_nothing_but_units_that_never_change_is_chance(place):
    session = add(place, counts=np.full((60, 10, 3), 2), choice=noisy_choices(), **PUBLISHED)
    assert counts(get(place, "run", RATE, *session)) == (0, 5, 0)
    (row,) = [row for row in get(place, "leaderboard") if row["model"] == "rate_logistic"]
    assert row["p_value"] is None or row["p_value"] > 0.05


@pytest.mark.slow
def test_a_decoder_that_takes_too_much_memory_fails_alone(place):
    session = ("--session", "quick.one")
    memory = {"NEUROPIPE_MEMORY": "100M"}
    (said,) = failed(place, "decoder/mlp", RATE, *session, **memory)
    assert said.startswith("decoder/mlp of quick.one: decoder/mlp of quick.one was stopped: it held ")
    assert "MiB of memory and may hold 100 MiB; allow more with NEUROPIPE_MEMORY (e.g. NEUROPIPE_MEMORY=1G)" in said
    assert "make the work smaller with --set (coarser binned.bin_width, smaller settings of its own)" in said
    rows = {row["model"]: row for row in get(place, "leaderboard", *session)}
    assert rows["rate_logistic"]["state"] == "current"
    (state,) = [row["value"] for row in get(place, "show", "decoder/mlp", *session)]
    assert "the last attempt failed: decoder/mlp of quick.one was stopped" in state
    assert counts(get(place, "run", RATE, *session, **memory)) == (5, 0, 0)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("NEUROPIPE_COMPUTE", "ray", "NEUROPIPE_COMPUTE is 'ray', which there is not; set it to local, or unset it"),
        ("NEUROPIPE_MEMORY", "a lot", "NEUROPIPE_MEMORY is 'a lot'; write an amount of memory such as 6G or 800M"),
    ],
)
def test_where_to_compute_is_read_before_anything_is_done(place, name, value, sentence):
    answer = ask(place, "run", "folds", "--session", "quick.one", **{name: value})
    assert (answer.code, answer.err) == (2, f"neuropipe: {sentence}\n")
    assert artifacts(place) == []
