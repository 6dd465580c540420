"""A user's own dF/F traces through the command: from a file to events and their scores, and what is refused."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import zarr

from tests.cli.command import ask, counts, get, show
from tests.installation import ROOT, make_place

DATASET = """\
title: Own imaging
citation: unpublished
licence: not stated
modality: fluorescence
reader: traces_npz
parameters: {parameters}
sessions:
  one: {{files: {{one.npz: {{path: {path}}}}}}}
"""
ONE = ("--session", "own.one")
RATE, SECONDS, N_ROI = 30.0, 120, 3


def imaging(seed=0):
    """Three ROIs that fire once a second, each spike a transient of 60 % dF/F that decays in half a second."""
    rng = np.random.default_rng(seed)
    frame_times = 5.0 + np.arange(int(SECONDS * RATE)) / RATE
    trains = [np.sort(rng.uniform(6, 5 + SECONDS, SECONDS)) for _ in range(N_ROI)]
    dff = np.empty((len(frame_times), N_ROI))
    for roi, spikes in enumerate(trains):
        since = frame_times[:, None] - spikes
        dff[:, roi] = (0.6 * np.exp(-since / 0.5) * (since > 0)).sum(axis=1, where=since > 0)
    return {
        "dff": dff + rng.normal(0, 0.05, dff.shape),
        "frame_times": frame_times,
        "spike_times": np.concatenate(trains),
        "spike_offsets": np.cumsum([0, *map(len, trains)]),
    }


@pytest.fixture
def own(tmp_path):
    """A place with one such recording; called with arrays that are changed, or None for one that is left out."""

    def make(parameters="{truth: true}", **changed):
        path = tmp_path / "one.npz"
        np.savez(path, **{name: value for name, value in (imaging() | changed).items() if value is not None})
        return make_place(tmp_path / "place", own=DATASET.format(path=path, parameters=parameters))

    return make


def shown(place, asset):
    return show(place, asset, *ONE)


@pytest.mark.slow
def test_traces_become_events_that_are_scored(own):
    place = own()
    summary = get(place, "run", *ONE)
    assert (summary["hit"], summary["failed"]) == (0, 0)
    events = shown(place, "events/oasis")
    assert (events["rois"], events["frames"], events["frame_rate"]) == (N_ROI, SECONDS * RATE, RATE)
    assert events["check.events_finite"] == "passed"
    assert Path(events["plot.dff_and_events"]).is_file()
    assert Path(events["plot.noise"]).is_file()
    found = zarr.open_group(Path(events["path"], "data", "arrays.zarr"), mode="r")
    assert found["events"].dtype == np.float32
    assert found["events"].shape == (SECONDS * RATE, N_ROI)
    rois = pd.read_parquet(Path(events["path"], "data", "rois.parquet"))
    np.testing.assert_allclose(rois["events"], found["events"][:].sum(axis=0), rtol=1e-5)
    # the median of |x - y| of two normals is 0.954 SD; decays add a little to it
    np.testing.assert_allclose(rois["noise"], 100 * 0.05 * 0.954 / np.sqrt(RATE), rtol=0.2)
    scores = shown(place, "deconvolution_scores/oasis")
    assert scores["true_spikes"] == SECONDS * N_ROI
    table = pd.read_parquet(Path(scores["path"], "data", "scores.parquet"))
    assert sorted(table["roi"].unique()) == [0, 1, 2]
    assert (table.loc[table["smoothing"] == 0.08, "correlation"] > 0.8).all()
    again = get(place, "run", *ONE)
    assert (again["hit"], again["run"], again["failed"]) == (summary["run"], 0, 0)


def test_what_needs_a_task_or_truth_does_not_apply(own):
    place = own(parameters="{}", spike_times=None, spike_offsets=None)
    rows = {row["asset"]: row for row in get(place, "plan", *ONE)}
    assert rows["events/oasis"]["state"] == "run"
    assert rows["deconvolution_scores/oasis"]["state"] == "n/a"
    assert rows["deconvolution_scores/oasis"]["reason"] == "its true spikes are not known"
    assert rows["binned"]["state"] == rows["decoder/ridge"]["state"] == "n/a"
    assert rows["binned"]["reason"] == "the catalogue names no task for it"


def test_spike_recordings_have_no_events(place):
    rows = {row["asset"]: row for row in get(place, "plan", "--session", "quick.one")}
    assert rows["events/oasis"]["state"] == "n/a"
    assert rows["events/oasis"]["reason"] == "its modality is spikes, and this is for fluorescence"


def gap(first, stop, roi=1):
    dff = imaging()["dff"]
    dff[first:stop, roi] = np.nan
    return dff


def test_short_gaps_are_closed_and_ends_that_were_not_recorded_stay_open(own):
    dff = gap(1000, 1020)
    dff[3000:, 2] = np.nan
    place = own(dff=dff)
    get(place, "run", "deconvolution_scores/oasis", *ONE)
    events = zarr.open_group(Path(shown(place, "events/oasis")["path"], "data", "arrays.zarr"), mode="r")["events"][:]
    assert np.isfinite(events[:, :2]).all()
    assert np.isfinite(events[:3000, 2]).all()
    assert np.isnan(events[3000:, 2]).all()
    rois = pd.read_parquet(Path(shown(place, "events/oasis")["path"], "data", "rois.parquet"))
    np.testing.assert_allclose(rois["seconds"], [120, 120, 100])
    table = pd.read_parquet(Path(shown(place, "deconvolution_scores/oasis")["path"], "data", "scores.parquet"))
    spikes = imaging()
    ends = spikes["spike_times"][spikes["spike_offsets"][2] :] < 5 + 2999 / RATE
    assert table.loc[table["roi"] == 2, "n_spikes"].unique() == [ends.sum()]


def test_a_long_gap_is_refused_unless_it_may_be_closed(own):
    place = own(dff=gap(1000, 1090))
    answer = ask(place, "run", "events/oasis", *ONE)
    assert answer.code == 1
    assert "ROI 1 has no dF/F for 3 s from frame 1000 on" in answer.said
    assert counts(get(place, "run", "events/oasis", *ONE, "--set", "events/oasis.longest_gap=4")) == (1, 1, 0)


@pytest.mark.parametrize(
    ("parameters", "changed", "sentence"),
    [
        ("{truth: true}", {"frame_times": None}, "one.npz does not say when its frames were taken"),
        ("{truth: true}", {"frame_times": imaging()["frame_times"][::-1]}, "frame times run backwards: frame 1"),
        ("{}", {}, "say `truth: true` in the parameters"),
        ("{truth: true}", {"dff": gap(0, None)}, "ROI 1 holds no dF/F but NaN"),
        ("{truth: true}", {"dff": imaging()["dff"][:1], "frame_times": np.zeros(1)}, "the recording has 1 frame"),
        ("{frame_rat: 3}", {}, "traces_npz has no parameter 'frame_rat'; it has frame_rate"),
    ],
)
def test_bad_input_is_one_sentence(own, parameters, changed, sentence):
    answer = ask(own(parameters, **changed), "run", "events/oasis", *ONE)
    assert answer.code in (1, 2)
    assert sentence in answer.said
    assert "Traceback" not in answer.out + answer.err


def test_frames_that_skip_are_kept_and_refused_where_they_must_be_even(own):
    kept = np.delete(np.arange(int(SECONDS * RATE)), [500, 501])
    whole = imaging()
    place = own(dff=whole["dff"][kept], frame_times=whole["frame_times"][kept])
    assert counts(get(place, "run", "recording", *ONE)) == (0, 1, 0)
    assert shown(place, "recording")["frames_skipped"] == 2
    answer = ask(place, "run", "events/oasis", *ONE)
    assert answer.code == 1
    assert "between frames 499 and 500 lie 0.1 s where 0.03333 s are usual" in " ".join(
        (answer.out + answer.err).split()
    )


@pytest.fixture
def published(tmp_path):
    """The project's own catalogue."""
    catalog = ROOT / "data" / "catalog"
    return make_place(tmp_path, **{file.stem: file.read_text() for file in catalog.glob("*.yaml")})


@pytest.mark.mirror
@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "rois", "scored"),
    [
        ("calcium-ground-truth.ds09-cell1b", 2, True),
        ("suite2p-a0662.2022-08-08", 19, False),
        ("miniscope-a0634.210127", 10, False),
    ],
)
def test_the_real_recordings_run_from_end_to_end(published, key, rois, scored):
    summary = get(published, "run", "--session", key, NEUROPIPE_MIRROR=os.environ["NEUROPIPE_MIRROR"])
    assert (summary["run"], summary["failed"]) == (7 if scored else 5, 0)  # leaderboard and report among them
    found = show(published, "events/oasis", "--session", key)
    assert found["rois"] == rois
    assert found["events_per_second"] > 0
