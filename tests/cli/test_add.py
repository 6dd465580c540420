"""`neuropipe add`: what is refused, what is written, and that two at once or a kill lose nothing."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from neuropipe.catalog import Catalog
from tests.cli.command import ask, get
from tests.cli.recordings import ADD, save
from tests.installation import QUICK, ROOT, Place, copy_project, make_place


def local(place: Place) -> Path:
    return place.root / "catalog" / "local.yaml"


def refused(place: Place, *arguments: str) -> str:
    """The one line that says why, after which nothing has changed."""
    before = local(place).read_bytes() if local(place).exists() else None
    answer = ask(place, "add", *arguments)
    assert answer.code == 2, answer
    (line,) = answer.err.splitlines()
    assert (local(place).read_bytes() if local(place).exists() else None) == before
    assert not (place.root / "artifacts").exists()
    assert not (place.root / "raw").exists()
    return line.removeprefix("neuropipe: ")


# -- refusals ----------------------------------------------------------------------------------------------------------


def folder(path: Path) -> None:
    path.mkdir()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("times, units\n1, 2\n")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def circle(path: Path) -> None:
    path.symlink_to(path)


def truncated(path: Path) -> None:
    save(path)
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (folder, "{file} holds no file; give the folder of a recording"),
        (empty, "{file} is empty (0 bytes); save the recording again"),
        (text, "bad.npz is no whole .npz file"),
        (pipe, "{file} is not a file; give the path of a recording"),
        (circle, "no file {file}; give the path of a recording"),
        (truncated, "bad.npz is no whole .npz file"),
    ],
)
def test_what_is_no_recording_is_refused(place, make, sentence):
    file = place.root / "bad.npz"
    make(file)
    assert refused(place, str(file), *ADD).startswith(sentence.format(file=file))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"times": np.full(500, np.nan), "offsets": np.array([0, 500])}, "times is not finite"),
        ({"choice": np.full(60, np.nan)}, "choice is not finite in 60 rows"),
        ({"choice": np.array([None] * 60)}, "pickled arrays are refused"),
        ({"choice": None}, "has no labels called 'choice'; its trial table has start (--label names one of these)"),
        (
            {"choice": np.ones(60, int)},
            "decoding 'choice' needs two classes of at least 2 trials each; it has 1 in 60 trials: 1 (60). Give",
        ),
        ({"choice": np.arange(60) // 59}, "it has 2 in 60 trials: 0 (59), 1 (1)"),
        ({"choice": np.arange(60)}, "it has 60 in 60 trials: 0 (1), 1 (1), 2 (1), 3 (1)"),
    ],
    ids=["NaN times", "NaN labels", "pickle", "no label", "one class", "one trial of a class", "all different"],
)
def test_a_recording_that_nothing_could_be_decoded_from_is_refused(place, changed, sentence):
    said = refused(place, str(save(place.root / "bad.npz", **changed)), *ADD)
    assert sentence in said
    assert "bad.npz" in said


def test_another_ending_is_refused_with_those_that_are_taken(place):
    path = save(place.root / "mouse.npz").rename(place.root / "mouse.mat")
    assert refused(place, str(path), *ADD) == (
        f"{path} ends in '.mat'; `neuropipe add` takes .npz. Other formats are described in a YAML file in "
        "data/catalog (docs/add.md)"
    )


def test_one_bad_file_keeps_all_from_being_added(place):
    good, bad = save(place.root / "good.npz"), save(place.root / "bad.npz", choice=None)
    assert "bad.npz has no labels" in refused(place, str(good), str(bad), *ADD)
    twice = save(place.root / "Good.npz")
    assert "mine.good is in the catalogue already" in refused(place, str(good), str(twice), *ADD)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"mine: [\n", "local.yaml:2: not valid YAML"),
        (b"\xff\xfe", "local.yaml can't be read as text"),
        (b"mine: {title: x}\n", "local.yaml:1: mine.citation: this field must be given"),
    ],
)
def test_a_damaged_local_catalogue_is_named(place, content, sentence):
    local(place).write_bytes(content)
    assert sentence in refused(place, str(save(place.root / "mouse.npz")), *ADD)


# -- what is written ---------------------------------------------------------------------------------------------------


def test_several_files_are_added_and_told_as_json(place):
    files = [save(place.root / f"{name}.npz") for name in ("a", "b")]
    assert get(place, "add", *map(str, files), *ADD) == [
        {"session": f"mine.{file.stem}", "file": str(file), "reader": "npz", "modality": "spikes"} for file in files
    ]
    assert list(Catalog.load(place.root / "catalog").datasets["mine"].sessions) == ["a", "b"]


def test_traces_are_given_to_the_reader_that_recognises_them(place):
    path = place.root / "traces.npz"
    labels = {"trial_start": np.arange(20) * 2.0, "choice": np.arange(20) % 2}
    np.savez(path, dff=np.random.default_rng(0).normal(size=(1200, 3)), frame_rate=30.0, **labels)
    (row,) = get(place, "add", str(path), *ADD)
    assert (row["reader"], row["modality"]) == ("traces_npz", "fluorescence")
    spikes = save(place.root / "spikes.npz")
    assert "mine holds fluorescence, and " in refused(place, str(spikes), *ADD)


COMMENTED = """\
# My own recordings: keep this line.
mine:
  title: Own recordings   # who made them
  citation: unpublished
  licence: not stated
  modality: spikes
  reader: npz
  follow_upstream: no     # a word that is false in YAML 1.1
  sessions:
    # The first one.
    old: {files: {old.npz: {path: /data/old.npz}}}   # on the other disk
other:
  title: "12:30"
  citation: unpublished
  licence: not stated
  modality: counts
  reader: npz
  sessions: {one: {files: {a: {path: a}}}}
"""


def test_comments_and_everything_else_stay(place):
    local(place).write_text(COMMENTED)
    before = yaml.safe_load(COMMENTED)
    get(place, "add", str(save(place.root / "new.npz")), *ADD)
    written = local(place).read_text()
    for comment in (
        "# My own recordings: keep this line.",
        "# who made them",
        "# The first one.",
        "# on the other disk",
    ):
        assert comment in written
    after = yaml.safe_load(written)
    assert after["mine"]["sessions"].pop("new") == {"files": {"new.npz": {"path": str(place.root / "new.npz")}}}
    assert after["mine"].pop("task")["label"] == "choice"
    assert after == before


def test_a_file_of_comments_only_keeps_them(place):
    local(place).write_text("# nothing yet")
    get(place, "add", str(save(place.root / "new.npz")), *ADD)
    assert local(place).read_text().startswith("# nothing yet\nmine:\n")


@pytest.mark.parametrize("name", ["yes", "on", "null", "123", "012", "1e3", "2016-12-18", "0x1f", "a.b"])
def test_names_that_yaml_takes_for_something_else_stay_names(place, name):
    path = save(place.root / f"{name}.npz", **{name: np.arange(60) % 2, "choice": None})
    options = ("--label", name, "--window", "0", "1e-5", "--bin-width", "1e-5")
    assert [row["session"] for row in get(place, "add", str(path), *options)] == [f"mine.{name}"]
    get(place, "add", str(save(place.root / "second.npz", **{name: np.arange(60) % 2})), *options)
    dataset = Catalog.load(place.root / "catalog").datasets["mine"]
    assert (list(dataset.sessions), dataset.task.label, dataset.task.bin_width) == ([name, "second"], name, 1e-5)


def test_a_linked_local_catalogue_stays_a_link(place, tmp_path):
    target = tmp_path / "elsewhere.yaml"
    target.write_text("# elsewhere\n")
    local(place).symlink_to(target)
    get(place, "add", str(save(place.root / "new.npz")), *ADD)
    assert local(place).is_symlink()
    assert "mine:" in target.read_text()


# -- several at once, and kills ----------------------------------------------------------------------------------------

ADD_MANY = """
import sys
from pathlib import Path
from click.testing import CliRunner
from assets.cli import neuropipe
file, prefix, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
for number in range(n):
    done = CliRunner().invoke(neuropipe, ["add", file, "--name", f"{prefix}{number}", *sys.argv[4:]])
    assert done.exit_code == 0, done.output
"""


def test_processes_that_add_at_once_lose_nothing(place):
    file = save(place.root / "mouse.npz", n_trials=6)
    command = [sys.executable, "-c", ADD_MANY, str(file)]
    adders = [subprocess.Popen([*command, prefix, "5", *ADD], env=place.environment) for prefix in "abc"]
    assert [adder.wait(timeout=300) for adder in adders] == [0, 0, 0]
    sessions = Catalog.load(place.root / "catalog").datasets["mine"].sessions
    assert sorted(sessions) == sorted(f"{prefix}{number}" for prefix in "abc" for number in range(5))


# Started once, so that each kill costs no import; the children run the command itself.
FORKS = """
import os, sys
import assets.cli, ruamel.yaml, filelock, neuropipe.readers.npz
from click.testing import CliRunner
file, options = sys.argv[1], sys.argv[2:]
CliRunner().invoke(assets.cli.neuropipe, ["add", file, "--name", "first", *options])
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        number = 0
        while True:
            name = f"{line.strip()}-{number}"
            done = CliRunner().invoke(assets.cli.neuropipe, ["add", file, "--name", name, *options])
            os.write(1, f"{name} {done.exit_code}\\n".encode())
            number += 1
    print(f"child {child}", flush=True)
    os.waitpid(child, 0)
    print("over", flush=True)
"""


def lines(server: subprocess.Popen, told: list[str]) -> Iterator[str]:
    """What the server itself says; what its children said of additions goes to `told`."""
    for line in server.stdout:
        if line.startswith("k"):
            told.append(line.strip())
        else:
            yield line.strip()


@pytest.mark.slow
def test_a_kill_at_any_instant_leaves_a_valid_catalogue_with_all_that_was_told(place):
    """40 kills: every session whose addition was told is there, and the next addition works."""
    local(place).write_text("# keep me\n")
    file = save(place.root / "mouse.npz", n_trials=6)
    rng, told = random.Random(0), []
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT, "env": place.environment}
    with subprocess.Popen([sys.executable, "-c", FORKS, str(file), *ADD], **pipes) as server:
        assert server.stdout.readline() == "ready\n"
        for kill in range(40):
            print(f"k{kill}", file=server.stdin, flush=True)
            child = int(next(line for line in lines(server, told) if line.startswith("child ")).split()[1])
            time.sleep(rng.uniform(0, 0.3))
            os.kill(child, signal.SIGKILL)
            assert "over" in lines(server, told)
            sessions = Catalog.load(place.root / "catalog").sessions
            assert {f"mine.{line.split()[0]}" for line in told} <= set(sessions)
        server.stdin.close()
    assert len(told) >= 5, "additions were made before the kills"
    assert all(line.endswith(" 0") for line in told)
    get(place, "add", str(file), *ADD, "--name", "last")
    assert local(place).read_text().startswith("# keep me\n")
    left = {path.name for path in local(place).parent.iterdir()}
    assert left == {"quick.yaml", "local.yaml", ".locks"}, "leftovers of killed writes are cleared"


# -- a reader of one's own ---------------------------------------------------------------------------------------------

READER = '''
"""Spike counts per trial in a text file."""

import numpy as np
import pandas as pd

from neuropipe.recording import Recording, TrialCounts
from neuropipe.registry import reader


@reader("counts_text", adds=(".counts",))
def read(files):
    """A text file of counts, one row per trial, its label first."""
    (path,) = files.values()
    table = np.loadtxt(path, dtype=int)
    trials = pd.DataFrame({"choice": table[:, 0]})
    counts = TrialCounts(table[:, None, 1:].astype(np.uint8), 1.0, 0.0)
    return Recording(units=pd.DataFrame({"unit": range(table.shape[1] - 1)}), trials=trials, counts=counts)
'''


@pytest.mark.slow
def test_a_reader_module_is_all_that_another_format_needs(tmp_path):
    place = make_place(tmp_path, copy_project(tmp_path / "code"), quick=QUICK)
    (place.code / "neuropipe" / "readers" / "counts_text.py").write_text(READER)
    rows = np.random.default_rng(0).poisson(2.0, (20, 5))
    rows[:, 0] = np.arange(20) % 2
    np.savetxt(tmp_path / "mouse.counts", rows, fmt="%d")
    options = ("--label", "choice", "--window", "0", "1", "--bin-width", "1")
    (row,) = place.json("add", str(tmp_path / "mouse.counts"), *options)
    assert (row["session"], row["reader"], row["modality"]) == ("mine.mouse", "counts_text", "counts")
