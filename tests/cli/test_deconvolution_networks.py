"""deconvolution_networks and events/learned through the command, on recordings made up here and a small budget."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import zarr
from safetensors.torch import save_file

from assets.pipeline import build_pipeline
from assets.stages.signals.deconvolution_networks import LearnedConfig, learned_events, networks_for
from neuropipe.calcium.learned_network import Network, read_network
from neuropipe.schemas import DeconvolutionNetworks, Recording
from resources.store.artifact import Artifact
from resources.store.memo import materialize
from resources.store.plan import Planner
from resources.workspace import Workspace
from tests.cli.command import ask, counts, get, show
from tests.imaging import COHORT, DATASET, NETWORKS, SECONDS, imaging
from tests.installation import Place, make_place

GROUPS = {"first": ("own.a", "own.b"), "second": ("own.c",), "none": ()}
SMALL = (
    *("--set", f"{NETWORKS}.n_steps=50", "--set", f"{NETWORKS}.n_networks=2", "--set", f"{NETWORKS}.channels=4"),
    *("--set", f"{NETWORKS}.rates=[20, 10]"),
)


def write(place: Place, name: str, seed: int, rate: float = 20.0) -> None:
    np.savez(place.root / f"{name}.npz", **imaging(seed, rate))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Place:
    """Three sessions to learn from, two others (one slow, one slower than any network), all recorded, none learned."""
    root = tmp_path_factory.mktemp("cohort")
    listed = [f"  {name}: {{files: {{{name}.npz: {{path: {root}/place/{name}.npz}}}}}}\n" for name in "abcde"]
    place = make_place(root / "place", own=DATASET + "".join(listed))
    (place.root / "catalog" / "cohorts").mkdir()
    (place.root / "catalog" / "cohorts" / f"{NETWORKS}.yaml").write_text(COHORT)
    for seed, (name, rate) in enumerate({"a": 20.0, "b": 20.0, "c": 30.0, "d": 15.0, "e": 5.0}.items()):
        write(place, name, seed, rate)
    return place


def shown(place: Place, asset: str, *more: str) -> dict:
    return show(place, asset, *more, *SMALL)


def version(place: Place, key: str) -> str:
    """What the networks call a recording: they know no session by name."""
    return show(place, "recording", "--session", key)["data_version"]


@pytest.fixture(scope="module")
def trained(made) -> Place:
    """The same place after the refusals that come before the recordings are there."""
    get(made, "run", "recording", "--session", "own.a", "--session", "own.b")
    for asked in (("run", NETWORKS, *SMALL), ("run", "events/learned", "--session", "own.d", *SMALL)):
        answer = ask(made, *asked)
        assert answer.code == 1
        assert "1 of the 3 sessions that it is made from has no current recording in the store: run" in answer.said
        assert "`neuropipe run recording --session 'own.c'` first" in answer.said
    (row,) = get(made, "plan", "events/learned", "--session", "own.a", *SMALL)
    assert row["state"] == "n/a"
    assert "neuropipe run recording --session 'own.c'" in row["reason"]
    assert counts(get(made, "run", "--session", "own.a"))[2] == 0, "a bare run does without"
    get(made, "run", "recording", "--session", "own.*")
    assert counts(get(made, "run", NETWORKS, *SMALL)) == (0, 1, 0)
    return made


def test_a_bare_run_leaves_it_out(made):
    names = {row["asset"] for row in get(made, "plan", "--session", "own.d")}
    assert "events/oasis" in names
    assert not names & {NETWORKS, "events/learned", "deconvolution_scores/learned"}


@pytest.mark.slow
def test_each_group_is_left_out_of_its_own_networks(trained):
    facts = shown(trained, NETWORKS)
    assert (facts["networks"], facts["sessions"]) == (8, 3)
    assert facts["check.left_out"] == "passed"
    assert Path(facts["plot.learning_curves"]).is_file()
    folder = Path(facts["path"], "data", "networks")
    versions = {name: {version(trained, key) for key in keys} for name, keys in GROUPS.items()}
    found = {path.relative_to(folder).parent.as_posix() for path in folder.rglob("*.safetensors")}
    assert found == {"first/20hz", "second/20hz", "none/20hz", "none/10hz"}
    for path in folder.rglob("*.safetensors"):
        left_out = path.relative_to(folder).parts[0]
        seen = set().union(*(those for name, those in versions.items() if name != left_out))
        assert set(read_network(path)[1]["sessions"]) == seen
        assert set(read_network(path)[1]["datasets"]) == {"first", "second"} - {left_out}
        assert f"{read_network(path)[1]['rate']:g}hz" == path.parent.name
    curves = pd.read_parquet(Path(facts["path"], "extras", "learning_curves.parquet"))
    assert len(curves) == 8
    assert set(curves["step"]) == {50}


@pytest.mark.slow
def test_a_session_is_deconvolved_by_networks_that_never_saw_its_data_set(trained):
    sessions = [word for key in "acd" for word in ("--session", f"own.{key}")]
    assert counts(get(trained, "run", "events/learned", "deconvolution_scores/learned", *sessions, *SMALL)) == (4, 6, 0)
    used = {key: shown(trained, "events/learned", "--session", f"own.{key}") for key in "acd"}
    assert {key: facts["left out"] for key, facts in used.items()} == {"a": "first", "c": "second", "d": "none"}
    assert used["c"]["networks work at (Hz)"] == 20
    assert used["d"]["networks work at (Hz)"] == 10, "15 frames a second are too few for the others"
    assert {facts["check.never_seen"] for facts in used.values()} == {"passed"}
    arrays = zarr.open_group(Path(used["c"]["path"], "data", "arrays.zarr"), mode="r")
    events, uncertainty = arrays["events"][:], arrays["uncertainty"][:]
    assert arrays["events"].attrs["units"] == "expected spikes a frame"
    assert events.shape == uncertainty.shape == (30 * SECONDS, 2)
    assert np.isnan(events[1801:, 1]).all()
    assert np.isnan(uncertainty[1801:, 1]).all()
    assert (uncertainty[:1800] >= 0).all()
    assert (uncertainty[:1800] > 0).mean() > 0.9
    scores = shown(trained, "deconvolution_scores/learned", "--session", "own.c")
    assert scores["correlation"]["0.08 s"] > 0.7
    assert scores["error grows with uncertainty (rank correlation)"] > 0.5
    assert Path(scores["plot.reliability"]).is_file()
    table = pd.read_parquet(Path(scores["path"], "data", "reliability.parquet"))
    assert table.groupby("roi")["n_bins"].sum().tolist() == [1750, 1500]


@pytest.mark.slow
def test_too_few_frames_a_second_are_refused(trained):
    answer = ask(trained, "run", "events/learned", "--session", "own.e", *SMALL)
    assert answer.code == 1
    assert "the recording has 5 frames a second, and the networks work at 10 or more: train some with" in answer.said
    assert f"--set '{NETWORKS}.rates=[25, 10, 5]'" in answer.said


@pytest.mark.slow
def test_networks_that_saw_the_session_are_refused(trained):
    """Were the networks' own notes and the list of groups ever to disagree, the notes count."""
    networks = DeconvolutionNetworks.read(Artifact.read(Path(shown(trained, NETWORKS)["path"])))
    assert networks_for(networks, "second", 30.0).parts[-2:] == ("second", "20hz")
    recording = Recording.read(Artifact.read(Path(show(trained, "recording", "--session", "own.c")["path"])))
    mistaken = replace(networks, groups={**networks.groups, "first": networks.groups["second"]})
    for name, given, passes in (("own", networks, True), ("mistaken", mistaken, False)):
        scratch = trained.root / name
        scratch.mkdir()
        made = learned_events.function(LearnedConfig(left_out="first"), recording, None, given, scratch)
        assert made.checks["never_seen"].passed == passes
    assert made.checks["never_seen"].description == "first: trained on 1 of its recordings"


@pytest.mark.slow
def test_what_was_trained_before_a_kill_is_kept(trained):
    """A folder of work in progress, as a killed run leaves it, is resumed."""
    place = trained
    workspace = Workspace(place.root / "catalog", place.root / "artifacts", place.root / "raw")
    overrides = {NETWORKS: {"n_steps": 50, "n_networks": 2, "channels": 4, "rates": [20, 10], "seed": 3}}
    planner = Planner(build_pipeline(workspace), overrides)
    fingerprint = planner.decide(NETWORKS, None).fingerprint
    progress = workspace.store.progress(NETWORKS, fingerprint, {"session": None, "overrides": overrides})
    folder = progress / "first" / "20hz"
    folder.mkdir(parents=True)
    facts = {
        "rate": 20.0,
        "channels": 4,
        "sessions": [version(place, "own.c")],
        "datasets": ["second"],
        "losses": [0.5],
        "seed": 3,
    }
    weights = {name: value * 0 for name, value in Network(4).state_dict().items()}
    save_file(weights, folder / "network-3.safetensors", {"facts": json.dumps(facts)})
    outcome = materialize(planner, NETWORKS, None)
    kept = outcome.artifact.folder("networks") / "first" / "20hz"
    assert read_network(kept / "network-3.safetensors")[1]["losses"] == [0.5]
    assert read_network(kept / "network-4.safetensors")[1]["losses"] != [0.5]
    assert not progress.exists()


@pytest.mark.slow
def test_a_member_that_changed_means_new_networks(trained):
    assert get(trained, "plan", NETWORKS, *SMALL)[0]["state"] == "hit"
    write(trained, "b", seed=99)
    before = (trained.root / "b.npz").stat()
    os.utime(trained.root / "b.npz", (before.st_atime, before.st_mtime + 5))
    assert get(trained, "plan", NETWORKS, *SMALL)[0]["state"] == "n/a", "a member is out of date"
    get(trained, "run", "recording", "--session", "own.b")
    (row,) = get(trained, "plan", NETWORKS, *SMALL)
    assert row["state"] == "run"
    rows = get(trained, "plan", "events/learned", "--session", "own.d", *SMALL)
    assert [(row["state"], row["reason"]) for row in rows] == [("run", f"{NETWORKS} will run")]
