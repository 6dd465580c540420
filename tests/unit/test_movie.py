"""Movies: what a recording of one must hold, and how it lies in an artifact."""

import shutil

import numpy as np
import pandas as pd
import pytest

from neuropipe.errors import BadInput
from neuropipe.recording import Movie, Recording
from resources.files.disk import need_disk
from resources.store import recording_format
from resources.store.artifact import Artifact, Draft
from resources.store.recording_format import frame_blocks, movie_of, write_recording

FRAME_RATE = 20.0
FRAMES = np.random.default_rng(0).integers(0, 4000, (50, 12, 16)).astype(np.uint16)
FRAME_TIMES = np.arange(len(FRAMES)) / FRAME_RATE


def filmed(frames=FRAMES, frame_times=FRAME_TIMES, **more) -> Recording:
    return Recording(units=pd.DataFrame(), movie=Movie(frames, frame_times), **more)


class OnlySlices:
    """Frames that can only be read in stretches; how long each was is noted."""

    shape, dtype = FRAMES.shape, FRAMES.dtype

    def __init__(self):
        self.read = []

    def __getitem__(self, frames: slice) -> np.ndarray:
        self.read.append(frames.stop - frames.start)
        return FRAMES[frames]


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


def test_a_movie_is_written_and_read_block_by_block(tmp_path, monkeypatch):
    monkeypatch.setattr(recording_format, "MOVIE_BYTES_PER_CHUNK", 7 * FRAMES[0].nbytes)
    frames = OnlySlices()
    truth = {"spike_times": np.array([0.5, 1.0]), "spike_offsets": np.array([0, 1, 2])}
    draft = Draft(tmp_path)
    write_recording(draft, filmed(frames, truth=truth))
    assert frames.read == [7] * 7 + [1]
    artifact = Artifact(tmp_path, {})
    movie = movie_of(artifact)
    assert [block.stop for block in frame_blocks(movie.frames)] == [7, 14, 21, 28, 35, 42, 49, 50]
    np.testing.assert_array_equal(np.concatenate([movie.frames[b] for b in frame_blocks(movie.frames)]), FRAMES)
    np.testing.assert_array_equal(movie.frame_times, FRAME_TIMES)
    assert artifact.arrays["movie"].attrs["frame_rate"] == pytest.approx(FRAME_RATE)
    np.testing.assert_array_equal(artifact.arrays["truth/spike_times"][:], [0.5, 1.0])
    assert artifact.table("units").empty
    assert draft.metadata == {
        "frames": 50,
        "height": 12,
        "width": 16,
        "frame_rate": 20.0,
        "frames_skipped": 0,
        "n_units": 0,
    }


def test_a_movie_that_does_not_fit_on_the_disk_is_refused_before_it_is_written(tmp_path, monkeypatch):
    class Huge(OnlySlices):
        shape = (50, 1 << 24, 1 << 24)

    free = shutil.disk_usage(tmp_path).free
    frames = Huge()
    with pytest.raises(BadInput, match=r"the movie needs 28,147,497,671,065,600 bytes in .*; make room there"):
        write_recording(Draft(tmp_path), filmed(frames))
    assert frames.read == []
    need_disk(tmp_path, free // 2, "half of what is free")
