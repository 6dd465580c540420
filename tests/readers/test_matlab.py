"""MATLAB files of binned counts and behaviour."""

import numpy as np
import pytest

from neuropipe.errors import BadInput
from tests.readers.formats import BIN_STARTS, TIME_COUNTS, matlab, read


def test_matlab_counts_and_the_rows_asked_for(tmp_path):
    recording = read("matlab", matlab(tmp_path))
    np.testing.assert_array_equal(recording.counts.counts, TIME_COUNTS)
    assert (recording.counts.bin_width, recording.counts.start) == (0.05, 5.0)
    velocity = recording.behaviour["velocity"]
    assert velocity.columns == ("x", "y")
    np.testing.assert_allclose(velocity.values, np.stack([np.sin(BIN_STARTS), np.cos(BIN_STARTS)], axis=1))
    np.testing.assert_allclose(velocity.times, BIN_STARTS)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"spikes": TIME_COUNTS.T - 1}, "m1.mat: spikes holds -1"),
        ({"spikes": TIME_COUNTS.T[:, 1:]}, "m1.mat: time has 24 values for 23 bins"),
        ({"time": BIN_STARTS**2}, "m1.mat: time is not regular"),
        ({"vel": np.zeros((3, 5))}, r"m1.mat: vel has shape \(3, 5\)"),
        ({"vel": np.zeros((1, 24))}, "m1.mat: vel has 1 rows, counted from 0; there is none for y"),
        ({"vel": np.array(["a", "b"])}, "m1.mat: vel is no array of numbers"),
    ],
)
def test_matlab_variables_that_do_not_fit_are_refused(changed, sentence, tmp_path):
    with pytest.raises(BadInput, match=sentence):
        read("matlab", matlab(tmp_path, **changed))


def test_matlab_says_what_variables_there_are(tmp_path):
    with pytest.raises(BadInput, match="has no variable 'fired'; it has spikes, time, vel"):
        read("matlab", matlab(tmp_path), counts="fired")


def test_matlab_7_3_is_refused_with_the_way_out(tmp_path):
    path = tmp_path / "new.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n")
    with pytest.raises(
        BadInput, match=r"new.mat is a MATLAB 7.3 file; save it again in MATLAB with save\(..., '-v7'\)"
    ):
        read("matlab", path)
