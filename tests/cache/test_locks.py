"""Locks between processes: exclusive, freed when the holder dies, never split by removal; waiting is reported."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from resources.files.locks import free_lock, is_held, process_lock, remove_free_lock

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys, time
from pathlib import Path
from resources.files.locks import process_lock
with process_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds a lock, and the lock."""
    path = tmp_path / "lock"
    process = python(HOLD, path)
    assert process.stdout.readline() == "held\n"
    yield process, path
    process.kill()
    process.wait()


def python(code: str, *arguments) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], env=environment, stdout=subprocess.PIPE, text=True
    )


def test_a_lock_is_free_after_an_error_and_its_file_stays(tmp_path):
    path = tmp_path / "folder" / "lock"
    with pytest.raises(ZeroDivisionError), process_lock(path):
        raise ZeroDivisionError
    assert path.exists()
    assert not is_held(path)
    with process_lock(path):
        assert is_held(path)


def test_a_lock_that_does_not_exist_is_not_held_and_asking_does_not_make_it(tmp_path):
    assert not is_held(tmp_path / "lock")
    assert remove_free_lock(tmp_path / "lock")
    assert list(tmp_path.iterdir()) == []


def test_asking_for_a_lock_twice_in_one_thread_is_an_error_rather_than_a_wait_for_ever(tmp_path):
    path = tmp_path / "lock"
    with process_lock(path), pytest.raises(RuntimeError, match="already held"), process_lock(path):
        pass


def test_a_killed_holder_frees_its_lock(holder):
    process, path = holder
    assert is_held(path)
    with free_lock(path) as free:
        assert not free
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    began = time.monotonic()
    with process_lock(path):
        assert time.monotonic() - began < 5


def test_waiting_is_said_once_with_the_place_and_the_holder(holder, caplog):
    process, path = holder
    threading.Timer(0.5, process.kill).start()
    with caplog.at_level(logging.INFO, "resources"), process_lock(path):
        pass
    assert caplog.messages == [f"waiting for another process (process {process.pid}) that holds {path}"]


def test_a_held_lock_is_not_removed(holder):
    process, path = holder
    assert not remove_free_lock(path)
    assert path.exists()
    process.kill()
    process.wait()
    assert remove_free_lock(path)
    assert not path.exists()


COUNT = """
import sys
from pathlib import Path
from resources.files.locks import process_lock
lock, counter = Path(sys.argv[1]), Path(sys.argv[2])
for _ in range(150):
    with process_lock(lock):
        counter.write_text(str(int(counter.read_text()) + 1))
"""
REMOVE = """
import sys, time
from pathlib import Path
from resources.files.locks import remove_free_lock
ends = time.monotonic() + float(sys.argv[2])
while time.monotonic() < ends:
    remove_free_lock(Path(sys.argv[1]))
"""


def test_no_two_processes_hold_a_lock_while_others_keep_removing_it(tmp_path):
    lock, counter = tmp_path / "lock", tmp_path / "counter"
    counter.write_text("0")
    remover = python(REMOVE, lock, 600)
    workers = [python(COUNT, lock, counter) for _ in range(3)]
    try:
        assert [worker.wait(timeout=120) for worker in workers] == [0, 0, 0]
    finally:
        remover.kill()
        remover.wait()
    assert counter.read_text() == "450"
