"""kill -9 at every file operation of commits, removals and pointers, and at random instants of rival processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(("instants", "at_least"), [("every", 250), ("random", 100)])
def test_a_killed_process_leaves_nothing_half_written_or_half_deleted_in_sight(tmp_path, instants, at_least):
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/cache/killed_stores.py"), str(tmp_path / "store"), instants],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout.split()[0]) >= at_least, done.stdout
