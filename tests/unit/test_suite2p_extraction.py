"""The movie as suite2p works on it, and what is refused before suite2p is even imported."""

import numpy as np
import pytest

from neuropipe.calcium.frame_file import HIGHEST, FrameFile, bytes_needed, copy_movie
from neuropipe.calcium.suite2p_extraction import extract
from neuropipe.calcium.suite2p_settings import Suite2pSettings
from neuropipe.errors import BadInput

SMALL = Suite2pSettings(diameter=6, max_shift=4)


def movie(n_frames=60, dtype=np.uint16, highest=4000):
    return np.random.default_rng(0).integers(0, highest, (n_frames, 24, 32)).astype(dtype)


@pytest.mark.parametrize(
    ("dtype", "highest", "divisor"),
    [(np.uint8, 256, 1), (np.uint16, HIGHEST + 1, 1), (np.uint16, HIGHEST + 2, 2), (np.uint16, 65536, 2)],
)
def test_a_copy_is_the_movie_over_a_divisor_that_makes_it_fit(tmp_path, monkeypatch, dtype, highest, divisor):
    frames = movie(dtype=dtype, highest=highest)
    frames[3, 2, 1] = highest - 1
    monkeypatch.setattr("neuropipe.calcium.frame_file.BLOCK", 7 * 24 * 32)  # blocks that don't divide the frames
    file = FrameFile(tmp_path / "frames.bin", frames.shape)
    assert copy_movie(frames, file) == divisor
    np.testing.assert_array_equal(file[:], frames // divisor)
    assert file.path.stat().st_size == bytes_needed(frames.shape)


def test_a_frame_file_reads_and_writes_like_an_array(tmp_path):
    frames = movie().astype(np.int16)
    told = []
    file = FrameFile(tmp_path / "frames.bin", frames.shape, told.append)
    file[:] = frames
    file[10:13] = frames[:3] + 1
    frames[10:13] = frames[:3] + 1
    some = np.array([0, 11, 59])
    np.testing.assert_array_equal(file[some], frames[some])
    np.testing.assert_array_equal(file[50:200], frames[50:])
    file[0:1] = np.full((1, 24, 32), 4e4)
    assert (file[0:1] == HIGHEST).all()
    assert told == [60, 3, 1]


@pytest.mark.parametrize(
    ("frames", "settings", "said"),
    [
        (movie(1), SMALL, r"the movie is \(1, 24, 32\); suite2p takes \(time, y, x\) of 50 frames or more"),
        (movie()[0], SMALL, r"the movie is \(24, 32\)"),
        (np.full((60, 24, 32), 7, np.uint8), SMALL, "all 60 frames of the movie are the same"),
        (np.repeat(movie(1), 60, axis=0), SMALL, "all 60 frames of the movie are the same"),
        (movie(dtype=np.float32), SMALL, "a movie holds integers, found float32"),
        (
            movie(),
            Suite2pSettings(),
            "24 x 32 px leave nothing to see where cells of 12 px may move by 15 px",
        ),
    ],
)
def test_what_suite2p_could_only_stumble_over_is_refused_and_nothing_left_behind(tmp_path, frames, settings, said):
    with pytest.raises(BadInput, match=said):
        extract(frames, 20.0, tmp_path, settings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_movie_in_which_nothing_is_found_is_one_sentence(tmp_path):
    noise = (500 + 10 * np.random.default_rng(0).standard_normal((200, 64, 64))).astype(np.uint16)
    with pytest.raises(BadInput, match=r"suite2p finds no active cell of 12 px .* lower `threshold_scaling` from 0\.7"):
        extract(noise, 20.0, tmp_path, Suite2pSettings(max_shift=4))
    assert list(tmp_path.iterdir()) == []
