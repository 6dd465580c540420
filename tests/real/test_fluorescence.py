"""The real recordings of fluorescence: the catalogue names what the mirror holds, readers find what is known of it."""

import csv
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neuropipe import readers
from neuropipe.catalog import Catalog
from tests.installation import ROOT

CATALOG = Catalog.load(ROOT / "data" / "catalog")
TRUE = [key for key in CATALOG.sessions if key.startswith("calcium-ground-truth.")]
pytestmark = pytest.mark.mirror


def mirrored(url):
    return Path(os.environ["NEUROPIPE_MIRROR"]) / url.removeprefix("https://")


def recording(key):
    session = CATALOG.session(key)
    files = {name: mirrored(file.url) for name, file in session.entry.files.items()}
    return readers.get(session.dataset.reader).load()(files, **session.parameters)


@pytest.fixture(scope="module")
def ground_truth():
    """What the reader finds in each of the files: one row a session."""
    rows = []
    for key in TRUE:
        found = recording(key)
        rows.append(
            {
                "key": key,
                "set": key.partition(".")[2][:4],
                "recordings": found.fluorescence.dff.shape[1],
                "seconds": np.isfinite(found.fluorescence.dff).sum() / found.fluorescence.frame_rate,
                "rate": found.fluorescence.frame_rate,
                "skipped": found.fluorescence.n_skipped,
                "spikes": len(found.truth["spike_times"]),
                "first": found.truth["spike_times"].min(),
            }
        )
    return pd.DataFrame(rows).set_index("key")


def test_the_catalogue_names_the_mirrors_urls_sizes_and_hashes():
    with open(Path(os.environ["NEUROPIPE_MIRROR"]) / "INDEX.csv", newline="") as index:
        known = {row["url"]: row for row in csv.DictReader(index)}
    sessions = [session for session in CATALOG if session.modality == "fluorescence" and session.entry.files]
    files = [file for session in sessions for file in session.entry.files.values() if file.url is not None]
    for file in files:
        assert (known[file.url]["sha256"], int(known[file.url]["bytes"])) == (file.sha256, file.bytes)
    named = {file.url for file in files}
    assert {url for url in known if "/Ground_truth/" in url} <= named
    assert len(TRUE) == 65


def test_true_spikes_by_data_set(ground_truth):
    by_set = ground_truth.groupby("set").agg({"recordings": "sum", "spikes": "sum", "rate": "median"})
    assert by_set.index.tolist() == ["ds09", "ds10", "ds12", "ds14", "ds15", "ds16"]
    assert ground_truth["set"].value_counts().to_dict() == {
        "ds10": 23, "ds09": 11, "ds15": 9, "ds16": 9, "ds14": 7, "ds12": 6,
    }  # fmt: skip
    assert by_set["recordings"].tolist() == [33, 23, 6, 18, 9, 9]
    assert by_set["spikes"].tolist() == [4327, 6783, 799, 1917, 12642, 8810]
    np.testing.assert_allclose(by_set["rate"], [60.06, 158.28, 158.28, 60.06, 59.06, 59.11], atol=0.01)
    assert ground_truth["rate"].between(59, 180).all()
    assert (ground_truth["skipped"] == 0).all()
    assert (ground_truth["first"] >= 0).all()


def test_the_catalogues_notes_say_what_is_in_the_files(ground_truth):
    for key, row in ground_truth.iterrows():
        said = re.search(r": (\d+) recordings?, (\d+) s at ([\d.]+) Hz, (\d+) true", CATALOG.session(key).entry.note)
        assert [float(number) for number in said.groups()] == [
            row["recordings"], round(row["seconds"]), round(row["rate"], 1), row["spikes"],
        ]  # fmt: skip


def test_transients_follow_true_spikes():
    """Spike-triggered dF/F: after a spike it is above what it was before, at the frames the clock says."""
    found = recording("calcium-ground-truth.ds09-cell1")
    times, dff = found.fluorescence.frame_times, found.fluorescence.dff
    for roi in range(dff.shape[1]):
        last = np.flatnonzero(np.isfinite(dff[:, roi]))[-1]
        spikes = found.truth["spike_times"][slice(*found.truth["spike_offsets"][roi : roi + 2])]
        at = np.searchsorted(times, spikes)
        at = at[(at > 12) & (at < last - 12)]
        assert np.mean(dff[at + 6, roi]) > 1.2 * np.mean(dff[at - 6, roi])


def test_miniscope_traces_are_those_of_the_file():
    found = recording("miniscope-a0634.210127")
    assert found.fluorescence.dff.shape == (35743, 10)
    assert found.fluorescence.frame_rate == pytest.approx(30, abs=0.001)
    assert found.fluorescence.frame_times[-1] == pytest.approx(1191.4)
    assert found.fluorescence.dff.max(axis=0)[2] == pytest.approx(114.2713)


def test_suite2p_cells_and_their_noise():
    found = recording("suite2p-a0662.2022-08-08")
    assert found.fluorescence.dff.shape == (2000, 19)
    assert found.fluorescence.frame_rate == pytest.approx(10)
    assert found.units["is_cell"].all()
    assert found.units["roi"].iloc[[0, -1]].tolist() == [75, 203]
    assert np.abs(np.median(found.fluorescence.dff, axis=0)).max() < 0.15
    assert 0.3 < found.fluorescence.dff.max() < 1.5
