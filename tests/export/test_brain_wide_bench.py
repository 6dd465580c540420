"""Submissions to the IBL's BrainWideBench: its own scorer reads them and gives our scores."""

import dataclasses
import importlib
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from ibl_bwb_eval.tasks import TS1Task, TS2Task
from sklearn.metrics import balanced_accuracy_score

from neuropipe.calcium import suite2p_library
from neuropipe.errors import BadInput
from neuropipe.export import Made, SessionContent
from neuropipe.export import brain_wide_bench as bench
from neuropipe.schemas.predictions import Predictions

OPERATORS = suite2p_library._load_torchvision()  # the scorer's metrics import it, beside a torch without CUDA
ts1, ts2 = (importlib.import_module(f"ibl_bwb_eval.scoring.{suite}") for suite in ("ts1", "ts2"))

EID = "0802ced5-33a3-405e-8336-b65ebc5cb07c"


def submitted(folder, task, classes, labels, probabilities, **changed):
    """What the scorer says of a submission, by metric."""
    trials = np.arange(len(labels)) * 2
    arguments = {"label": "ours", "seed": 43, "trials": trials, "probabilities": probabilities, "classes": classes}
    bench.write_classes(folder / "predictions", task, EID, **arguments | changed)
    # The truth may hold trials that were not predicted, in another order.
    bench.write_true_classes(folder / "truth", task, EID, trials=trials[::-1], labels=list(labels)[::-1])
    found = ts1.score_dir(folder / "predictions", folder / "truth")
    assert list(found) == [("ours", f"ts1-{task}", EID, 43)]
    return found["ours", f"ts1-{task}", EID, 43]


@pytest.mark.parametrize(
    ("task", "classes"),
    [("choice", [-1, 1]), ("reward", ["-1", "1"]), ("stimulus_contrast", [0, 0.0625, 0.125, 0.25, 1])],
)
def test_the_scorer_gives_our_balanced_accuracy(tmp_path, task, classes):
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(len(classes)), [30, 10, 12, 9, 11][: len(classes)])
    odds = rng.normal(size=(len(labels), len(classes))) + 1.5 * np.eye(len(classes))[labels]
    probabilities = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    scores = submitted(tmp_path, task, classes, [classes[code] for code in labels], probabilities)
    expected = balanced_accuracy_score(labels, probabilities.argmax(axis=1))
    assert 0.4 < expected < 0.95
    assert scores["bacc"] == pytest.approx(expected, abs=1e-6)


def test_out_of_fold_predictions_of_a_decoder_are_submitted_by_their_trials(tmp_path):
    table = pd.DataFrame({"scheme": ["shuffled"] + ["blocked"] * 4, "fold": 0, "sample": [0, 3, 1, 0, 2]})
    table["p_-1"] = [0.1, 0.9, 0.2, 0.6, 0.7]
    table["p_1"] = 1 - table["p_-1"]
    table["y_true"] = ["-1", "-1", "1", "-1", "1"]
    trials = pd.DataFrame({"trial": [2, 4, 5, 9], "label": [-1, 1, 1, -1]})
    binned = SimpleNamespace(trials=trials)
    given = {"label": "ours", "seed": 43, "predictions": Predictions(predictions=table, classes=["-1", "1"])}
    path = bench.write_predictions(tmp_path / "p", "choice", EID, **given, binned=binned)
    assert path == tmp_path / "p" / "ours" / "ts1-choice" / EID / "seed_43.safetensors"
    bench.write_true_classes(tmp_path / "t", "choice", EID, trials=trials["trial"].to_numpy(), labels=trials["label"])
    (scores,) = ts1.score_dir(tmp_path / "p", tmp_path / "t").values()
    assert scores["bacc"] == pytest.approx(0.75), "one of two trials of 1 is decoded wrong"
    with pytest.raises(BadInput, match="no predicted classes in leave_one_out folds; there are predictions in blocked"):
        bench.write_predictions(tmp_path, "choice", EID, **given, binned=binned, scheme="leave_one_out")


def test_trials_without_a_choice_are_left_out_of_predictions_and_truth(tmp_path):
    table = pd.DataFrame({"scheme": "blocked", "fold": 0, "sample": [0, 1, 2], "y_true": ["-1", "0", "1"]})
    table[["p_-1", "p_0", "p_1"]] = [[0.3, 0.5, 0.2], [0.1, 0.8, 0.1], [0.1, 0.6, 0.3]]
    trials = pd.DataFrame({"trial": [0, 1, 2], "label": ["-1", "0", "1"]})
    made = {
        "decoder/gru": Made(Predictions(predictions=table, classes=["-1", "0", "1"]), "f1"),
        "binned": Made(SimpleNamespace(trials=trials, label="choice"), "f2"),
    }
    facts = dict.fromkeys(("title", "citation", "licence", "modality", "source"), "")
    session = SessionContent(key="ibl.one", note=f"one:{EID}, lab/Subjects/s/d/1", assets=made, **facts)
    bench.write(session, tmp_path)
    assert json.loads((tmp_path / "submission.json").read_text())["recording_id"] == EID
    found = ts1.score_dir(tmp_path / "predictions", tmp_path / "ground_truth")
    assert found["gru", "ts1-choice", EID, 43]["bacc"] == 1.0
    other = dataclasses.replace(session, assets=made | {"binned": Made(SimpleNamespace(label="image"), "f3")})
    with pytest.raises(BadInput, match=r"ibl\.one decodes image; BrainWideBench asks for choices or rewards"):
        bench.write(other, tmp_path)


def test_columns_are_put_into_the_order_of_the_task_and_missing_classes_are_never_chosen(tmp_path):
    labels = [1, -1, 1, -1]
    right = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6]])  # columns: 1, -1
    assert submitted(tmp_path, "choice", [1, -1], labels, right)["bacc"] == 1.0
    scores = submitted(tmp_path / "contrast", "stimulus_contrast", [0, 1], [0, 0, 1, 1], right[[0, 2, 1, 3]])
    assert scores["bacc"] == pytest.approx(1.0)


def test_the_scorer_gives_bits_per_spike(tmp_path):
    rng = np.random.default_rng(2)
    rates = rng.gamma(2.0, 0.4, (8, 10, 5))
    counts = rng.poisson(rates)
    starts = np.arange(8) * 1.5 + 0.001
    bench.write_counts(tmp_path / "p", "co_smoothing", EID, label="ours", seed=44, window_starts=starts, expected=rates)
    bench.write_true_counts(tmp_path / "t", "co_smoothing", EID, window_starts=starts[::-1], counts=counts[::-1])
    (scores,) = ts2.score_dir(tmp_path / "p", tmp_path / "t").values()
    # Pei et al. 2021 (Neural Latents Benchmark), equation 1: against each unit's mean rate, in bits per spike.
    mean = counts.mean(axis=(0, 1))
    gained = (counts * np.log(rates / mean) - rates + mean).sum()
    assert scores["bps"] == pytest.approx(gained / counts.sum() / np.log(2), abs=1e-5)
    assert scores["bps"] > 0.05


def test_tasks_are_those_of_the_scorer():
    assert set(bench.TRIAL_TASKS) < set(TS1Task.__args__)
    assert set(bench.COUNT_TASKS) == set(TS2Task.__args__)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"classes": [-1, 0]}, "choice of BrainWideBench has the classes -1, 1, not 0"),
        ({"trials": np.array([1, 1, 2, 3])}, "a row of its own"),
        ({"probabilities": np.ones((4, 3))}, r"\(trial, class\), \(4, 2\)"),
        ({"probabilities": np.full((4, 2), np.nan)}, "0 or more"),
        ({"label": "../up"}, "plain names"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, changed, message):
    given = {"label": "ours", "seed": 43, "trials": np.arange(4), "probabilities": np.full((4, 2), 0.5)}
    with pytest.raises(BadInput, match=message):
        bench.write_classes(tmp_path, "choice", EID, **({"classes": [-1, 1]} | given | changed))


def test_counts_that_give_no_bits_are_refused(tmp_path):
    given = {"label": "ours", "seed": 43, "window_starts": np.zeros(1)}
    with pytest.raises(BadInput, match="above 0"):
        bench.write_counts(tmp_path, "forecasting", EID, **given, expected=np.zeros((1, 2, 3)))
    with pytest.raises(BadInput, match=r"\(window, bin, unit\)"):
        bench.write_counts(tmp_path, "forecasting", EID, **given, expected=np.ones((2, 3)))
    with pytest.raises(BadInput, match="has no task 'choice' of counts"):
        bench.write_counts(tmp_path, "choice", EID, **given, expected=np.ones((1, 2, 3)))
