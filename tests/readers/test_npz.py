"""A user's own spike trains or counts in .npz files."""

import numpy as np
import pytest

from neuropipe.errors import BadInput
from tests.readers.formats import CHOICE, COUNTS, npz, read

TRAINS = [np.array([0.5, 1.5, 9.0]), np.empty(0), np.array([0.25])]
TIMES, OFFSETS = np.concatenate(TRAINS), np.array([0, 3, 3, 4])
STARTS = np.array([0.0, 2.0, 4.0])


class TestNpz:
    def test_spike_trains_by_offsets(self, tmp_path):
        path = npz(
            tmp_path, times=TIMES, offsets=OFFSETS, trial_start=STARTS, trial_response=np.array([1.0, np.nan, 5.0]),
            choice=np.array(["left", "right", "left"]), unit_brain_area=np.array(["CA1", "CA1", "VISp"]),
        )  # fmt: skip
        recording = read("npz", path)
        np.testing.assert_array_equal(recording.spikes.times, TIMES)
        np.testing.assert_array_equal(recording.spikes.offsets, OFFSETS)
        assert recording.trials["start"].tolist() == [0.0, 2.0, 4.0]
        assert recording.trials["response"].isna().tolist() == [False, True, False]
        assert recording.trials["choice"].tolist() == ["left", "right", "left"]
        assert recording.units["brain_area"].tolist() == ["CA1", "CA1", "VISp"]

    def test_a_mixed_stream_is_sorted_by_unit_and_time(self, tmp_path):
        path = npz(tmp_path, times=np.array([3.0, 1.0, 2.0, 0.5]), units=np.array([7, 2, 7, 7]))
        recording = read("npz", path)
        assert recording.units["unit"].tolist() == [2, 7]
        assert recording.spikes.times.tolist() == [1.0, 0.5, 2.0, 3.0]
        assert recording.spikes.offsets.tolist() == [0, 1, 4]
        assert recording.trials is None

    @pytest.mark.parametrize(
        ("match", "arrays"),
        [
            ("either times or counts; it has choice", {"choice": CHOICE}),
            ("either times or counts", {"times": TIMES, "counts": COUNTS}),
            ("either offsets or units; it has times", {"times": TIMES}),
            ("give bin_width, start as well", {"counts": COUNTS}),
            ("no trial_start, so choice belong", {"times": TIMES, "offsets": OFFSETS, "choice": CHOICE}),
            ("choice has 6 values, but there are 3 trials",
             {"times": TIMES, "offsets": OFFSETS, "trial_start": STARTS, "choice": CHOICE}),
            ("offsets must rise", {"times": TIMES, "offsets": np.array([0, 3, 9])}),
            ("unit 0 are not sorted", {"times": TIMES[::-1], "offsets": OFFSETS}),
            ("times is not finite", {"times": TIMES * np.nan, "offsets": OFFSETS}),
            ("units has 3 values, but there are 4 spikes", {"times": TIMES, "units": np.array([1, 2, 3])}),
            ("put the trials in time order", {"times": TIMES, "offsets": OFFSETS, "trial_start": STARTS[::-1]}),
            ("bin_width must be one number", {"counts": COUNTS, "bin_width": np.ones(2), "start": 0.0}),
            ("bin_width make no sense beside times", {"times": TIMES, "offsets": OFFSETS, "bin_width": 0.02}),
            ("unit_area has 2 values, but there are 3 units",
             {"times": TIMES, "offsets": OFFSETS, "unit_area": np.array(["a", "b"])}),
            ("choice given twice", {"counts": COUNTS, "bin_width": 0.02, "start": 0.0, "trial_choice": np.arange(6.0),
                                   "choice": CHOICE}),
        ],
    )  # fmt: skip
    def test_refusals(self, match, arrays, tmp_path):
        with pytest.raises(BadInput, match=match):
            read("npz", npz(tmp_path, **arrays))
