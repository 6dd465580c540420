"""Frame times from a frame rate or from a file, and dF/F in the standard type."""

import numpy as np

from neuropipe.errors import BadInput


def frame_times_at(n_frames: int, frame_rate: object, where: str) -> np.ndarray:
    """Times of frames taken at `frame_rate` (Hz) from 0 s on, (time,) s; where : what errors call the source."""
    if isinstance(frame_rate, bool) or not isinstance(frame_rate, int | float | np.number):
        raise BadInput(f"{where}: frame_rate must be one number, in Hz, found {frame_rate!r}")
    if not (np.isfinite(frame_rate) and frame_rate > 0):
        raise BadInput(f"{where}: frame_rate must be above 0, in Hz, found {frame_rate}")
    return np.arange(n_frames) / float(frame_rate)


def as_frame_times(values: np.ndarray, n_frames: int, where: str) -> np.ndarray:
    """Frame times of a file, (time,) float64; `Recording` checks that they ascend."""
    if values.ndim != 1 or values.dtype.kind not in "iuf" or len(values) != n_frames:
        raise BadInput(f"{where} is {values.dtype} {values.shape}: give a time, in s, for each of {n_frames} frames")
    return values.astype(np.float64)


def as_dff(values: np.ndarray, where: str) -> np.ndarray:
    """dF/F as (time, roi) float32, contiguous; a single trace may be given as (time,)."""
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or values.dtype.kind not in "iuf" or 0 in values.shape:
        raise BadInput(f"{where} is {values.dtype} {values.shape}; dF/F is numbers, (time, roi)")
    return np.ascontiguousarray(values, np.float32)
