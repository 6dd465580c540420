"""Which frames of each ROI were recorded: ROIs that begin later or end earlier than others are NaN there."""

from collections.abc import Iterator

import numpy as np


def recorded_spans(dff: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Frames from the first that was recorded to the last, and the ROIs (indices) that share them.

    dff : (time, roi), NaN where not recorded; gaps within a span are left to who reads it
    """
    known = np.isfinite(dff)
    spans = np.stack([known.argmax(axis=0), len(dff) - known[::-1].argmax(axis=0)], axis=1)
    for first, stop in np.unique(spans, axis=0):
        yield slice(int(first), int(stop)), np.flatnonzero((spans == (first, stop)).all(axis=1))


def standardized_noise(dff: np.ndarray, frame_rate: float) -> np.ndarray:
    """Noise of each ROI, % / sqrt(Hz), comparable between frame rates: (roi,).

    The median step between neighbouring frames over the root of the frame rate (Rupprecht et al. 2021, Methods): 1 is a
    very good recording, 8 or 9 that of a large population.
    """
    return 100 * np.nanmedian(np.abs(np.diff(dff, axis=0)), axis=0) / np.sqrt(frame_rate)
