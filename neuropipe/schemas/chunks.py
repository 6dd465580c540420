"""Chunks of (time, unit) arrays of ROIs and channels, which are worked on one after another."""

from collections.abc import Iterator
from typing import Any

SAMPLES_PER_CHUNK = 1 << 20  # 4 MB of float32


def roi_chunks(shape: tuple[int, ...]) -> tuple[int, int]:
    """Chunks of a (time, unit) array, as many whole ROIs as fit: work ROI by ROI then reads each chunk once."""
    n_frames, n_roi = shape
    return min(n_frames, SAMPLES_PER_CHUNK), max(1, min(n_roi, SAMPLES_PER_CHUNK // n_frames))


def roi_blocks(values: Any) -> Iterator[slice]:
    """The ROIs of a (time, unit) Zarr array, chunk by chunk: a recording need not fit into memory."""
    step = values.chunks[1]
    for first in range(0, values.shape[1], step):
        yield slice(first, min(first + step, values.shape[1]))
