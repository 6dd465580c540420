"""What tests share: the mirror of real recordings, and a pipeline of its own for each that asks."""

import os

import hypothesis
import pytest

from tests.installation import ROOT, Place, clean_up, make_place

TESTS = ROOT / "tests"

# Small decompositions in several processes at once: more threads each would only get into each other's way.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"
# Tests must not write into the clone's own run history, store or raw folder.
os.environ.pop("DAGSTER_HOME", None)
# Processes that tests start find the bytecode of those before them, as a user's do.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# On a busy machine any example may take long.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")


def pytest_collection_modifyitems(config, items):
    """Order modules so that long ones begin first, and skip what needs absent recordings.

    A long test that begins last keeps one worker busy while the other has nothing left. Tests of a module stay
    together and in order, as they share what its fixtures made. Pages and types, directly in tests/, are the longest.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in slow, item.path.parent != TESTS))
    if os.environ.get("NEUROPIPE_MIRROR"):
        return
    reason = "needs real recordings: set NEUROPIPE_MIRROR to a mirror of them (docs/mirror.md)"
    for item in items:
        if item.get_closest_marker("mirror"):
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_sessionfinish():
    clean_up()


@pytest.fixture
def place(tmp_path) -> Place:
    """An installation with the project's own catalogue and nothing made yet."""
    catalog = ROOT / "data" / "catalog"
    return make_place(tmp_path, **{p.stem: p.read_text() for p in catalog.glob("*.yaml") if p.stem != "local"})


def pytest_terminal_summary(terminalreporter):
    """Name every test that was skipped, so that what was not shown is not overlooked."""
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.section("skipped, by name")
        for report in skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            terminalreporter.line(f"{report.nodeid}: {str(reason).removeprefix('Skipped: ')}")
