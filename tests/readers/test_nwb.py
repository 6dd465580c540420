"""NWB files: units, epochs, series and fluorescence."""

import numpy as np
import pytest

from neuropipe.errors import BadInput
from tests.readers.formats import DFF, FRAME_TIMES, nwb, read


def test_nwb_units_epochs_and_series(tmp_path):
    recording = read("nwb", nwb(tmp_path))
    np.testing.assert_array_equal(recording.spikes.offsets, [0, 2, 5])
    np.testing.assert_allclose(recording.spikes.times, [0.5, 1.5, 0.1, 0.2, 2.0])
    assert list(recording.units["location"]) == ["adn", "ca1"]
    assert recording.epochs.to_dict("list") == {
        "name": ["sleep", "rest", "wake"],
        "start": [0, 0, 10],
        "stop": [10, 10, 20],
    }
    np.testing.assert_allclose(recording.behaviour["heading"].times, [0, 0.1, 0.3])
    np.testing.assert_allclose(recording.behaviour["speed"].times, [4, 4.5, 5])
    np.testing.assert_allclose(recording.behaviour["speed"].values, [0.01, 0.02, 0.03])


def test_nwb_paths_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(BadInput, match="mouse.nwb has no /acquisition/lick; there is heading, speed|has no /acq"):
        read("nwb", nwb(tmp_path), behaviour={"lick": "acquisition/lick"})
    with pytest.raises(BadInput, match="does not cut 5 spike times"):
        read("nwb", nwb(tmp_path, **{"units/spike_times_index": np.array([2, 9])}))


class TestNwb:
    def imaged(self, folder, **changed):
        import h5py

        path = folder / "mouse.nwb"
        arrays = {"data": DFF.astype(float), "timestamps": FRAME_TIMES, "rois": np.array([4, 5, 9])} | changed
        with h5py.File(path, "w") as file:
            series = file.create_group("processing/ophys/DfOverF/RoiResponseSeries")
            series.attrs["neurodata_type"] = "RoiResponseSeries"
            for name, values in arrays.items():
                if values is not None:
                    series[name] = values
        return path

    WHERE = {"fluorescence": "processing/ophys/DfOverF/RoiResponseSeries", "behaviour": None}

    def test_a_series_of_rois(self, tmp_path):
        found = read("nwb", self.imaged(tmp_path), **self.WHERE)
        np.testing.assert_array_equal(found.fluorescence.dff, DFF)
        np.testing.assert_array_equal(found.fluorescence.frame_times, FRAME_TIMES)
        assert found.units["roi"].tolist() == [4, 5, 9]

    def test_a_file_without_units_is_told_of_its_fluorescence(self, tmp_path):
        with pytest.raises(BadInput, match="say `fluorescence: processing/ophys/DfOverF/RoiResponseSeries` in its"):
            read("nwb", self.imaged(tmp_path), behaviour=None)

    @pytest.mark.parametrize(
        ("changed", "sentence"),
        [
            ({"timestamps": FRAME_TIMES[::-1]}, "frame times run backwards"),
            ({"timestamps": FRAME_TIMES[1:]}, "has 40 values at 39 times"),
            ({"timestamps": None}, "has no .*starting_time; there is data, rois"),
            ({"rois": np.arange(2)}, "has 3 columns for 2 ROIs"),
            ({"data": np.zeros((40, 2, 2))}, "fluorescence is \\(time, roi\\)"),
        ],
    )
    def test_refusals(self, changed, sentence, tmp_path):
        with pytest.raises(BadInput, match=sentence):
            read("nwb", self.imaged(tmp_path, **changed), **self.WHERE)
