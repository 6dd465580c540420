"""The pipeline from Python, as a notebook outside the clone uses it."""

import json

import pytest

from tests.installation import QUICK, make_place

SCRIPT = """
import json, sys
import neuropipe as npp
from neuropipe.errors import BadInput

def refused(call, *arguments, **named):
    try:
        call(*arguments, **named)
    except BadInput as error:
        return str(error)

said = {"heavy": [name for name in ("zarr", "dagster", "pandas") if name in sys.modules]}
said["before"] = refused(npp.load, "binned", "quick.one")
said["no session"] = refused(npp.load, "binned")
said["no such asset"] = refused(npp.load, "bined", "quick.one")
said["no such setting"] = refused(npp.run, "folds", session="quick.one", settings={"folds.n": 3})
said["unread"] = refused(npp.run, "folds", session="quick.one", settings={"decoder/knn.n_neighbours": [3]})
said["first"] = npp.run("evaluation/decoder/rate_logistic", "leaderboard", session="quick.one")
said["second"] = npp.run("evaluation/decoder/rate_logistic", "leaderboard", session="quick.*")
binned = npp.load("binned", "quick.one")
said["dims"] = dict(binned.to_xarray().sizes)
said["columns"] = list(binned.to_pandas().columns)
said["spikes"] = len(npp.load("recording", "quick.one").to_pynapple())
said["same"] = npp.load("activity", "quick.one").n_units
said["variant"] = npp.run("binned", session="quick.one", settings={"binned.bin_width": 0.15})
said["coarse"] = npp.load("binned", "quick.one", settings={"binned.bin_width": 0.15}).activity.shape[1]
said["sessions"] = npp.sessions()[["session", "task", "target"]].to_dict("records")
said["board"] = npp.leaderboard("quick.one")[["session", "scheme", "model", "family"]].to_dict("records")
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    place = make_place(tmp_path_factory.mktemp("notebook") / "place", quick=QUICK)
    done = place.python("-c", SCRIPT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_importing_the_package_loads_nothing_heavy(said):
    assert said["heavy"] == []


def test_what_is_not_there_names_the_call_that_makes_it(said):
    assert said["before"].endswith("make it with neuropipe.run('binned', session='quick.one')")
    assert "binned is made for each session" in said["no session"]
    assert "did you mean binned" in said["no such asset"]
    assert "folds has no setting 'n'" in said["no such setting"]
    assert "nothing reads this setting, since decoder/knn does not run here" in said["unread"]


def test_a_second_run_reuses_everything(said):
    assert (said["first"]["run"], said["first"]["failed"], said["first"]["failures"]) == (6, 0, [])
    assert said["second"]["run"] > 0, "quick.two was not there"
    assert said["second"]["failed"] == 0


def test_artifacts_come_as_typed_objects(said):
    assert said["dims"] == {"trial": 60, "bin": 6, "unit": 12}
    assert said["columns"] == ["trial", "label", "start", "stop"]
    assert said["spikes"] == said["same"] == 12
    assert said["coarse"] == 2


def test_sessions_and_leaderboard_are_tables(said):
    assert said["sessions"][0] == {"session": "quick.one", "task": "classification", "target": "choice"}
    assert {"session": "quick.one", "scheme": "blocked", "model": "rate_logistic", "family": "classification"} in said[
        "board"
    ]
