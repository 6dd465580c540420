"""What tests share: the mirror of real recordings, and a pipeline of its own for each that asks."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Tests must not write into the clone's own run history, store or raw folder.
os.environ.pop("DAGSTER_HOME", None)


def pytest_collection_modifyitems(config, items):
    if os.environ.get("NEUROPIPE_MIRROR"):
        return
    reason = "needs real recordings: set NEUROPIPE_MIRROR to a mirror of them (docs/mirror.md)"
    for item in items:
        if item.get_closest_marker("mirror"):
            item.add_marker(pytest.mark.skip(reason=reason))


@dataclass(frozen=True)
class Place:
    """Folders of one installation, and the commands run in it."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DAGSTER_HOME": str(self.root / "home"),
            "NEUROPIPE_CATALOG": str(self.root / "catalog"),
            "NEUROPIPE_STORE": str(self.root / "artifacts"),
            "NEUROPIPE_RAW": str(self.root / "raw"),
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "200",
        }

    def neuropipe(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The real command in a process of its own."""
        return self.python("-m", "neuropipe", *arguments, **environment)

    def python(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=600,
        )


@pytest.fixture
def place(tmp_path) -> Place:
    """An installation with the project's own catalogue and nothing made yet."""
    made = Place(tmp_path)
    (tmp_path / "home").mkdir()
    shutil.copy(ROOT / "dagster.yaml", tmp_path / "home")
    shutil.copytree(ROOT / "data" / "catalog", tmp_path / "catalog", ignore=shutil.ignore_patterns("local.yaml"))
    return made


def pytest_terminal_summary(terminalreporter):
    """Name every test that was skipped, so that what was not shown is not overlooked."""
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.section("skipped, by name")
        for report in skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            terminalreporter.line(f"{report.nodeid}: {str(reason).removeprefix('Skipped: ')}")
