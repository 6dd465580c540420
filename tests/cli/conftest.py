"""Places that tests of the command share: made once per process, copied where a test changes them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import counts, get
from tests.http_server import MisbehavingServer
from tests.installation import QUICK, Place, make_place

RATE = "evaluation/decoder/rate_logistic"


@pytest.fixture
def place(tmp_path) -> Place:
    """Two quick simulated sessions, of which nothing is made yet."""
    return make_place(tmp_path / "quick", quick=QUICK)


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Place:
    """Two sessions, one of them evaluated by rates. Tests only look at it; those that change it take `done`."""
    place = make_place(tmp_path_factory.mktemp("installation with spaces"), quick=QUICK)
    assert counts(get(place, "run", RATE, "--session", "quick.one")) == (0, 5, 0)
    return place


@pytest.fixture
def done(made, tmp_path) -> Place:
    """A copy of `made`, to be changed."""
    return Place(Path(shutil.copytree(made.root, tmp_path / "copy")))


@pytest.fixture
def server(monkeypatch) -> Iterator[MisbehavingServer]:
    """A web server on this machine, and no mirror."""
    monkeypatch.delenv("NEUROPIPE_MIRROR", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with MisbehavingServer() as running:
        yield running
