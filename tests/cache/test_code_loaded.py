"""Whether the code that runs is the code on disk: edits since the process started, and bytecode of older sources."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resources.store.code import loaded
from resources.store.code.loaded import bytecode_is_stale, changed_since_start

REPOSITORY = Path(__file__).resolve().parents[2]

ASK = """
import json, sys
from pathlib import Path
sys.path.insert(0, str(Path("modules")))
{before}
import edited
value = edited.f()
from resources.store.code import changed_since_start
files = [Path("modules/edited.py").resolve(), Path("modules/other.py").resolve()]
first = [path.name for path in changed_since_start(files)]
again = [path.name for path in changed_since_start(files)]
assert first == again
print(json.dumps([value, first]))
"""


@pytest.fixture
def modules(tmp_path):
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "edited.py").write_text("def f(): return 1\n")
    (folder / "other.py").write_text("def f(): return 1\n")
    time.sleep(0.05)
    return folder


def ask(folder: Path, before: str = "") -> list:
    """What `edited.f()` returns in a new process, and which files that process calls changed."""
    done = subprocess.run(
        [sys.executable, "-c", ASK.replace("{before}", before)],
        cwd=folder.parent,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


EDIT = """
import os
path = Path("modules/edited.py")
{first}
status = path.stat()
path.write_text("def f(): return 2\\n")
{restore}
"""
RESTORE = "os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))"


def test_nothing_has_changed_in_a_new_process(modules):
    assert ask(modules) == [1, []]
    assert ask(modules) == [1, []], "with bytecode too"


@pytest.mark.parametrize("restore", ["", RESTORE])
def test_an_edit_since_the_process_started_is_seen(modules, restore):
    before = EDIT.format(first="import edited", restore=restore)
    assert ask(modules, before) == [1, ["edited.py"]], "the old code runs"
    assert ask(modules)[0] == 2, "a new process runs the new code"


def test_an_edit_of_equal_size_and_restored_time_runs_old_bytecode_once_and_is_seen(modules):
    assert ask(modules) == [1, []]
    path = modules / "edited.py"
    status = path.stat()
    time.sleep(0.05)
    path.write_text("def f(): return 2\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert bytecode_is_stale(path)
    time.sleep(0.05)
    assert ask(modules) == [1, ["edited.py"]], "Python took the old bytecode"
    assert not bytecode_is_stale(path)
    assert ask(modules) == [2, []], "which is gone"


def test_an_edit_within_the_second_of_the_last_is_seen(modules):
    path = modules / "edited.py"
    assert ask(modules) == [1, []]
    before = path.stat()
    time.sleep(0.05)
    path.write_text("def f(): return 2\n")
    whole_second = before.st_mtime_ns // 10**9 * 10**9 + 999_000_000
    os.utime(path, ns=(whole_second, whole_second))  # as if both had been written within one second
    assert bytecode_is_stale(path)


@pytest.mark.parametrize(
    ("flags", "stale"),
    [(1, True), (3, False)],
    ids=["bytecode that is never checked", "bytecode that is checked by content"],
)
def test_bytecode_by_content(modules, flags, stale):
    import importlib.util
    import py_compile

    path = modules / "edited.py"
    mode = {1: "UNCHECKED_HASH", 3: "CHECKED_HASH"}[flags]
    py_compile.compile(str(path), invalidation_mode=py_compile.PycInvalidationMode[mode])
    assert not bytecode_is_stale(path)
    path.write_text("def f(): return 2\n")
    assert bytecode_is_stale(path) == stale
    Path(importlib.util.cache_from_source(str(path))).write_bytes(b"short")
    assert not bytecode_is_stale(path)


def test_a_file_that_was_deleted_has_changed(tmp_path):
    assert changed_since_start([tmp_path / "gone.py"]) == [tmp_path / "gone.py"]


def test_what_has_changed_once_stays_changed(tmp_path, monkeypatch):
    path = tmp_path / "m.py"
    path.write_text("N = 1\n")
    monkeypatch.setattr(loaded, "_START", time.time_ns() + 10**10)
    assert changed_since_start([path]) == []
    path.write_text("N = 2\n")
    assert changed_since_start([path]) == [path]
    path.write_text("N = 1\n")
    assert changed_since_start([path]) == [path]


def test_the_start_is_that_of_the_process():
    code = "import time; t = time.time_ns(); from resources.store.code import loaded; print(t - loaded._START)"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert -20_000_000 < int(done.stdout) < 10**9


def test_a_forked_process_keeps_the_start_of_its_parent():
    start, (reader, writer) = loaded._START, os.pipe()
    if not (child := os.fork()):
        os.write(writer, str(loaded._START).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(reader, 40)) == start
