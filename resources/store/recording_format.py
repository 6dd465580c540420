"""How a Recording lies in an artifact: spikes, counts, dF/F and movies in Zarr arrays, units and trials in Parquet."""

from collections.abc import Iterator

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.recording import Fluorescence, Movie, Recording, TimeSeries
from resources.files.disk import need_disk
from resources.store.artifact import Artifact, Draft

SPIKES_PER_CHUNK = 1 << 20
SAMPLES_PER_CHUNK = 1 << 20  # of dF/F: 4 MB
MOVIE_BYTES_PER_CHUNK = 8 << 20


def write_recording(draft: Draft, recording: Recording) -> None:
    """Fill a draft with a recording in standard form; the same recording gives the same bytes."""
    draft.table("units", recording.units)
    if recording.trials is not None:
        draft.table("trials", recording.trials)
    if recording.epochs is not None:
        draft.table("epochs", recording.epochs)
    if recording.spikes is not None:
        chunk = min(SPIKES_PER_CHUNK, max(1, len(recording.spikes.times)))
        draft.array("times", recording.spikes.times, chunks=(chunk,))
        draft.array("offsets", recording.spikes.offsets)
    if recording.counts is not None:
        published = recording.counts
        attributes = {"bin_width": published.bin_width, "start": published.start}
        draft.array("counts", published.counts, attributes=attributes)
    if recording.fluorescence is not None:
        _write_fluorescence(draft, recording.fluorescence)
    if recording.movie is not None:
        _write_movie(draft, recording.movie)
    for name, series in recording.behaviour.items():
        draft.array(f"behaviour/{name}/times", series.times)
        draft.array(f"behaviour/{name}/values", series.values, attributes={"columns": list(series.columns)})
    for name, values in recording.truth.items():
        draft.array(f"truth/{name}", np.asarray(values))
    draft.metadata |= {"n_units": len(recording.units)}
    if recording.trials is not None:
        draft.metadata["n_trials"] = len(recording.trials)
    if recording.spikes is not None:
        draft.metadata["n_spikes"] = len(recording.spikes.times)


def _write_fluorescence(draft: Draft, fluorescence: Fluorescence) -> None:
    dff = fluorescence.dff
    draft.array("dff", dff, chunks=roi_chunks(dff.shape), attributes={"frame_rate": fluorescence.frame_rate})
    draft.array("frame_times", fluorescence.frame_times)
    draft.metadata |= {
        "frames": len(dff),
        "frame_rate": round(fluorescence.frame_rate, 3),
        "frames_skipped": fluorescence.n_skipped,
        "not_recorded": round(float(np.isnan(dff).mean()), 4),
    }


def _write_movie(draft: Draft, movie: Movie) -> None:
    shape, dtype = tuple(movie.frames.shape), np.dtype(movie.frames.dtype)
    bytes_per_frame = shape[1] * shape[2] * dtype.itemsize
    need_disk(draft.path, shape[0] * bytes_per_frame, "the movie")
    chunks = (max(1, min(shape[0], MOVIE_BYTES_PER_CHUNK // bytes_per_frame)), *shape[1:])
    attributes = {"frame_rate": movie.frame_rate}
    stored = draft.arrays.create_array("movie", shape=shape, dtype=dtype, chunks=chunks, attributes=attributes)
    for frames in frame_blocks(stored):
        stored[frames] = movie.frames[frames]
    draft.array("frame_times", movie.frame_times)
    draft.metadata |= {
        "frames": shape[0],
        "height": shape[1],
        "width": shape[2],
        "frame_rate": round(movie.frame_rate, 3),
        "frames_skipped": movie.n_skipped,
    }


def movie_of(artifact: Artifact) -> Movie:
    """The movie of a recording: its frames are a Zarr array, to be read block by block (`frame_blocks`)."""
    return Movie(artifact.arrays["movie"], artifact.arrays["frame_times"][:])


def frame_blocks(array) -> Iterator[slice]:
    """The frames of a (time, y, x) Zarr array, chunk by chunk: a movie need never be in memory whole."""
    step = array.chunks[0]
    for first in range(0, array.shape[0], step):
        yield slice(first, min(first + step, array.shape[0]))


def roi_chunks(shape: tuple[int, int]) -> tuple[int, int]:
    """Chunks of a (time, roi) array, as many whole ROIs as fit: what works ROI by ROI then reads each chunk once."""
    n_frames, n_roi = shape
    return min(n_frames, SAMPLES_PER_CHUNK), max(1, min(n_roi, SAMPLES_PER_CHUNK // n_frames))


def roi_blocks(array) -> Iterator[slice]:
    """The ROIs of a (time, roi) Zarr array, chunk by chunk: a recording need never be in memory whole."""
    step = array.chunks[1]
    for first in range(0, array.shape[1], step):
        yield slice(first, min(first + step, array.shape[1]))


def published_counts(artifact: Artifact):
    """The Zarr array of counts that were published binned, or None when the recording holds spike times."""
    return artifact.arrays.get("counts")


def read_behaviour(artifact: Artifact, name: str) -> TimeSeries:
    """A behavioural series of a recording."""
    known = sorted(artifact.arrays["behaviour"].group_keys()) if "behaviour" in artifact.arrays else []
    if name not in known:
        raise BadInput(f"no behavioural series is called {name!r}; the recording has {', '.join(known) or 'none'}")
    group = artifact.arrays[f"behaviour/{name}"]
    return TimeSeries(group["times"][:], group["values"][:], tuple(group["values"].attrs.get("columns", ())))
