"""Public data sets through the command: the addresses of the catalogue, served from here, to scores and decoders."""

from pathlib import Path

import numpy as np
import pytest

from neuropipe.catalog import Catalog
from tests.cli.command import ask, counts, get, show
from tests.http_server import MisbehavingServer
from tests.installation import ROOT, Place, make_place
from tests.readers import public_sets as sets

CATALOG = ROOT / "data" / "catalog"
NAMES = ("spikefinder", "stringer-orientations", "stringer-spontaneous", "steinmetz-neuromatch", "kay-images")
MIRROR = "/mirror"


def published(catalog: Catalog, key: str, file: str) -> str:
    """Where the file of a session lies below the mirror."""
    return f"{MIRROR}/{catalog.session(key).entry.files[file].url.removeprefix('https://')}"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with MisbehavingServer() as server:
        yield server


@pytest.fixture
def place(tmp_path, server, monkeypatch):
    """An installation with the entries of public data sets as they are, and a mirror that stands in for all hosts."""
    monkeypatch.setenv("NEUROPIPE_MIRROR", server.url(MIRROR))
    return make_place(tmp_path / "place", **{name: (CATALOG / f"{name}.yaml").read_text() for name in NAMES})


def serve(server: MisbehavingServer, place: Place, key: str, **bodies: bytes) -> None:
    catalog = Catalog.load(place.root / "catalog")
    files = catalog.session(key).entry.files
    for name in files:
        server.files[published(catalog, key, name)] = bodies[Path(name).stem.replace(".", "_")]


def score(place: Place, model: str, key: str) -> float:
    """Score of a decoder, once it was fitted without any failure."""
    assert counts(get(place, "run", f"evaluation/decoder/{model}", "--session", key))[2] == 0
    (row,) = [row for row in get(place, "leaderboard", "--session", key) if row["model"] == model]
    return row["score"]


def served(tmp_path: Path, server: MisbehavingServer, place: Place) -> None:
    """Publish one file of each data set at the address that the catalogue has."""
    serve(server, place, "spikefinder.train-10", spikefinder_train=sets.spikefinder(tmp_path).read_bytes())
    serve(server, place, "stringer-orientations.mouse-1", stringer_orientations=sets.saved(sets.orientations(8, 120)))
    serve(server, place, "stringer-spontaneous.mouse-1", stringer_spontaneous=sets.saved(sets.spontaneous(8, 300)))
    part = sets.steinmetz_part(tmp_path / "part1.npz", *[sets.steinmetz_session(*decisions())] * 13)
    serve(server, place, "steinmetz-neuromatch.14", steinmetz_part1=part.read_bytes())
    path = sets.kay_images(tmp_path, **sets.kay(n_images=80, n_validation=20, n_voxels=12))
    labels = {name: (tmp_path / f"{name}.npy").read_bytes() for name in ("kay_labels", "kay_labels_val")}
    serve(server, place, "kay-images.subject-1", kay_images=path.read_bytes(), **labels)


def decisions() -> tuple[np.ndarray, np.ndarray]:
    """Counts (trial, bin, unit) that tell the choice after the stimulus and only then, and the choice."""
    choice = np.arange(60) % 3 - 1
    rates = np.full((60, 250, 6), 0.1)
    rates[:, 50:90, :2] += 0.4 * (choice == 1)[:, None, None]
    rates[:, 50:90, 2:4] += 0.4 * (choice == -1)[:, None, None]
    return np.random.default_rng(0).poisson(rates), choice


@pytest.mark.slow
def test_each_is_read_from_its_address_and_scored_or_decoded(tmp_path, place, server):
    served(tmp_path, server, place)
    spikes = ("--session", "spikefinder.train-10")
    assert counts(get(place, "run", "deconvolution_scores/oasis", *spikes))[2] == 0
    _, true = sets.spikefinder_tables(10)
    scores = show(place, "deconvolution_scores/oasis", *spikes)
    assert scores["true_spikes"] == np.nansum(true)
    assert scores["correlation"]["0.08 s"] > 0.8
    lock = (place.root / "catalog" / "spikefinder.lock").read_text()
    assert "spikefinder.train.zip" in lock, "what was downloaded first is recorded, as no hash is published"

    assert score(place, "ridge", "stringer-orientations.mouse-1") < 0.2, "median error, rad"
    assert score(place, "lda", "kay-images.subject-1") > 0.95
    binned = ("--session", "stringer-spontaneous.mouse-1", "--session", "steinmetz-neuromatch.14")
    assert counts(get(place, "run", "binned", *binned))[2] == 0
    for key, fact, value in (
        ("stringer-orientations.mouse-1", "samples", 120),
        ("stringer-spontaneous.mouse-1", "units", 8),
        ("steinmetz-neuromatch.14", "classes", {"-1": 20, "0": 20, "1": 20}),
        ("kay-images.subject-1", "classes", {"animal": 50, "artifact": 50}),
    ):
        assert show(place, "binned", "--session", key)[fact] == value


def test_what_has_no_published_spikes_is_not_scored(place):
    plan = {row["asset"] for row in get(place, "plan", "--session", "spikefinder.test-01") if row["state"] == "run"}
    assert "events/oasis" in plan
    assert "deconvolution_scores/oasis" not in plan


def test_nothing_of_them_is_fetched_unless_it_is_asked_for(place, server):
    sets_shown = {row["dataset"]: row["sessions"] for row in get(place, "datasets")}
    assert sets_shown == dict(zip(sorted(NAMES), (1, 15, 39, 1, 1), strict=True))
    assert len(get(place, "sessions")) == 57
    assert server.requests == []


def test_a_file_that_is_not_in_the_mirror_is_named(place, server):
    said = ask(place, "run", "recording", "--session", "kay-images.subject-1")
    assert said.code == 1
    assert "osf.io" in said.said
