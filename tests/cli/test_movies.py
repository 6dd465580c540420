"""A movie through the command: from frames to cells, events and scores, and what is refused."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import zarr

from assets.stages.signals.fluorescence import FluorescenceConfig, fluorescence
from neuropipe.errors import BadInput
from neuropipe.recording import Movie, Recording
from neuropipe.schemas import Recording as Recorded
from resources.store.artifact import Artifact, Draft
from resources.store.memo import LOG
from tests.cli.command import ask, get, show
from tests.imaging import MOVIE, N_CELLS
from tests.installation import make_place

ONE = ("--session", "tiny.one")


@pytest.fixture
def tiny(tmp_path):
    return make_place(tmp_path / "place", tiny=MOVIE)


def shown(place, asset):
    return show(place, asset, *ONE)


@pytest.mark.slow
def test_a_movie_becomes_cells_and_events_that_are_scored(tiny):
    summary = get(tiny, "run", "deconvolution_scores/oasis", *ONE)
    assert (summary["hit"], summary["run"], summary["failed"]) == (0, 4, 0)
    found = shown(tiny, "fluorescence")
    assert found["true_cells"] == N_CELLS
    assert found["found_fraction"] >= 0.9
    assert found["precision"] >= 0.8
    assert found["shift_error"] < 0.12  # px; whole pixels would leave 0.29
    assert 2 < found["largest_shift"] < 6.5
    assert Path(found["plot.rois"]).is_file()
    assert Path(found["plot.shifts"]).is_file()
    arrays = zarr.open_group(Path(found["path"], "data", "arrays.zarr"), mode="r")
    units = pd.read_parquet(Path(found["path"], "data", "units.parquet"))
    assert arrays["dff"].shape == (found["frames"], len(units)) == (arrays["shifts"].shape[0], found["rois"])
    assert np.isfinite(arrays["dff"][:]).all()
    assert (units.loc[units["cell"] >= 0, "overlap"] >= 0.5).all()
    assert units.loc[units["cell"] >= 0, "cell"].is_unique

    recorded = zarr.open_group(Path(shown(tiny, "recording")["path"], "data", "arrays.zarr"), mode="r")
    times, offsets = recorded["truth/spike_times"][:], recorded["truth/spike_offsets"][:]
    own_times, own_offsets = arrays["truth/spike_times"][:], arrays["truth/spike_offsets"][:]
    for roi, cell in enumerate(units["cell"]):
        expected = times[offsets[cell] : offsets[cell + 1]] if cell >= 0 else []
        np.testing.assert_array_equal(own_times[own_offsets[roi] : own_offsets[roi + 1]], expected)
    # The reference of the registration lies elsewhere than the field at rest, by one offset for all cells. Two that
    # overlap may be taken for one, whose centre lies between them; those that share no pixel have no such excuse.
    alone = units[(units["cell"] >= 0) & (recorded["truth/overlap"][:][units["cell"]] == 0)]
    assert len(alone) == N_CELLS - 2
    apart = alone[["y", "x"]].to_numpy() - recorded["truth/centres"][:][alone["cell"]]
    assert np.abs(apart - np.median(apart, axis=0)).max() < 0.5  # px
    assert (alone["overlap"] > 0.9).all()

    scores = shown(tiny, "deconvolution_scores/oasis")
    assert scores["rois"] == (units["cell"] >= 0).sum()
    assert scores["rois_that_are_no_cell"] == (units["cell"] < 0).sum()
    assert scores["correlation"]["0.1 s"] >= 0.75
    table = pd.read_parquet(Path(scores["path"], "data", "scores.parquet"))
    assert set(table["roi"]) == set(np.flatnonzero(units["cell"] >= 0))


def test_cells_are_found_in_movies_alone(tiny, place):
    rows = {row["asset"]: row for row in get(tiny, "plan", *ONE)}
    assert rows["fluorescence"]["state"] == rows["events/suite2p"]["state"] == "run"
    assert rows["deconvolution_scores/oasis"]["state"] == "run"
    rows = {row["asset"]: row for row in get(place, "plan", "--session", "quick.one")}
    assert rows["fluorescence"]["state"] == "n/a"
    assert rows["fluorescence"]["reason"] == "its modality is spikes, and this is for movies"


@pytest.mark.slow
def test_a_child_that_may_hold_too_little_is_stopped_with_a_sentence(tiny):
    answer = ask(tiny, "run", "fluorescence", *ONE, NEUROPIPE_MEMORY="150M")
    assert answer.code == 1
    assert "fluorescence of tiny.one was stopped: it held" in answer.said
    assert "allow more with NEUROPIPE_MEMORY" in answer.said
    assert "Traceback" not in answer.said


@pytest.fixture
def recorded(tmp_path):
    """The recording of a movie of noise, as the stage would find it."""
    root = tmp_path / "recording"
    root.mkdir()
    frames = np.random.default_rng(0).integers(90, 110, (60, 64, 64)).astype(np.uint16)
    draft = Draft(root)
    Recorded.of(Recording(units=pd.DataFrame(), movie=Movie(frames, np.arange(60) / 15))).write(draft)
    files = {file.relative_to(draft.data).as_posix(): None for file in draft.data.rglob("*") if file.is_file()}
    return Recorded.read(Artifact(root, {"asset": "recording", "metadata": {}, "files": files}))


def test_a_disk_too_small_is_said_before_anything_is_written(tmp_path, recorded, monkeypatch):
    usage = SimpleNamespace(free=100_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(BadInput, match=r"the registered copy of the movie needs 491,520 bytes in .*100,000 are free"):
        fluorescence.function(FluorescenceConfig(max_shift=4), recorded, scratch, LOG)
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("diameter=0", "diameter must be at least 1 px, found 0.0"),
        ("tau=-1", "tau must be above 0, found -1.0"),
        ("tau=long", "tau: Input should be a valid number"),
        ("neuropil=-0.1", "neuropil: Input should be greater than or equal to 0"),
        ("quantile=8", "quantile: Input should be less than or equal to 1"),
        ("diametre=8", "fluorescence has no setting 'diametre'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tiny, setting, sentence):
    answer = ask(tiny, "run", "fluorescence", *ONE, "--set", f"fluorescence.{setting}")
    assert answer.code == 2
    assert sentence in answer.said
