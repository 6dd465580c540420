"""The real continuous recordings: what the readers find in them, and what decoders reach, with floors under it."""

import csv
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import r2_score

from neuropipe import decoders, readers
from neuropipe.binning.continuous import Grid, average_in_bins, count_spikes, histories, rebin_published, sample_bins
from neuropipe.catalog import Catalog
from neuropipe.folds import make_folds
from tests.installation import ROOT

CATALOG = Catalog.load(ROOT / "data" / "catalog")
REACHING, HEADING = "reaching-m1.stevenson-2011", "head-direction.a2929-200711"
pytestmark = [
    pytest.mark.mirror,
    pytest.mark.skipif(
        "NEUROPIPE_MIRROR" not in os.environ, reason="NEUROPIPE_MIRROR is not set: needs the real recordings"
    ),
]


def mirrored(url):
    return Path(os.environ["NEUROPIPE_MIRROR"]) / url.removeprefix("https://")


def recording(key):
    session = CATALOG.session(key)
    files = {name: mirrored(file.url) for name, file in session.entry.files.items()}
    return readers.get(session.dataset.reader).load()(files, **session.parameters)


@pytest.mark.parametrize("key", [REACHING, HEADING])
def test_catalogue_names_the_mirrors_urls_sizes_and_hashes(key):
    with open(Path(os.environ["NEUROPIPE_MIRROR"]) / "INDEX.csv", newline="") as index:
        known = {row["url"]: row for row in csv.DictReader(index)}
    for file in CATALOG.session(key).entry.files.values():
        assert (known[file.url]["sha256"], int(known[file.url]["bytes"])) == (file.sha256, file.bytes)
        assert hashlib.sha256(mirrored(file.url).read_bytes()).hexdigest() == file.sha256


def test_reaching_holds_counts_and_a_velocity_that_is_the_slope_of_position():
    found = recording(REACHING)
    assert found.counts.counts.shape == (15536, 171)
    assert (found.counts.bin_width, found.counts.start) == (0.05, pytest.approx(12.591))
    assert int(found.counts.counts.sum()) == 2_352_815
    velocity, position = (found.behaviour[name].values for name in ("velocity", "position"))
    for column in range(2):
        slope = np.gradient(position[:, column], 0.05)
        assert np.corrcoef(slope, velocity[:, column])[0, 1] > 0.98


def test_head_direction_holds_units_epochs_and_angles():
    found = recording(HEADING)
    assert found.spikes.n_units == 15
    assert len(found.spikes.times) == 98_794
    assert found.units["location"].value_counts().to_dict() == {"adn": 7, "ca1": 8}
    assert found.epochs.to_dict("list") == {"name": ["sleep", "wake"], "start": [0, 600], "stop": [600, 1200]}
    angle = found.behaviour["head_direction"]
    assert len(angle.times) == 63_527
    assert angle.times[0] == pytest.approx(670.64, abs=0.01)
    assert 0 <= angle.values.min() < 0.01
    assert 6.27 < angle.values.max() <= 2 * np.pi


def test_head_direction_cells_of_the_thalamus_are_tuned():
    """Length of the mean resultant vector of each unit's tuning curve: high in ADN, low in CA1."""
    found = recording(HEADING)
    grid = Grid.of([(671.0, 1199.0)], 0.1)
    counts = count_spikes(found.spikes, grid)
    angle = average_in_bins(found.behaviour["head_direction"], grid, circular=True)[:, 0]
    sector = np.floor((angle % (2 * np.pi)) / (2 * np.pi) * 36).astype(int)
    rate = np.stack([counts[sector == one].mean(axis=0) for one in range(36)])
    length = np.abs(np.exp(1j * (np.arange(36) + 0.5) * np.pi / 18) @ rate) / rate.sum(axis=0)
    in_thalamus = found.units["location"].to_numpy() == "adn"
    assert length[in_thalamus].min() > 0.4
    assert np.median(length[~in_thalamus]) < 0.4


@pytest.mark.slow
@pytest.mark.parametrize(("name", "limit"), [("ridge", 10.0), ("kalman", 10.0)])
def test_head_direction_is_decoded(name, limit):
    found, task = recording(HEADING), CATALOG.session(HEADING).task
    grid = Grid.of([(600.0, 1200.0)], task.bin_width)
    angle = average_in_bins(found.behaviour["head_direction"], grid, circular=True)
    bins = sample_bins(grid.segments, task.history, np.isfinite(angle[:, 0]))
    X, truth = histories(count_spikes(found.spikes, grid), bins, task.history), angle[bins, 0]
    decoded = out_of_fold(name, X, np.stack([np.cos(truth), np.sin(truth)], axis=1), task)
    error = np.degrees(np.abs(np.angle(np.exp(1j * (np.arctan2(decoded[:, 1], decoded[:, 0]) - truth)))))
    assert np.median(error) <= limit


@pytest.mark.slow
def test_hand_velocity_is_decoded_by_the_kalman_filter():
    found, task = recording(REACHING), CATALOG.session(REACHING).task
    grid, counts = rebin_published(found.counts, None, task.bin_width)
    velocity = average_in_bins(found.behaviour["velocity"], grid)
    bins = sample_bins(grid.segments, task.history, np.isfinite(velocity).all(axis=1))
    X, y = histories(counts, bins, task.history), velocity[bins]
    r2 = r2_score(y, out_of_fold("kalman", X, y, task), multioutput="raw_values")
    assert r2[0] > 0.77
    assert r2[1] > 0.69


@pytest.mark.slow
def test_hand_velocity_is_decoded_by_the_wiener_filter():
    """One of the five folds: the penalty is the one that every fold chose."""
    found, task = recording(REACHING), CATALOG.session(REACHING).task
    grid, counts = rebin_published(found.counts, None, task.bin_width)
    velocity = average_in_bins(found.behaviour["velocity"], grid)
    bins = sample_bins(grid.segments, task.history, np.isfinite(velocity).all(axis=1))
    X, y = histories(counts, bins, task.history), velocity[bins]
    last = len(y) * 4 // 5
    train = slice(0, last - task.history)
    decoder = decoders.make("ridge", strengths=(0.3,), n_inner_folds=2).fit(X[train], y[train])
    r2 = r2_score(y[last:], decoder.predict(X[last:]), multioutput="raw_values")
    assert r2[0] > 0.82
    assert r2[1] > 0.71


def out_of_fold(name, X, y, task):
    folds = make_folds(n_samples=len(y), scheme="blocked", n_folds=task.folds.n_folds, gap=task.history)
    decoded = np.empty_like(y)
    for _, split in folds.groupby("fold"):
        train, test = (split.loc[split["role"] == role, "sample"].to_numpy() for role in ("train", "test"))
        decoded[test] = decoders.make(name).fit(X[train], y[train], trial_start=train * task.bin_width).predict(X[test])
    return decoded
