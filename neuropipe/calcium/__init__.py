"""Deconvolution: from fluorescence to the spikes that made it. One module with one class each.

Contract: a deconvolver is a class whose constructor takes keyword parameters and whose
`deconvolve(dff, frame_rate) -> events` takes dF/F (time, roi) without gaps and gives events of the same shape, never
negative. Each ROI is deconvolved by itself, so blocks of ROIs give what all of them at once would. What the events
count is the deconvolver's fact `units`.
"""

from typing import Any

import numpy as np

from neuropipe.calcium.preprocessing import check_frame_rate, check_shape, fill_gaps
from neuropipe.registry import Registry

registry = Registry("deconvolver", __name__)
available = registry.available
make = registry.make

BLOCK = 64  # ROIs at a time: half an hour at 30 Hz makes 28 MB of float64 a copy


def deconvolve(
    traces: np.ndarray,
    frame_rate: float,
    method: str = "oasis",
    *,
    longest_gap: float = 1.0,
    out: np.ndarray | None = None,
    **parameters: Any,
) -> np.ndarray:
    """Events behind the traces, (time, roi) float32, in the units of `available()[method].facts["units"]`.

    traces : (time, roi) dF/F; NaN runs up to `longest_gap` s are interpolated. Anything that slices like an array will
    do (a memory map, a zarr array): only a block of ROIs is in memory at a time, and with `out` (same shape, writable)
    only a block of events.
    frame_rate : Hz; parameters : of the deconvolver.
    """
    frame_rate = check_frame_rate(frame_rate)
    n_frames, n_rois = check_shape(traces)
    deconvolver = make(method, **parameters)
    events = np.empty((n_frames, n_rois), np.float32) if out is None else out
    for start in range(0, n_rois, BLOCK):
        block = slice(start, min(start + BLOCK, n_rois))
        dff = fill_gaps(np.asarray(traces[:, block], np.float64), frame_rate, longest_gap, first_roi=start)
        events[:, block] = deconvolver.deconvolve(dff, frame_rate)
    return events
