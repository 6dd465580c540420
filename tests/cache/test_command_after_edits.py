"""Edits of code and catalogue, killed runs and damage, through the real command on a copy of the project."""

import contextlib
import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.installation import QUICK, Place, copy_project, make_place

pytestmark = pytest.mark.slow

SESSION = ("--session", "quick.one")
EVALUATIONS = ("evaluation/decoder/rate_logistic", "evaluation/decoder/xgboost")
MADE = ("recording", "binned", "folds", "decoder/rate_logistic", "decoder/xgboost", *EVALUATIONS)
WAITING_DECODER = '''\
"""A decoder that says that it learns, then waits to be let go: for tests that end it meanwhile."""

import os
import time
from pathlib import Path

import numpy as np

from neuropipe.decoders.base import CountsDecoder
from neuropipe.registry import decoder


@decoder("waiting", task="classification", input="counts")
class Waiting(CountsDecoder):
    """Waits."""

    def _learn(self, counts, labels):
        marker = os.environ.get("WAIT_AT")
        if marker:
            Path(marker).touch()
            time.sleep(120)

    def _probabilities(self, counts):
        return np.full((len(counts), len(self.classes_)), 1 / len(self.classes_))

    def _write(self, folder):
        return None

    def _read(self, folder, learned):
        pass
'''


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Place:
    """A copy of the project in which one session has been evaluated by two decoders; tests take copies."""
    root = tmp_path_factory.mktemp("edits")
    place = make_place(root, copy_project(root / "code"), quick=QUICK)
    assert counts(place.json("run", *EVALUATIONS, *SESSION)) == (0, 7, 0)
    return place


def copy_of(place: Place, root: Path) -> Place:
    """Without bytecode, which would be older than the copied source and so not be trusted."""
    bytecode = shutil.ignore_patterns("__pycache__")
    return Place(Path(shutil.copytree(place.root, root, ignore=bytecode)), root / "code")


@pytest.fixture(scope="module")
def made(kept, tmp_path_factory) -> Place:
    """What was kept, which the tests of edits leave as it is."""
    return copy_of(kept, tmp_path_factory.mktemp("made") / "copy")


@pytest.fixture
def begun(kept, tmp_path) -> Place:
    """What was kept, with a decoder that can be made to wait."""
    place = copy_of(kept, tmp_path / "copy")
    (place.code / "neuropipe" / "decoders" / "waiting.py").write_text(WAITING_DECODER)
    return place


def counts(summary: dict) -> tuple[int, int, int]:
    return summary["hit"], summary["run"], summary["failed"]


def to_run(place: Place, *selection: str) -> dict[str, str]:
    """asset -> why it must run; hits are left out."""
    rows = place.json("plan", *(selection or MADE), *SESSION)
    assert {row["state"] for row in rows} <= {"hit", "run"}
    assert len(rows) == len(selection or MADE)
    return {row["asset"]: row["reason"] for row in rows if row["state"] == "run"}


BELOW_BINNED = {
    "folds": "binned will run",
    "decoder/rate_logistic": "binned will run",
    "evaluation/decoder/rate_logistic": "decoder/rate_logistic will run",
    "decoder/xgboost": "binned will run",
    "evaluation/decoder/xgboost": "decoder/xgboost will run",
}


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        pytest.param(
            "neuropipe/binning/kernel.py",
            "TRIALS = np.uint64(32)",
            "TRIALS = np.uint64(64)",
            {"binned": "changed: code_version", **BELOW_BINNED},
            id="a constant two modules away from binned",
        ),
        pytest.param(
            "neuropipe/decoders/scaling.py",
            "rows.std(axis=0)",
            "rows.std(axis=0, ddof=0)",
            {
                "decoder/rate_logistic": "changed: code_version",
                "evaluation/decoder/rate_logistic": "decoder/rate_logistic will run",
            },
            id="a helper two modules away from one decoder",
        ),
        pytest.param(
            "neuropipe/decoders/xgboost.py",
            '"max_bin": 32',
            '"max_bin": 16',
            {"decoder/xgboost": "changed: code_version", "evaluation/decoder/xgboost": "decoder/xgboost will run"},
            id="another decoder",
        ),
        pytest.param(
            "catalog/quick.yaml",
            "window: [0.2, 0.5]",
            "window: [0.1, 0.5]",
            {"binned": "changed: config.window", **BELOW_BINNED},
            id="the window of the task",
        ),
    ],
)
def test_an_edit_reruns_exactly_what_it_can_change(made, path, old, new, expected):
    with made.edited(path, old, new):
        assert to_run(made) == expected


def test_what_no_result_depends_on_reruns_nothing(made):
    edits = [
        ("neuropipe/decoders/scaling.py", '"""Scaling', '"""Rescaling'),
        ("neuropipe/binning/kernel.py", "import numpy", "# why\nUNUSED = 1\nimport numpy"),
        ("neuropipe/decoders/xgboost.py", '"multi:softprob",', '"multi:softprob",\n\n'),
        ("neuropipe/decoders/logistic_regression.py", "@decoder(", "UNUSED = 1\n\n@decoder("),
        ("neuropipe/plots/style.py", "PALETTE =", "STYLE = 'new'\nPALETTE ="),
        ("catalog/quick.yaml", "title: Quick", "title: Other"),
        ("catalog/quick.yaml", "Ratcliff and McKoon", "R. and M."),
    ]
    with contextlib.ExitStack() as all_edits:
        for edit in edits:
            all_edits.enter_context(made.edited(*edit))
        assert to_run(made) == {}


def test_an_edit_without_effect_runs_one_stage_and_stops_at_the_same_bytes(made):
    with made.edited("neuropipe/binning/kernel.py", "TRIALS = np.uint64(32)", "TRIALS = np.uint64(16)"):
        assert counts(made.json("run", *EVALUATIONS, *SESSION)) == (6, 1, 0)
    assert counts(made.json("run", *EVALUATIONS, *SESSION)) == (7, 0, 0), "and back is free"


def test_an_edited_decoder_runs_with_its_evaluation_where_its_predictions_change(made):
    with made.edited("neuropipe/decoders/xgboost.py", ": self.leaf_penalty", ": 9 * self.leaf_penalty"):
        assert counts(made.json("run", *EVALUATIONS, *SESSION)) == (5, 2, 0)


def test_an_added_decoder_is_all_that_runs(made):
    added = made.code / "neuropipe" / "decoders" / "waiting.py"
    added.write_text(WAITING_DECODER)
    try:
        assert to_run(made) == {}
        assert to_run(made, "decoder/waiting", "evaluation/decoder/waiting") == {
            "decoder/waiting": "never made",
            "evaluation/decoder/waiting": "decoder/waiting will run",
        }
    finally:
        added.unlink()


def test_a_setting_there_and_back_keeps_both(made):
    gap = ("--set", "folds.gap=2")
    assert counts(made.json("run", "folds", *SESSION, *gap)) == (2, 1, 0)
    assert counts(made.json("run", "folds", *SESSION)) == (3, 0, 0)
    assert counts(made.json("run", "folds", *SESSION, *gap)) == (3, 0, 0)
    assert to_run(made) == {}


def test_a_fresh_dagster_home_runs_nothing(made, tmp_path):
    summary = made.json("run", *EVALUATIONS, *SESSION, DAGSTER_HOME=str(tmp_path))
    assert counts(summary) == (7, 0, 0)


def flip_a_byte(place: Place, asset: str, pattern: str) -> None:
    store = place.root / "artifacts"
    latest = (store / "sessions" / "quick.one" / asset / "LATEST").read_text().strip()
    data = store / "artifacts" / asset / latest / "data"
    file = next(path for path in data.glob(pattern) if path.is_file())
    body = bytearray(file.read_bytes())
    body[len(body) // 2] ^= 1
    file.write_bytes(body)


def test_a_flipped_byte_is_found_before_it_is_computed_from_and_repaired(made):
    flip_a_byte(made, "binned", "arrays.zarr/activity/c/**/*")
    summary = made.json("run", "decoder/rate_logistic", *SESSION, "--set", "decoder/rate_logistic.n_inner_folds=3")
    assert counts(summary) == (2, 2, 0), "binned is made again for the decoder, the others are hits"
    (aside,) = (made.root / "artifacts" / ".quarantine").iterdir()
    assert json.loads((aside / "_manifest.json").read_text())["asset"] == "binned"
    assert to_run(made) == {}


def test_several_damaged_inputs_are_all_repaired_in_one_go(made):
    flip_a_byte(made, "binned", "trials.parquet")
    flip_a_byte(made, "folds", "folds.parquet")
    summary = made.json("run", "decoder/rate_logistic", *SESSION, "--set", "decoder/rate_logistic.n_inner_folds=2")
    assert counts(summary) == (1, 3, 0)


# -- runs that end early ---------------------------------------------------------------------------------------------


def wait_for(process: subprocess.Popen, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the command did not get there"
        time.sleep(0.02)


def visible(place: Place, asset: str) -> list[str]:
    """Names in an artifact folder: committed fingerprints only, never a draft."""
    folder = place.root / "artifacts" / "artifacts" / asset
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def leftovers(place: Place) -> list[str]:
    """Drafts; locks stay, as others may wait for them."""
    return [path.name for path in (place.root / "artifacts" / ".stage").glob("*") if path.is_dir()]


def test_a_run_killed_while_a_decoder_learns_is_taken_up_where_it_was(begun):
    marker = begun.root / "learning"
    running = begun.start("run", "decoder/waiting", *SESSION, WAIT_AT=str(marker))
    wait_for(running, marker.exists)
    alive = begun.json("gc", "--dry-run")
    assert [row for row in alive if row["kind"] == "unfinished"] == [], "a live process still writes it"
    running.kill()
    running.communicate()
    assert visible(begun, "decoder/waiting") == []
    dead = begun.json("gc", "--dry-run")
    assert [row["kind"] for row in dead] == ["unfinished"]
    assert counts(begun.json("run", "decoder/waiting", *SESSION)) == (3, 1, 0)
    assert [row["kind"] for row in begun.json("gc")] == ["unfinished"]
    assert leftovers(begun) == []
    assert begun.json("gc") == []


def test_a_run_killed_in_the_middle_of_a_commit_leaves_nothing_half_written(kept, tmp_path):
    fresh = Place(make_place(tmp_path / "place", quick=QUICK).root, copy_of(kept, tmp_path / "copy").code)
    marker = fresh.root / "committing"
    stop = f'    import os, time\n    if os.environ.get("STOP"):\n        open({str(marker)!r}, "w").close()\n'
    stop += "        time.sleep(120)\n"
    with fresh.edited("resources/store/commit.py", "    sync_tree(draft.path)\n", f"{stop}    sync_tree(draft.path)\n"):
        running = fresh.start("run", "recording", *SESSION, STOP="1")
        wait_for(running, marker.exists)
        running.kill()
        running.communicate()
    (draft,) = [path for path in (fresh.root / "artifacts" / ".stage").iterdir() if path.is_dir()]
    assert (draft / "_manifest.json").exists(), "it was all written, but for the rename"
    assert visible(fresh, "recording") == []
    assert counts(fresh.json("run", "recording", *SESSION)) == (0, 1, 0)
    assert next(row["kind"] for row in fresh.json("gc")) == "unfinished"
    assert leftovers(fresh) == []


def test_an_interrupted_run_says_so_shortly_cleans_up_and_begins_nothing_more(begun):
    for number in (signal.SIGINT, signal.SIGTERM):
        marker = begun.root / f"learning until {number.name}"
        running = begun.start("run", "decoder/waiting", "--session", "quick.*", WAIT_AT=str(marker))
        wait_for(running, marker.exists)
        running.send_signal(number)
        _, said = running.communicate(timeout=300)
        assert running.returncode == 130
        assert said == "neuropipe: interrupted; finished work is kept, run the same command to resume\n"
        assert leftovers(begun) == []
    assert visible(begun, "decoder/waiting") == []
    assert not (begun.root / "artifacts" / "sessions" / "quick.two").exists()


def test_two_runs_at_once_make_each_artifact_once(tmp_path):
    place = make_place(tmp_path, quick=QUICK)
    both = [place.start("run", "evaluation/decoder/rate_logistic", *SESSION, "--json") for _ in range(2)]
    ended = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], ended
    summaries = [counts(json.loads(out)) for out, _ in ended]
    assert tuple(map(sum, zip(*summaries, strict=True))) == (5, 5, 0)
    for asset in ("recording", "binned", "folds", "decoder/rate_logistic", "evaluation/decoder/rate_logistic"):
        assert len(list((tmp_path / "artifacts" / "artifacts" / asset).iterdir())) == 1
    assert leftovers(place) == []
