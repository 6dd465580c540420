"""Stages in child processes: the same artifacts, errors told in the same words, limits kept, nobody left behind."""

import dataclasses
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

from assets.dagster.assets import to_asset
from assets.dagster.partitions import sessions
from neuropipe.errors import BadInput
from resources.run import memory
from resources.run.compute import LocalCompute, compute_from_environment
from resources.run.memory import available, free_in_groups, in_words, parse_size, resident
from resources.store.memo import materialize
from resources.store.pipeline import Pipeline
from resources.store.plan import Planner
from resources.workspace import Workspace
from tests import isolated_stages


class Log(list):
    """What a run was told, as (level, line)."""

    def log(self, level: int, line: str) -> None:
        self.append((level, line))

    def info(self, line: str) -> None:
        self.log(20, line)


class Bench:
    def __init__(self, root: Path, isolated: bool = True, memory: int | None = None):
        root.mkdir(exist_ok=True)
        self.pipeline = isolated_stages.make_pipeline(root)
        workspace = dataclasses.replace(self.pipeline.workspace, compute=LocalCompute(memory))
        worker = dataclasses.replace(isolated_stages.worker, isolated=isolated)
        self.pipeline = Pipeline([isolated_stages.source, worker], workspace, isolated_stages.BUILDER)
        self.store, self.log = workspace.store, Log()

    def run(self, do: str = "work", key: str = "quick.one", log=None):
        session = self.pipeline.workspace.catalog.session(key)
        materialize(Planner(self.pipeline), "source", session, log=Log())
        return materialize(
            Planner(self.pipeline, {"worker": {"do": do}}), "worker", session, log=self.log if log is None else log
        )


def gone(pid: int) -> bool:
    """Whether a process has ended; one that waits to be reaped counts."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until(holds, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def test_a_child_makes_the_same_artifact_and_a_hit_starts_none(tmp_path, monkeypatch):
    bench, here = Bench(tmp_path / "child"), Bench(tmp_path / "here", isolated=False)
    made, expected = bench.run().artifact, here.run().artifact
    assert made.manifest["data_version"] == expected.manifest["data_version"]
    assert made.manifest["files"] == expected.manifest["files"]
    assert made.manifest["checks"] == expected.manifest["checks"]
    assert made.metadata == {**expected.metadata, "in_process": made.metadata["in_process"]}
    assert expected.metadata["in_process"] == os.getpid() != made.metadata["in_process"]
    assert list((bench.store.root / ".progress").iterdir()) == [], "gone with the commit"

    def forbidden(*_, **__):
        raise AssertionError("a child was started")

    monkeypatch.setattr(subprocess, "Popen", forbidden)
    assert bench.run().state == "hit"


def test_log_lines_and_warnings_come_as_they_are_and_what_is_printed_does_not(tmp_path, capfd):
    bench = Bench(tmp_path)
    bench.run("speak")
    lines = bench.log
    assert re.fullmatch(r"speak in \d+", lines[1][1])
    assert lines[2:4] == [(30, "100 % of it is odd"), (20, "a line of the library")]
    assert lines[4][0] == 30
    assert "UserWarning: it did not converge" in lines[4][1]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("deed", "error", "sentence"),
    [
        ("refuse", "BadInput", "unit 3 holds NaN"),
        ("check fails", "BadInput", "check whole failed: a part is missing"),
        ("diverge", "FloatingPointError", "the weights are no longer finite"),
        ("fill the disk", "BadInput", "the disk that holds .* is full"),
        (
            "ask for too much",
            "BadInput",
            r"worker of quick.one asked for more memory than there is \(Unable to allocate 7 TiB\); it held .*: allow "
            "more with NEUROPIPE_MEMORY",
        ),
        (
            "be killed",
            "BadInput",
            r"worker of quick.one was killed from outside, as the system does when memory runs out; it held \d+ MiB "
            r"and might hold [\d.]+ GiB: allow more with NEUROPIPE_MEMORY",
        ),
        ("crash", "BadInput", r"the process of worker of quick.one died without an answer \(signal SIGSEGV\)"),
        ("leave", "BadInput", r"died without an answer \(exit code 3\); the last it printed was 'out of licences'"),
    ],
)
def test_what_goes_wrong_in_a_child_is_told_as_if_it_were_here(tmp_path, deed, error, sentence):
    bench = Bench(tmp_path)
    with pytest.raises(Exception, match=sentence) as raised:
        bench.run(deed)
    assert type(raised.value).__name__ == error
    failure = bench.store.failure("worker", "quick.one")["message"]
    assert failure == (str(raised.value) if error == "BadInput" else f"{error}: {raised.value}")
    assert list((bench.store.root / ".stage").iterdir()) == []


def test_lines_and_errors_of_a_child_are_in_dagsters_event_log(tmp_path):
    pipeline, instance = isolated_stages.make_pipeline(tmp_path), dg.DagsterInstance.ephemeral()
    asset = [
        to_asset(stage, Planner(pipeline), sessions(pipeline.workspace.catalog)) for stage in pipeline.stages.values()
    ]
    told = {}
    for deed in ("speak", "refuse"):
        config = {"ops": {"worker": {"config": {"do": deed}}}}
        result = dg.materialize(
            asset, partition_key="quick.one", instance=instance, run_config=config, raise_on_error=False
        )
        told[deed] = [(entry.level, entry.user_message) for entry in instance.all_logs(result.run_id)]
        failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert (30, "100 % of it is odd") in told["speak"]
    assert (20, "a line of the library") in told["speak"]
    (failure,) = failures
    assert failure.user_failure_data.description == "unit 3 holds NaN"


def test_where_in_the_child_an_error_was_raised_is_kept(tmp_path):
    with pytest.raises(Exception, match="no longer finite") as raised:
        Bench(tmp_path).run("diverge")
    assert "in failing\n    raise error\n" in str(raised.value.__cause__)


@pytest.mark.parametrize("deed", ["hog", "hog in a grandchild"])
def test_a_child_that_takes_too_much_memory_is_stopped_with_a_sentence_and_alone(tmp_path, deed):
    bench = Bench(tmp_path, memory=400 * 2**20)
    with pytest.raises(BadInput) as raised:
        bench.run(deed)
    said = re.fullmatch(
        r"worker of quick.one was stopped: it held (\d+) MiB of memory and may hold 400 MiB; allow more with "
        r"NEUROPIPE_MEMORY \(e.g. NEUROPIPE_MEMORY=1G\) on a machine that has it, or make the work smaller with --set "
        r"\(coarser binned.bin_width, smaller settings of its own\)",
        str(raised.value),
    )
    assert said, str(raised.value)
    assert int(said[1]) > 400
    for _, line in bench.log:
        if named := re.fullmatch(r"(?:hog in a|grand)child (\d+)", line):
            wait_until(lambda pid=int(named[1]): gone(pid))
    assert bench.run("work").state == "miss", "what comes after it is unharmed"


def test_an_interrupt_ends_the_child_and_its_children(tmp_path):
    class Interrupted(Log):
        def log(self, level, line):
            super().log(level, line)
            if line == "ready":
                raise KeyboardInterrupt

    bench = Bench(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        bench.run("wait", log=Interrupted())
    (pids,) = (bench.store.root / ".progress").glob("*/pids")
    for pid in pids.read_text().split():
        wait_until(lambda pid=int(pid): gone(pid))
    assert list((bench.store.root / ".stage").iterdir()) == []
    assert bench.store.failure("worker", "quick.one") is None, "nothing failed"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_death_of_the_parent_ends_the_child_and_its_children(tmp_path, number):
    code = (
        "import sys; from pathlib import Path; from tests.cache.test_child_process import Bench\n"
        "Bench(Path(sys.argv[1])).run('wait')"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stderr=subprocess.DEVNULL)
    try:
        found = tmp_path / "store" / ".progress"
        wait_until(lambda: any(path.read_text().count(" ") == 1 for path in found.glob("*/pids")))
        (pids,) = [path.read_text().split() for path in found.glob("*/pids")]
    finally:
        parent.send_signal(number)
        parent.wait()
    for pid in pids:
        wait_until(lambda pid=int(pid): gone(pid))


def test_code_that_changed_meanwhile_is_not_run_under_the_old_fingerprint(tmp_path, monkeypatch):
    bench = Bench(tmp_path)
    monkeypatch.setattr(Planner, "fingerprint", lambda *_: "0" * 64)
    with pytest.raises(BadInput, match="the catalogue changed after worker of quick.one was planned: run again"):
        bench.run()


def test_a_pipeline_that_children_could_not_build_is_refused(tmp_path):
    with pytest.raises(ValueError, match="worker runs in a child process"):
        Pipeline([isolated_stages.source, isolated_stages.worker], Workspace(tmp_path, tmp_path, tmp_path))


# -- what is asked for -------------------------------------------------------------------------------------------------


def test_compute_is_what_the_environment_asks_for(monkeypatch):
    for name in ("NEUROPIPE_COMPUTE", "NEUROPIPE_MEMORY"):
        monkeypatch.delenv(name, raising=False)
    assert compute_from_environment() == LocalCompute()
    assert 0 < LocalCompute().limit <= available() * 1.1
    monkeypatch.setenv("NEUROPIPE_MEMORY", "6G")
    monkeypatch.setenv("NEUROPIPE_COMPUTE", "local")
    assert compute_from_environment().limit == 6 * 2**30
    monkeypatch.setenv("NEUROPIPE_COMPUTE", "moon")
    with pytest.raises(BadInput, match="NEUROPIPE_COMPUTE is 'moon', which there is not; set it to local, or unset it"):
        compute_from_environment()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("6G", 6 * 2**30), ("1.5g", 3 * 2**29), ("800M", 800 * 2**20), ("2 TiB", 2**41), ("64KB", 2**16)],
)
def test_amounts_of_memory_are_read(text, expected):
    assert parse_size(text, "it") == expected


@pytest.mark.parametrize("text", ["6", "G", "much", "-1G", "0G", "6 GB of it"])
def test_other_amounts_are_refused(text):
    with pytest.raises(BadInput, match="NEUROPIPE_MEMORY is .*; write an amount of memory such as 6G or 800M"):
        parse_size(text, "NEUROPIPE_MEMORY")


def test_amounts_are_told_in_words():
    assert [in_words(n) for n in (5 * 2**20, 2**30, 3 * 2**29)] == ["5 MiB", "1.00 GiB", "1.50 GiB"]


def machine(root: Path, cgroup: str, **files: str) -> Path:
    """The control groups of a machine, as its kernel's files tell them."""
    (root / "proc" / "self").mkdir(parents=True)
    (root / "proc" / "self" / "cgroup").write_text(cgroup)
    for path, text in files.items():
        file = root / "sys/fs/cgroup" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def test_limits_of_the_control_groups_around_us_are_known(tmp_path):
    gib = 2**30
    assert free_in_groups(machine(tmp_path / "free", "0::/\n")) == []
    second = {
        "batch/job/memory.max": "max\n",
        "batch/memory.max": f"{4 * gib}\n",
        "batch/memory.current": f"{3 * gib}\n",
        "batch/memory.stat": f"anon 5\ninactive_file {gib}\n",
    }
    assert free_in_groups(machine(tmp_path / "second", "0::/batch/job\n", **second)) == [2 * gib], (
        "file cache is given back"
    )
    first = {
        "memory/pod/memory.limit_in_bytes": f"{6 * gib}\n",
        "memory/pod/memory.usage_in_bytes": f"{gib}\n",
        "memory/pod/memory.stat": "inactive_file 7\ntotal_inactive_file 0\n",
    }
    assert free_in_groups(machine(tmp_path / "first", "9:memory:/pod\n4:cpu,cpuacct:/pod\n", **first)) == [5 * gib]
    # In a container the path is the host's, while what is mounted is the container's own group.
    inside = {path.replace("pod/", ""): text for path, text in first.items()}
    assert free_in_groups(machine(tmp_path / "inside", "9:memory:/docker/ab12\n", **inside)) == [5 * gib]


def test_what_is_available_is_the_least_of_the_machine_and_its_control_groups(monkeypatch):
    import psutil

    machine = psutil.virtual_memory().available
    monkeypatch.setattr(memory, "free_in_groups", lambda: [3 * 2**20, 2**60])
    assert available() == 3 * 2**20
    monkeypatch.setattr(memory, "free_in_groups", lambda: [2**60])
    assert 0.5 * machine < available() < 2 * machine


def test_resident_memory_counts_children_and_not_the_dead():
    own = resident(os.getpid())
    code = "held = bytearray(b'x') * 2**26; print(); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.read(1)
        assert resident(child.pid) >= 2**26
        assert resident(os.getpid()) >= own + 2**26
        child.communicate(b"\n")
        assert resident(child.pid) == 0
