"""From dF/F to decoders through the command: trials of an imaged session, and behaviour in every bin."""

import shutil
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest
import zarr

from assets.dagster.assets import asset_key
from assets.dagster.build import build_definitions
from assets.dagster.driver import drive
from assets.dagster.internals import CachingStaleStatusResolver, LoadingContextForTest, StaleStatus
from assets.pipeline import build_pipeline
from neuropipe.binning.events import bin_events
from resources.store.plan import Planner
from resources.workspace import Workspace
from tests.cli.command import ask, counts, get, show
from tests.cli.recordings import save
from tests.installation import Place, make_place

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
LOGISTIC, BAYES = "evaluation/decoder/logistic_regression", "evaluation/decoder/naive_bayes"
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


def place_of(root, task, *parts):
    path = root / "one.npz"
    np.savez(path, **{name: values for part in parts for name, values in part.items()})
    return make_place(root / "place", own=DATASET.format(path=path, task=task))


def binned_arrays(place):
    shown = show(place, "binned", *ONE)
    return shown, zarr.open_group(Path(shown["path"], "data", "arrays.zarr"), mode="r")


@pytest.fixture(scope="module")
def decoded(tmp_path_factory):
    """A place with one session, its choices decoded from events found by the default method."""
    traces, trials, _ = imaging()
    traces["dff"][: int(3 * RATE), 5] = np.nan  # ROI 5 was found late: it misses the first trial
    place = place_of(tmp_path_factory.mktemp("imaging"), TRIALS, traces, trials)
    assert counts(get(place, "run", LOGISTIC, BAYES, *ONE)) == (0, 8, 0)
    return place


@pytest.fixture
def copied(decoded, tmp_path):
    """The same, to be changed."""
    return Place(Path(shutil.copytree(decoded.root, tmp_path / "copy")))


@pytest.mark.slow
def test_trials_of_an_imaged_session_are_decoded(decoded):
    shown, binned = binned_arrays(decoded)
    assert shown["left_out"]["not imaged"] == 1  # the last trial
    assert shown["check.sums"] == "passed"
    activity = binned["activity"]
    assert activity.dtype == np.float32
    assert activity.shape == (N_TRIALS - 1, 4, N_ROI - 1)
    assert binned["units"][:].tolist() == [0, 1, 2, 3, 4]
    events = zarr.open_group(Path(show(decoded, "events/oasis", *ONE)["path"], "data", "arrays.zarr"), mode="r")
    traces, trials, _ = imaging()
    expected = bin_events(events["events"][:], traces["frame_times"], trials["trial_start"][:-1], 0.2, 4)
    np.testing.assert_allclose(activity[:], expected[:, :, :5], rtol=1e-5)
    rows = {row["model"]: row for row in get(decoded, "leaderboard") if row["state"] == "current"}
    assert set(rows) == {"logistic_regression", "naive_bayes"}
    assert all(row["accuracy"] > 0.85 for row in rows.values())


# -- the source of activity --------------------------------------------------------------------------------------------

OTHER = ("--set", "activity.source=events/suite2p")
DEFAULTS = ("recording", "events/oasis", "activity", "binned", "folds", "decoder/logistic_regression", LOGISTIC)


@pytest.mark.slow
def test_another_source_reruns_what_lies_below_it_and_the_default_stays(copied):
    before = {asset: show(copied, asset, *ONE)["path"] for asset in DEFAULTS}
    plan = {row["asset"]: (row["state"], row["reason"]) for row in get(copied, "plan", *ONE, *OTHER)}
    assert plan["recording"] == plan["events/oasis"] == ("hit", "")
    assert plan["activity"] == ("run", "events/suite2p: never made")
    assert plan["binned"] == ("run", "activity will run")
    assert counts(get(copied, "run", "events/suite2p", *ONE)) == (1, 1, 0)
    assert counts(get(copied, "run", LOGISTIC, *ONE)) == (6, 0, 0), "a source that is not chosen changes nothing"
    assert counts(get(copied, "run", LOGISTIC, *ONE, *OTHER)) == (2, 4, 0)
    assert show(copied, "activity", *ONE, *OTHER)["path"] == show(copied, "events/suite2p", *ONE)["path"]
    assert {asset: show(copied, asset, *ONE)["path"] for asset in DEFAULTS} == before
    sessions = copied.root / "artifacts" / "sessions" / "own.one"
    for asset in ("binned", LOGISTIC):
        assert (sessions / asset / "LATEST").read_text() == Path(before[asset]).name
    variants = {row["variant"] for row in get(copied, "leaderboard") if row["state"] == "current"}
    assert variants == {"", "activity.source=events/suite2p"}
    assert counts(get(copied, "run", LOGISTIC, *ONE, *OTHER)) == (6, 0, 0)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("events/oasys", "no asset is called 'events/oasys'; did you mean events/oasis"),
        ("folds", "activity of own.one can't point at 'folds'; its sources are recording, events/"),
    ],
)
def test_a_source_that_there_is_not_is_refused_with_those_that_there_are(decoded, source, sentence):
    answer = ask(decoded, "run", "binned", *ONE, "--set", f"activity.source={source}")
    assert answer.code == 2
    assert sentence in answer.said


def stale(place, instance) -> dict[str, StaleStatus]:
    """Dagster's own opinion of the assets of the session that the store holds."""
    workspace = Workspace(place.root / "catalog", place.root / "artifacts", place.root / "raw")
    graph = build_definitions(build_pipeline(workspace)).resolve_asset_graph()
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    return {asset: resolver.get_status(asset_key(asset), "own.one") for asset in DEFAULTS}


@pytest.mark.slow
def test_dagster_agrees_that_another_source_makes_nothing_stale(copied, monkeypatch):
    for name, value in copied.environment.items():
        monkeypatch.setenv(name, value)
    pipeline = build_pipeline()
    session = pipeline.workspace.catalog.session("own.one")
    with dg.DagsterInstance.ephemeral() as instance:
        drive(pipeline, [session], [LOGISTIC], instance=instance)
        fresh = dict.fromkeys(DEFAULTS, StaleStatus.FRESH)
        assert stale(copied, instance) == fresh
        assert drive(pipeline, [session], ["events/suite2p"], instance=instance).run == 1
        assert stale(copied, instance) == fresh
        assert {row.state for row in Planner(pipeline).plan([session], DEFAULTS)} == {"hit"}


# -- behaviour, files of one's own -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_behaviour_is_decoded_from_events_in_every_bin(tmp_path):
    traces, _, behaviour = imaging()
    place = place_of(tmp_path, SPEED, traces, behaviour)
    assert get(place, "run", "evaluation/decoder/ridge", *ONE)["failed"] == 0
    shown, binned = binned_arrays(place)
    assert binned["activity"].shape == (len(traces["frame_times"]) / (0.2 * RATE) // 1, N_ROI)
    assert shown["check.sums"] == "passed"
    table = pd.read_parquet(Path(show(place, "evaluation/decoder/ridge", *ONE)["path"], "data", "scores.parquet"))
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
    assert "add it to another --dataset" in answer.said


def test_no_roi_that_lasts_is_one_sentence(tmp_path):
    traces, trials, _ = imaging()
    half = len(traces["dff"]) // 2
    traces["dff"][:half, ::2] = np.nan
    traces["dff"][half:, 1::2] = np.nan
    answer = ask(place_of(tmp_path, TRIALS, traces, trials), "run", "binned", *ONE)
    assert answer.code == 1
    assert "binned of own.one: none of 6 ROIs was recorded throughout what is to be decoded" in answer.said
