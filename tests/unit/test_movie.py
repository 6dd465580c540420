"""Movies: what a recording of one must hold."""

import numpy as np
import pandas as pd
import pytest

from neuropipe.errors import BadInput
from neuropipe.recording import Movie, Recording

FRAME_RATE = 20.0
FRAMES = np.random.default_rng(0).integers(0, 4000, (50, 12, 16)).astype(np.uint16)
FRAME_TIMES = np.arange(len(FRAMES)) / FRAME_RATE


def filmed(frames=FRAMES, frame_times=FRAME_TIMES, **more) -> Recording:
    return Recording(units=pd.DataFrame(), movie=Movie(frames, frame_times), **more)


def test_frame_rate_and_skipped_frames_follow_from_the_frame_times():
    movie = filmed(FRAMES[:-2], np.delete(FRAME_TIMES, [4, 5])).movie
    assert movie.frame_rate == pytest.approx(FRAME_RATE)
    assert movie.n_skipped == 2


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2"])
def test_frames_are_integers_of_8_or_16_bits(dtype):
    assert filmed(FRAMES.astype(dtype)).movie.frames.dtype == dtype


@pytest.mark.parametrize(
    ("frames", "times", "sentence"),
    [
        (FRAMES[:1], FRAME_TIMES[:1], "the recording has 1 frame; it takes two or more"),
        (FRAMES[:0], FRAME_TIMES[:0], r"must be \(time, y, x\) with a time for every frame; found \(0, 12, 16\)"),
        (FRAMES[0], FRAME_TIMES[:12], r"must be \(time, y, x\) .* found \(12, 16\)"),
        (FRAMES, FRAME_TIMES[1:], r"a time for every frame; found \(50, 12, 16\) and \(49,\) frame times"),
        (FRAMES.astype(np.float32), FRAME_TIMES, "integers of 8 or 16 bits, .* found float32"),
        (FRAMES.astype(np.int32), FRAME_TIMES, "integers of 8 or 16 bits, .* found int32"),
        (FRAMES, FRAME_TIMES[::-1], "frame times run backwards: frame 1 is at 2.4 s, the one before it at 2.45 s"),
        (FRAMES, np.where(FRAME_TIMES == 1, np.nan, FRAME_TIMES), "the time of frame 20 is nan"),
    ],
)
def test_what_is_no_movie_is_refused(frames, times, sentence):
    with pytest.raises(BadInput, match=sentence):
        filmed(frames, times)


def test_a_movie_has_no_units_before_cells_are_found():
    with pytest.raises(BadInput, match="the unit table has 1 rows, the data 0 units"):
        Recording(units=pd.DataFrame({"roi": [0]}), movie=Movie(FRAMES, FRAME_TIMES))
