"""A real run that is interrupted, then killed while networks train goes on where it was, to the same bytes."""

import json
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest

from assets.pipeline import build_pipeline
from resources.store.memo import materialize
from resources.store.plan import Planner
from resources.workspace import Workspace
from tests.cache.test_child_process import Log, gone, wait_until
from tests.installation import QUICK, Place, make_place

DECODER, SESSION = "decoder/gru", "quick.one"
SETTINGS = {"n_epochs": 60, "n_inner_folds": 2, "n_seeds": 2, "width": 16}
ON_THE_COMMAND_LINE = [word for name, value in SETTINGS.items() for word in ("--set", f"{DECODER}.{name}={value}")]


def train(place: Place) -> tuple[Path, Log]:
    """The artifact, and what was told while it was made."""
    root, log = place.root, Log()
    pipeline = build_pipeline(Workspace(root / "catalog", root / "artifacts", root / "raw"))
    session = pipeline.workspace.catalog.session(SESSION)
    outcome = materialize(Planner(pipeline, {DECODER: SETTINGS}), DECODER, session, log=log)
    assert outcome.state == "miss"
    return outcome.artifact.path, log


def begin(place: Place, n_networks: int) -> tuple[subprocess.Popen, int]:
    """A run whose networks train, n of them with checkpoints, and the number of its child process."""
    running = place.start("run", DECODER, "--session", SESSION, *ON_THE_COMMAND_LINE)
    progress = place.root / "artifacts" / ".progress"
    deadline = time.monotonic() + 300
    while len(list(progress.rglob("*.safetensors"))) < n_networks:
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    started = map(int, Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split())
    (child,) = [pid for pid in started if b"resources.run.child" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return running, child


@pytest.mark.slow
def test_a_run_killed_while_networks_train_goes_on_to_the_same_bytes(tmp_path):
    place = make_place(tmp_path / "killed", quick=QUICK)
    assert place.neuropipe("run", "folds", "--session", SESSION).returncode == 0
    undisturbed = Place(Path(shutil.copytree(place.root, tmp_path / "undisturbed")))

    running, child = begin(place, 1)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=300)
    assert running.returncode == 130
    assert said == "neuropipe: interrupted; finished work is kept, run the same command to resume\n"
    wait_until(lambda: gone(child))
    assert place.json("gc") == [], "the draft is gone, and the progress is no garbage"

    running, child = begin(place, 3)
    running.kill()
    running.communicate()
    wait_until(lambda: gone(child))
    assert not (place.root / "artifacts" / "artifacts" / DECODER).exists()
    assert [row["kind"] for row in place.json("gc")] == ["unfinished"], "the draft, not the progress"
    progress = place.root / "artifacts" / ".progress"

    resumed, told = train(place)
    whole, told_whole = train(undisturbed)
    for name in ("predictions.parquet", "model/networks.safetensors"):
        assert (resumed / "data" / name).read_bytes() == (whole / "data" / name).read_bytes()
    manifests = [json.loads((path / "_manifest.json").read_text()) for path in (resumed, whole)]
    assert manifests[0]["data_version"] == manifests[1]["data_version"]
    curves = [pd.read_parquet(path / "extras" / "learning_curves.parquet") for path in (resumed, whole)]
    pd.testing.assert_frame_equal(*curves)
    assert list(progress.iterdir()) == []

    lines = [line for _, line in told]
    assert "resuming from the checkpoints of an interrupted run" in lines
    kept = [re.search(r": (\d+) of (\d+) epochs come from an interrupted run", line) for line in lines]
    assert sum(int(found[1]) for found in kept if found) >= 3 * 5, "three networks had come to a checkpoint"
    assert not [line for _, line in told_whole if "interrupted" in line]
    assert [line for _, line in told_whole if line.startswith("all samples fold 0, seed-1: trained, epoch ")]
