"""The real recordings of fluorescence: the catalogue names what the mirror holds, readers find what is known of it."""

import csv
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neuropipe import readers
from neuropipe.calcium.footprints import Footprints
from neuropipe.catalog import Catalog
from tests.installation import ROOT

CATALOG = Catalog.load(ROOT / "data" / "catalog")
DATASET = "calcium-ground-truth."
TRUE = [key for key in CATALOG.sessions if key.startswith(DATASET)]
# Data set -> sessions, recordings, true spikes, and the lowest and highest frame rate of a session, Hz.
GROUND_TRUTH = {
    "ds01": (21, 21, 15877, 9.7, 12.2),
    "ds02": (16, 47, 1498, 7.8, 15.6),
    "ds03": (8, 161, 1409, 500.0, 500.0),
    "ds06": (8, 23, 5818, 30.0, 30.0),
    "ds09": (11, 33, 4327, 60.1, 60.1),
    "ds10": (23, 23, 6783, 158.3, 179.9),
    "ds12": (6, 6, 799, 118.1, 158.3),
    "ds13": (26, 26, 4766, 141.3, 158.3),
    "ds14": (7, 18, 1917, 60.1, 60.1),
    "ds15": (9, 9, 12642, 59.1, 59.1),
    "ds16": (9, 9, 8810, 59.1, 59.1),
    "ds17": (9, 9, 2735, 50.0, 50.0),
    "ds18": (4, 67, 5025, 20.0, 20.0),
    "ds19": (9, 100, 1971, 10.0, 15.0),
    "ds20": (9, 17, 3230, 14.8, 15.0),
    "ds21": (11, 27, 9080, 29.6, 30.0),
    "ds22": (5, 20, 1568, 15.6, 15.6),
    "ds23": (7, 7, 7183, 15.6, 15.6),
    "ds24": (13, 42, 159306, 26.6, 26.6),
    "ds26": (11, 49, 86726, 26.6, 26.6),
    "ds28": (8, 18, 1895, 122.0, 122.0),
    "ds30": (9, 35, 5537, 110.1, 122.0),
    "ds31": (9, 35, 7589, 120.2, 122.0),
}
# Files of the mirror that no reader takes yet, and what they hold.
NOT_READ = {
    "/nipy/nitime/": "an auditory receptor and its stimulus",
    "/bjmiao/neural_decoding_benchmark/": "counts of 72 directions",
    "/suite2p/plane0/stat.npy": "a pickle, never opened",
    "/suite2p/plane0/spks.npy": "events of suite2p, which are estimated again",
}
pytestmark = pytest.mark.mirror


def mirrored(url):
    return Path(os.environ["NEUROPIPE_MIRROR"]) / url.removeprefix("https://")


def index():
    with open(Path(os.environ["NEUROPIPE_MIRROR"]) / "INDEX.csv", newline="") as file:
        return {row["url"]: row for row in csv.DictReader(file)}


def recording(key):
    session = CATALOG.session(key)
    files = {name: mirrored(file.url) for name, file in session.entry.files.items()}
    return readers.get(session.dataset.reader).load()(files, **session.parameters)


def said_of(key):
    """Recordings, seconds, frame rate and true spikes, as a session's note states them."""
    said = re.search(r": (\d+) recordings?, (\d+) s at ([\d.]+) Hz, (\d+) true", CATALOG.session(key).entry.note)
    return [float(number) for number in said.groups()]


def test_the_catalogue_names_every_file_of_the_mirror_with_its_size_and_hash():
    known = index()
    files = [file for session in CATALOG for file in session.entry.files.values() if file.url is not None]
    for file in files:
        if file.sha256 is None:  # published without a hash, and downloadable only: no mirror has it
            assert file.url not in known
            continue
        assert (known[file.url]["sha256"], int(known[file.url]["bytes"])) == (file.sha256, file.bytes)
    left = known.keys() - {file.url for file in files}
    assert {url for url in left if not any(part in url for part in NOT_READ)} == set()
    assert [part for part in NOT_READ if not any(part in url for url in left)] == []


def test_ground_truth_by_data_set():
    """What the notes state adds up, for every session; two files hold two frame rates, one session each."""
    rows = pd.DataFrame([(key.removeprefix(DATASET)[:4], *said_of(key)) for key in TRUE])
    rows.columns = ["set", "recordings", "seconds", "rate", "spikes"]
    by_set = rows.groupby("set").agg(
        sessions=("set", "size"), recordings=("recordings", "sum"), spikes=("spikes", "sum"),
        lowest=("rate", "min"), highest=("rate", "max"),
    )  # fmt: skip
    assert {name: tuple(row) for name, row in by_set.iterrows()} == GROUND_TRUTH
    urls = [file.url for key in TRUE for file in CATALOG.session(key).entry.files.values()]
    assert (len(TRUE), len(set(urls))) == (248, 246)


def sampled():
    """The first and last session of each data set, and all that are special."""
    keys = pd.Series(TRUE).groupby([key.removeprefix(DATASET)[:4] for key in TRUE]).agg(["first", "last"])
    special = ("ds03-cell5", "ds19-cell2", "ds21-cell11", "ds30-471994-1", "ds31-472179-3")
    return sorted({*keys.stack(), *(key for key in TRUE if key.removeprefix(DATASET).startswith(special))})


@pytest.mark.parametrize("key", sampled())
def test_a_file_holds_what_its_note_says(key):
    found = recording(key)
    imaged, n_spikes = found.fluorescence, len(found.truth["spike_times"])
    seconds = np.isfinite(imaged.dff).sum() / imaged.frame_rate
    assert said_of(key) == [imaged.dff.shape[1], round(seconds), round(imaged.frame_rate, 1), n_spikes]
    assert imaged.n_skipped == 0
    assert np.all(found.truth["spike_times"] >= 0)


def test_the_movie_and_its_outlined_cells():
    found = recording("fissa-v1-movie.20150529-a01")
    frames = found.movie.frames[:]
    assert (frames.shape, frames.dtype, found.movie.frame_rate) == ((288, 176, 156), np.uint16, pytest.approx(10))
    cells = Footprints(*(found.truth[f"footprint_{name}"] for name in ("pixels", "weights", "offsets")), (176, 156))
    assert np.diff(cells.offsets).tolist() == [498, 245, 267, 550]
    np.testing.assert_allclose(
        cells.centres(), [[161.9, 29.7], [169.7, 99.4], [119.2, 148.2], [100.6, 132.1]], atol=0.1
    )
    # the second is active: it varies several times as much as the pixels around it
    own = frames[:, cells.images()[1] > 0].mean(axis=1)
    around = frames[:, 150:, 70:130].mean(axis=(1, 2))
    assert own.std() > 2 * around.std()


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
