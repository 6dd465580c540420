"""Recordings in the store: what is read back is what was written, block by block where it is large."""

import numpy as np
import pandas as pd
import pytest

from neuropipe import recording as made
from neuropipe.schemas import recording as schema
from neuropipe.schemas.chunks import roi_blocks, roi_chunks
from neuropipe.schemas.recording import Recording, frame_blocks
from resources.store.store import ArtifactStore
from tests.readers.formats import DFF, FRAME_TIMES

FRAMES = np.random.default_rng(0).integers(0, 4000, (50, 12, 16)).astype(np.uint16)
TRUTH = {"spike_times": np.array([0.5, 1.0]), "spike_offsets": np.array([0, 1, 2])}


@pytest.fixture
def stored(tmp_path):
    """Commits a recording, and gives it back as it is read by later stages."""

    def commit(recording: made.Recording) -> Recording:
        store = ArtifactStore(tmp_path / "store")
        with store.draft() as draft:
            written = Recording.of(recording)
            written.write(draft)
            draft.metadata |= dict(written.facts)
            store.commit(draft, asset="recording", fingerprint="a" * 64, ingredients={})
        return Recording.read(store.lookup("recording", "a" * 64))

    return commit


def test_what_a_reader_left_out_is_among_the_facts(stored):
    traces = made.Fluorescence(DFF, FRAME_TIMES)
    recording = made.Recording(units=pd.DataFrame({"roi": range(3)}), fluorescence=traces, notes={"noise_left_out": 4})
    assert stored(recording).facts["noise_left_out"] == 4


class OnlySlices:
    """Frames that can only be read in stretches; notes how long each stretch was."""

    shape, dtype = FRAMES.shape, FRAMES.dtype

    def __init__(self):
        self.read = []

    def __getitem__(self, frames: slice) -> np.ndarray:
        self.read.append(frames.stop - frames.start)
        return FRAMES[frames]


class TestMovie:
    def test_is_written_and_read_block_by_block(self, stored, monkeypatch):
        monkeypatch.setattr(schema, "MOVIE_BYTES_PER_CHUNK", 7 * FRAMES[0].nbytes)
        frames = OnlySlices()
        movie = made.Movie(frames, np.arange(50) / 20.0)
        found = stored(made.Recording(units=pd.DataFrame(), movie=movie, truth=TRUTH))
        assert frames.read == [7] * 7 + [1]
        assert [block.stop for block in frame_blocks(found.movie)] == [7, 14, 21, 28, 35, 42, 49, 50]
        np.testing.assert_array_equal(
            np.concatenate([found.movie[block] for block in frame_blocks(found.movie)]), FRAMES
        )
        np.testing.assert_array_equal(found.frames.frame_times, movie.frame_times)
        np.testing.assert_array_equal(found.truth["spike_times"][:], [0.5, 1.0])
        assert found.units.empty
        assert found.facts == {
            "frames": 50, "height": 12, "width": 16, "frame_rate": 20.0, "frames_skipped": 0, "n_units": 0,
        }  # fmt: skip

    def test_of_a_tif_file(self, stored, tmp_path):
        from neuropipe import readers
        from tests.readers.formats import tif

        path = tif(tmp_path)
        movie = readers.get("tif").load()({path.name: path}, frame_rate=15.0)
        np.testing.assert_array_equal(stored(movie).movie[:], movie.movie.frames[:])


class TestFluorescence:
    def test_holds_what_was_recorded(self, stored):
        traces = made.Fluorescence(DFF, FRAME_TIMES)
        found = stored(made.Recording(units=pd.DataFrame({"roi": np.arange(3)}), fluorescence=traces))
        np.testing.assert_array_equal(found.dff[:], DFF)
        np.testing.assert_array_equal(found.frame_times[:], FRAME_TIMES)
        assert (found.facts["frame_rate"], found.facts["frames"]) == (30, 40)
        assert (found.facts["n_units"], found.facts["not_recorded"]) == (3, 0)

    @pytest.mark.parametrize(
        ("shape", "chunks"),
        [((40, 3), (40, 3)), ((54_000, 1000), (54_000, 19)), ((3_000_000, 5), (1 << 20, 1)), ((2, 1), (2, 1))],
    )
    def test_lies_in_chunks_of_whole_rois(self, shape, chunks):
        assert roi_chunks(shape) == chunks

    def test_is_read_chunk_by_chunk(self):
        class Stored:
            shape, chunks = (54_000, 50), (54_000, 19)

        assert list(roi_blocks(Stored())) == [slice(0, 19), slice(19, 38), slice(38, 50)]


def test_counts_keep_their_bins_and_behaviour_its_columns(stored):
    series = made.TimeSeries(np.arange(4.0), np.arange(8.0).reshape(4, 2), ("x", "y"))
    counts = made.TimeCounts(np.arange(12, dtype=np.uint8).reshape(4, 3), 0.05, 5.0)
    found = stored(
        made.Recording(units=pd.DataFrame({"unit": np.arange(3)}), counts=counts, behaviour={"velocity": series})
    )
    np.testing.assert_array_equal(found.counts[:], counts.counts)
    assert (found.bin_width, found.start, found.trial_counts) == (0.05, 5.0, None)
    velocity = found.series("velocity")
    np.testing.assert_array_equal(velocity.values, series.values)
    assert velocity.columns == ("x", "y")


def test_spikes_and_trials(stored):
    spikes = made.SpikeTrains.from_list([np.array([0.5, 1.5]), np.empty(0), np.array([0.25])])
    trials = pd.DataFrame({"start": [0.0, 1.0], "choice": ["left", "right"]})
    found = stored(made.Recording(units=pd.DataFrame({"unit": [3, 4, 7]}), spikes=spikes, trials=trials))
    np.testing.assert_array_equal(found.times[:], [0.5, 1.5, 0.25])
    np.testing.assert_array_equal(found.offsets[:], [0, 2, 2, 3])
    assert found.trials.to_dict("list") == trials.to_dict("list")
    assert found.units["unit"].tolist() == [3, 4, 7]
    assert (found.facts["n_spikes"], found.facts["n_trials"]) == (3, 2)
