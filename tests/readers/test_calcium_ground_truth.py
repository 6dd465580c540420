"""Ground truth of calcium imaging: dF/F with true spikes."""

import numpy as np
import pytest

from neuropipe.errors import BadInput
from tests.readers.formats import DFF, N_FRAMES, calcium_ground_truth, cell, read

TIMES = cell()["fluo_time"].ravel()
SPIKES = np.array([0.1, 0.25, 0.26])


def ground_truth(folder, *cells, **parameters):
    return read("calcium_ground_truth", calcium_ground_truth(folder, *cells), **parameters)


def spikes_of(found, roi):
    return found.truth["spike_times"][slice(*found.truth["spike_offsets"][roi : roi + 2])]


class TestRecordings:
    def test_each_is_an_roi_with_its_true_spikes(self, tmp_path):
        later = {"fluo_time": TIMES[:30] + 0.002, "fluo_mean": DFF[:30, 1].astype(float)}
        found = ground_truth(tmp_path, cell(), cell(**later))
        assert found.fluorescence.dff.shape == (40, 2)
        np.testing.assert_array_equal(found.fluorescence.dff[:30, 1], DFF[:30, 1])
        assert np.isnan(found.fluorescence.dff[30:, 1]).all()
        assert found.truth["spike_offsets"].tolist() == [0, 3, 6]
        # spikes of the second move with its clock: they stay where they were relative to its frames
        np.testing.assert_allclose(found.truth["spike_times"], [0.1, 0.25, 0.26, 0.098, 0.248, 0.258])
        assert found.units["true_spikes"].tolist() == [3, 3]

    def test_one_that_starts_late_keeps_its_spikes_at_its_frames(self, tmp_path):
        late = cell(fluo_time=TIMES[:30] + 1, fluo_mean=DFF[:30, 1].astype(float), events_AP=(SPIKES + 1) * 1e4)
        found = ground_truth(tmp_path, cell(), late)
        np.testing.assert_allclose(spikes_of(found, 1), SPIKES)

    def test_a_clock_that_drifts_by_a_frame_keeps_its_spikes_at_its_frames(self, tmp_path):
        times = np.arange(4000) / 60
        long = {"fluo_mean": np.ones(4000), "events_AP": np.array([10.0, 30.0, 66.0, 70.0]) * 1e4}
        # 0.03 s late, which is two frames, at the end; the last spike came after the imaging
        found = ground_truth(tmp_path, cell(fluo_time=times, **long), cell(fluo_time=times * 1.0005, **long))
        shift = np.interp([10.0, 30.0, 66.0, 70.0], times * 1.0005, times * 0.0005)
        np.testing.assert_allclose(spikes_of(found, 1), np.array([10.0, 30.0, 66.0, 70.0]) - shift)
        assert shift[2] == pytest.approx(0.033, abs=0.001)

    def test_those_of_one_frame_rate_are_chosen_by_number(self, tmp_path):
        faster = cell(fluo_time=TIMES / 1.1)
        found = ground_truth(tmp_path, cell(), faster, cell(), faster, recordings=[2, 4])
        assert found.units["recording"].tolist() == [1, 3]
        assert found.fluorescence.frame_rate == pytest.approx(66)

    @pytest.mark.parametrize("recordings", [[], [0], [3], [1, 1], ["1"], [True], [1.0], 1, "12"])
    def test_numbers_that_are_none_are_refused(self, recordings, tmp_path):
        with pytest.raises(BadInput, match=r"CAttached: `recordings` is .*; expected different numbers among 1, 2"):
            ground_truth(tmp_path, cell(), cell(), recordings=recordings)


class TestPadding:
    def test_frames_without_a_time_at_the_end_are_left_out(self, tmp_path):
        times = np.append(TIMES, [np.nan] * 5)
        found = ground_truth(tmp_path, cell(fluo_time=times, fluo_mean=np.append(DFF[:, 0], [np.nan] * 5)))
        assert found.fluorescence.dff.shape == (N_FRAMES, 1)

    def test_a_last_frame_that_is_listed_twice_is_read_once(self, tmp_path):
        twice = cell(fluo_time=np.append(TIMES, TIMES[-1]), fluo_mean=np.append(DFF[:, 0], 9.0))
        found = ground_truth(tmp_path, twice)
        np.testing.assert_array_equal(found.fluorescence.dff[:, 0], DFF[:, 0])

    def test_a_recording_without_fluorescence_is_left_out(self, tmp_path):
        empty = {"ephys_time": np.empty((0, 0)), "ephys_raw": np.empty((0, 0))}
        found = ground_truth(tmp_path, empty, cell())
        assert found.units["recording"].tolist() == [1]
        with pytest.raises(BadInput, match="holds no recording with events_AP, fluo_mean, fluo_time"):
            ground_truth(tmp_path, empty, empty)

    def test_one_with_voltage_alone_is_refused(self, tmp_path):
        with pytest.raises(BadInput, match="lacks events_AP, fluo_mean, fluo_time; it has ephys_raw"):
            ground_truth(tmp_path, {"ephys_raw": np.ones((1, 5))})


class TestRefusals:
    @pytest.mark.parametrize(
        ("cells", "sentence"),
        [
            ([{"fluo_time": np.arange(3.0), "fluo_mean": np.zeros(3)}], "lacks events_AP; it has fluo_mean, fluo_time"),
            ([cell(fluo_mean=np.zeros(5))], "has 5 values of fluo_mean at 40 times"),
            ([cell(fluo_mean="text")], "fluo_mean is no array of numbers"),
            (
                [cell(), cell(fluo_time=TIMES * 1.1)],
                r"\{2\} has a frame every 0.01833 s, the longest recording every 0.01667 s; name recordings of one",
            ),
            ([cell(fluo_time=TIMES[::-1])], "frame times run backwards: frame 1 is at"),
            ([cell(fluo_time=np.where(TIMES[9] == TIMES, np.nan, TIMES))], "run backwards: frame 9 is at nan s"),
            ([cell(fluo_time=np.full(N_FRAMES, np.nan))], "has 0 frames with a time"),
            ([cell(fluo_mean=np.full(N_FRAMES, np.inf))], "dF/F of ROI 0 is infinite at frame 0"),
        ],
    )
    def test_of_recordings(self, cells, sentence, tmp_path):
        with pytest.raises(BadInput, match=sentence):
            ground_truth(tmp_path, *cells)

    def test_of_a_variable_that_is_no_cell(self, tmp_path):
        from scipy.io import savemat

        path = tmp_path / "neuron.mat"
        savemat(path, {"CAttached": np.arange(4)})
        with pytest.raises(BadInput, match=r"neuron.mat: CAttached is no cell array of structs"):
            read("calcium_ground_truth", path)
