"""From dF/F to decoders through the command: trials of an imaged session, and behaviour in every bin."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import zarr

from neuropipe.binning.events import bin_events
from tests.cli.command import ask, get
from tests.cli.recordings import save
from tests.installation import make_place

DATASET = """\
title: Own imaging
citation: unpublished
licence: not stated
modality: fluorescence
reader: traces_npz
task: {task}
sessions:
  one: {{files: {{one.npz: {{path: {path}}}}}}}
"""
ONE = ("--session", "own.one")
TRIALS = "{label: choice, align: start, window: [0.0, 0.8], bin_width: 0.2, folds: {n_folds: 4}}"
SPEED = "{targets: [speed], bin_width: 0.2, history: 5, folds: {n_folds: 4, gap: 5}}"
RATE, N_TRIALS, N_ROI = 20.0, 64, 6


def imaging(seed=0):
    """ROIs that prefer one of two choices, a trial every 2 s; before the last trial's end the movie stops."""
    rng = np.random.default_rng(seed)
    start = 1.0 + 2.0 * np.arange(N_TRIALS)
    choice = rng.permutation(np.resize([-1, 1], N_TRIALS))
    frame_times = np.arange(int((start[-1] + 0.5) * RATE)) / RATE
    dff = 0.08 * rng.standard_normal((len(frame_times), N_ROI))
    drive = np.zeros((len(frame_times), N_ROI))
    for roi in range(N_ROI):
        likes = 1 if roi % 2 else -1
        spikes = np.concatenate(
            [
                t + rng.uniform(0, 0.8, rng.poisson(3.0 if c == likes else 0.4))
                for t, c in zip(start, choice, strict=True)
            ]
        )
        since = frame_times[:, None] - spikes
        dff[:, roi] += (0.5 * np.exp(-since.clip(0) / 0.5) * (since > 0)).sum(axis=1)
        drive[:, roi] = np.histogram(spikes, np.append(frame_times, np.inf) - 0.5 / RATE)[0]
    speed = np.convolve(drive[:, ::2].sum(axis=1), np.ones(10) / 10, mode="same")
    trials = {"trial_start": start, "choice": choice}
    return {"dff": dff, "frame_times": frame_times}, trials, {"time": frame_times, "behaviour_speed": speed}


def place_of(tmp_path, task, *parts):
    path = tmp_path / "one.npz"
    np.savez(path, **{name: values for part in parts for name, values in part.items()})
    return make_place(tmp_path / "place", own=DATASET.format(path=path, task=task))


def binned_arrays(place):
    rows = {row["field"]: row["value"] for row in get(place, "show", "binned", *ONE)}
    return rows, zarr.open_group(Path(rows["path"], "data", "arrays.zarr"), mode="r")


@pytest.mark.slow
def test_trials_of_an_imaged_session_are_decoded(tmp_path):
    traces, trials, _ = imaging()
    traces["dff"][: int(3 * RATE), 5] = np.nan  # ROI 5 was found late: it misses the first trial
    place = place_of(tmp_path, TRIALS, traces, trials)
    summary = get(place, "run", "evaluation/logistic_regression", "evaluation/naive_bayes", *ONE)
    assert summary["failed"] == 0
    rows, binned = binned_arrays(place)
    assert rows["left_out"]["not imaged"] == 1  # the last trial
    assert rows["rois_left_out"] == 1
    assert rows["check.counts_equal_spikes"] == "passed"
    activity = binned["activity"]
    assert activity.dtype == np.float32
    assert activity.shape == (N_TRIALS - 1, 4, N_ROI - 1)
    assert binned["units"][:].tolist() == [0, 1, 2, 3, 4]
    events = {row["field"]: row["value"] for row in get(place, "show", "events/oasis", *ONE)}["path"]
    found = zarr.open_group(Path(events, "data", "arrays.zarr"), mode="r")
    expected = bin_events(found["events"][:], traces["frame_times"], trials["trial_start"][:-1], 0.2, 4)
    np.testing.assert_allclose(activity[:], expected[:, :, :5], rtol=1e-5)
    board = pd.DataFrame(get(place, "leaderboard", *ONE))
    accuracy = board.set_index("model")["accuracy"]
    assert (accuracy[["logistic_regression", "naive_bayes"]] > 0.85).all()


@pytest.mark.slow
def test_behaviour_is_decoded_from_events_in_every_bin(tmp_path):
    traces, _, behaviour = imaging()
    place = place_of(tmp_path, SPEED, traces, behaviour)
    assert get(place, "run", "evaluation/ridge", *ONE)["failed"] == 0
    rows, binned = binned_arrays(place)
    assert binned["activity"].shape == (len(traces["frame_times"]) / (0.2 * RATE) // 1, N_ROI)
    assert rows["check.counts_equal_spikes"] == "passed"
    evaluated = {row["field"]: row["value"] for row in get(place, "show", "evaluation/ridge", *ONE)}
    table = pd.read_parquet(Path(evaluated["path"], "data", "scores.parquet"))
    assert table.loc[table["metric"] == "r2", "value"].iloc[0] > 0.4


ADD = ("--label", "choice", "--window", "0", "0.8", "--bin-width", "0.2")


def test_a_file_of_traces_is_added_as_what_it_is(tmp_path):
    traces, trials, _ = imaging()
    np.savez(tmp_path / "imaged.npz", **traces, **trials)
    spikes = save(tmp_path / "spikes.npz")
    place = make_place(tmp_path / "place")
    assert ask(place, "add", str(tmp_path / "imaged.npz"), *ADD).code == 0
    rows = {row["asset"]: row["state"] for row in get(place, "plan", "--session", "mine.imaged")}
    assert (rows["events/oasis"], rows["binned"], rows["decoder/xgboost"]) == ("run", "run", "run")
    assert get(place, "run", "binned", "--session", "mine.imaged")["failed"] == 0
    answer = ask(place, "add", str(spikes), *ADD)
    assert answer.code == 2
    assert "mine holds fluorescence, and" in answer.err
    assert "add it to another --dataset" in " ".join(answer.err.split())


def test_no_roi_that_lasts_is_one_sentence(tmp_path):
    traces, trials, _ = imaging()
    half = len(traces["dff"]) // 2
    traces["dff"][:half, ::2] = np.nan
    traces["dff"][half:, 1::2] = np.nan
    answer = ask(place_of(tmp_path, TRIALS, traces, trials), "run", "binned", *ONE)
    assert answer.code == 1
    said = " ".join((answer.out + answer.err).split())
    assert "own.one: none of its 6 ROIs was recorded throughout what is to be decoded" in said
