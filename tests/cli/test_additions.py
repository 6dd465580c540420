"""What a contributor adds is one module or folder: it then appears everywhere, and no other file is edited."""

import json
import subprocess

import numpy as np
import pytest

from tests.cli import additions
from tests.installation import QUICK, copy_project, make_place
from tests.unit.score_families import TOY

ADDED = {
    "neuropipe/tasks/totals.py": additions.TASK,
    "neuropipe/evaluation/families/spike_prediction.py": TOY,
    "neuropipe/decoders/constant.py": additions.DECODER,
    "neuropipe/connectivity/busy.py": additions.METHOD,
    "neuropipe/readers/lines.py": additions.READER,
    "neuropipe/sorting/troughs.py": additions.SORTER,
    "assets/stages/toys/__init__.py": "",
    "assets/stages/toys/busiest.py": additions.STAGES,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("added")
    code = copy_project(root / "code")
    for path, text in ADDED.items():
        assert not (code / path).exists(), f"{path} is no addition"
        (code / path).parent.mkdir(exist_ok=True)
        (code / path).write_text(text)
    rng = np.random.default_rng(0)
    spikes = np.concatenate(
        [start + rng.uniform(0, 1, rng.poisson(5 + 3 * (start % 4))) for start in np.arange(40) * 2.0]
    )
    np.savetxt(root / "spikes.txt", np.sort(spikes))
    found = make_place(root / "place", code, own=additions.DATASET.replace("PATH", str(root / "spikes.txt")),
                       quick=QUICK, volts=additions.VOLTAGE)  # fmt: skip
    decoders = ("evaluation/decoder/ridge", "evaluation/decoder/constant")
    done = found.neuropipe("run", *decoders, "busiest/*", "leaderboard", "report", "--session", "own.one")
    assert done.returncode == 0, done.stderr + done.stdout
    return found


def test_a_new_kind_of_task_with_a_new_score_family_reaches_leaderboard_and_json(place):
    rows = {row["model"]: row for row in place.json("leaderboard") if row["state"] == "current"}
    assert {"ridge", "constant"} <= set(rows)
    assert {row["family"] for row in rows.values()} == {"spike_prediction"}
    assert {row["metric"] for row in rows.values()} == {"bits_per_spike"}
    assert rows["ridge"]["bits_per_spike"] > rows["constant"]["bits_per_spike"], "it sees the spikes"
    printed = place.neuropipe("leaderboard").stdout
    assert "own.one, blocked folds" in printed
    assert "bits" in printed
    assert max(map(len, printed.splitlines())) <= 200


def test_it_reaches_the_report(place):
    page = (place.root / "artifacts" / "report.html").read_text()
    assert "number of spikes" in page
    assert "bits per spike" in page


def test_decoders_of_other_tasks_say_why_they_do_not_apply(place):
    plan = {
        row["asset"]: row for row in place.json("plan", "decoder/naive_bayes", "decoder/ridge", "--session", "own.one")
    }
    assert plan["decoder/ridge"]["state"] == "hit"
    assert plan["decoder/naive_bayes"]["state"] == "n/a"
    assert "its task is totals of number of spikes" in plan["decoder/naive_bayes"]["reason"]


def test_a_new_group_of_stages_and_a_new_reader_run_like_any_other(place):
    shown = {row["field"]: row["value"] for row in place.json("show", "busiest/unit", "--session", "own.one")}
    assert (shown["state"], shown["unit"]) == ("hit", 0)
    recording = {row["field"]: row["value"] for row in place.json("show", "recording", "--session", "own.one")}
    assert (recording["config.reader"], recording["n_trials"]) == ("lines", 40)


def test_a_new_connectivity_method_is_run_and_scored_like_any_other(place):
    done = place.neuropipe("run", "connectivity/bus*", "--session", "quick.one")
    assert done.returncode == 0, done.stderr + done.stdout
    rows = {row["model"]: row for row in place.json("leaderboard", "--session", "quick.one")}
    assert set(rows) == {"busy"}, "nothing else was asked for"
    assert (rows["busy"]["family"], rows["busy"]["metric"]) == ("connectivity", "split_half_over_null")
    assert rows["busy"]["split_half"] > 0.8, "rates are reproduced"
    assert abs(rows["busy"]["score"]) < 0.05, "by jittered spikes as well, since rates are no interaction"


def test_a_new_sorter_is_run_and_scored_like_any_other(place):
    done = place.neuropipe("run", "evaluation/sorting/troughs", "--session", "volts.one")
    assert done.returncode == 0, done.stderr + done.stdout
    row = {row["model"]: row for row in place.json("leaderboard", "--session", "volts.one")}["troughs"]
    assert (row["family"], row["state"], row["metric"]) == ("sorting", "current", "median_accuracy")
    assert row["score"] > 0.9, "there is one unit, and its troughs are deep"


def test_an_addition_reruns_nothing_that_was_there(place, tmp_path):
    """The versions of all other code are those of the project without the additions."""
    script = (
        "import json; from assets.pipeline import stages; from resources.store.code import CodeBase; "
        "from resources.store.stage import Uses; code = CodeBase(); "
        "print(json.dumps({s.name: code.version(s.roots(Uses())) for s in stages()}))"
    )
    versions = []
    for code in (place.code, copy_project(tmp_path / "code")):
        done = make_place(tmp_path / code.parent.name, code).python("-c", script)
        assert done.returncode == 0, done.stderr
        versions.append(json.loads(done.stdout))
    with_additions, without = versions
    assert {name: with_additions[name] for name in without} == without


def test_nothing_else_was_edited(place):
    listed = subprocess.run(
        ["git", "diff", "--no-index", "--name-only", str(copy_project(place.root.parent / "clean")), str(place.code)],
        capture_output=True,
        text=True,
    ).stdout.split()
    changed = {path.partition("/code/")[2] for path in listed if "__pycache__" not in path and ".cache" not in path}
    assert changed <= set(ADDED)
