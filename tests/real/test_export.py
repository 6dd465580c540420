"""Real sessions as NWB files: valid, without errors by nwbinspector, equal when read back."""

import os
from pathlib import Path

import numpy as np
import pynwb
import pytest
from nwbinspector import Importance, inspect_nwbfile

from neuropipe import readers
from neuropipe.catalog import Catalog
from neuropipe.export import Made, SessionContent
from neuropipe.export.nwb import write
from neuropipe.readers.nwb import read
from neuropipe.schemas import Recording
from tests.installation import ROOT

CATALOG = Catalog.load(ROOT / "data" / "catalog")
COUNTS, ROIS = "processing/ecephys/spike_counts", "processing/ophys/DfOverF/RoiResponseSeries"
# How the reader `nwb` is told to read what was exported
WHERE = {
    "head-direction.a2929-200711": {"behaviour": {"head_direction": "processing/behavior/head_direction"}},
    "steinmetz-feedback.session-03": {"counts": COUNTS},
    "reaching-m1.stevenson-2011": {
        "counts": COUNTS,
        "behaviour": {name: f"processing/behavior/{name}" for name in ("position", "velocity")},
    },
    "suite2p-a0662.2022-08-08": {"fluorescence": ROIS},
    "miniscope-a0634.210127": {"fluorescence": ROIS},
    "lfp-ca1-ec3.1": {"signals": "acquisition/signals", "quantity": "a.u."},
    "eeglab-sample.1": {"signals": "acquisition/signals"},
}
pytestmark = pytest.mark.mirror


def recorded(session):
    mirror = Path(os.environ["NEUROPIPE_MIRROR"])
    files = {name: mirror / file.url.removeprefix("https://") for name, file in session.entry.files.items()}
    return readers.get(session.dataset.reader).load()(files, **session.parameters)


@pytest.mark.slow
@pytest.mark.parametrize("key", WHERE)
def test_a_real_session_is_valid_and_read_back_equal(key, tmp_path):
    session = CATALOG.session(key)
    before, dataset = recorded(session), session.dataset
    made = {"recording": Made(Recording.of(before), "print")}
    facts = (key, dataset.title, dataset.citation, dataset.licence, session.entry.note, dataset.modality, "recording")
    write(SessionContent(*facts, made, {**dataset.subject, **session.entry.subject}), tmp_path / "one.nwb")
    assert pynwb.validate(path=str(tmp_path / "one.nwb")) == []
    told = inspect_nwbfile(nwbfile_path=str(tmp_path / "one.nwb"), importance_threshold=Importance.CRITICAL)
    assert [each.message for each in told] == []

    found = read({"one.nwb": tmp_path / "one.nwb"}, **WHERE[key])
    for name, arrays in {
        "spikes": ("times", "offsets"),
        "counts": ("counts", "bin_width", "start"),
        "fluorescence": ("dff", "frame_times"),
        "signals": ("values", "segments", "starts", "sampling_rate"),
    }.items():
        expected = getattr(before, name)
        assert (getattr(found, name) is None) == (expected is None)
        for array in arrays if expected is not None else ():
            np.testing.assert_array_equal(getattr(getattr(found, name), array), getattr(expected, array))
    for table in ("trials", "epochs"):
        expected = getattr(before, table)
        for column in expected if expected is not None else ():
            np.testing.assert_array_equal(getattr(found, table)[column], expected[column])
    for name, series in before.behaviour.items():
        np.testing.assert_array_equal(found.behaviour[name].times, series.times)
        np.testing.assert_array_equal(found.behaviour[name].values, series.values)
    if before.fluorescence is None:
        for column in before.units:
            np.testing.assert_array_equal(found.units[column], before.units[column])
