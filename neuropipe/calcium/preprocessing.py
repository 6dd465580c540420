"""Before deconvolution: frames that can be trusted, gaps closed, a baseline taken off, the noise measured."""

import numpy as np

from neuropipe.errors import BadInput

UNEVEN = 0.5  # of a frame: an interval this much longer or shorter than the median one is a skipped or doubled frame
BASELINE_RATE = 3.0  # Hz: a baseline that drifts over a minute needs no more
MAD_TO_SD = 1.4826


def check_frame_rate(frame_rate: float | None) -> float:
    """The frame rate as float, refused when missing or absurd."""
    if frame_rate is None:
        raise BadInput("deconvolution needs the frame rate (Hz), found none; give the rate of the traces")
    if not np.isfinite(frame_rate) or frame_rate <= 0:
        raise BadInput(f"the frame rate is a positive number of frames a second, found {frame_rate}")
    return float(frame_rate)


def check_shape(traces: np.ndarray) -> tuple[int, int]:
    """(frames, ROIs) of traces (time, roi); one frame is no trace."""
    shape = tuple(np.shape(traces))
    if len(shape) != 2:
        raise BadInput(f"traces to deconvolve are (time, roi), found an array of shape {shape}")
    if shape[0] < 2:
        raise BadInput(
            f"a trace needs at least two frames to be deconvolved, found {shape[0]}; is time the first axis?"
        )
    return shape


def frame_rate_of(frame_times: np.ndarray) -> float:
    """Hz: 1 / the median interval of frame_times (time,), s. Frames that run backwards or skip are refused."""
    frame_times = np.asarray(frame_times, np.float64)
    if frame_times.ndim != 1 or len(frame_times) < 2:
        raise BadInput(f"a frame rate needs the times of at least two frames, found shape {frame_times.shape}")
    if not np.isfinite(frame_times).all():
        raise BadInput(f"frame {np.flatnonzero(~np.isfinite(frame_times))[0]} has no finite time")
    intervals = np.diff(frame_times)
    if (intervals <= 0).any():
        at = int(np.flatnonzero(intervals <= 0)[0])
        raise BadInput(
            f"frame times must ascend; frame {at + 1} at {frame_times[at + 1]:.6g} s comes after frame {at} at "
            f"{frame_times[at]:.6g} s; sort the frames or correct the clock"
        )
    typical = float(np.median(intervals))
    odd = np.flatnonzero(np.abs(intervals - typical) > UNEVEN * typical)
    if len(odd):
        at = int(odd[0])
        raise BadInput(
            f"frames must be evenly spaced; between frames {at} and {at + 1} lie {intervals[at]:.4g} s where "
            f"{typical:.4g} s are usual ({len(odd)} such places); put NaN where frames are missing"
        )
    return 1.0 / typical


def fill_gaps(dff: np.ndarray, frame_rate: float, longest_gap: float, *, first_roi: int = 0) -> np.ndarray:
    """dff (time, roi) with runs of NaN up to longest_gap s interpolated linearly; at the ends the nearest value holds.

    first_roi : number of the first ROI here, for the message.
    """
    if np.isinf(dff).any():
        frame, roi = np.argwhere(np.isinf(dff))[0]
        raise BadInput(f"dF/F must be finite or NaN; ROI {first_roi + roi} is infinite at frame {frame}")
    gaps = np.isnan(dff)
    filled = dff
    frames = np.arange(len(dff))
    for roi in np.flatnonzero(gaps.any(0)):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], gaps[:, roi], [False]])))
        starts, lengths = edges[::2], edges[1::2] - edges[::2]
        longest = int(lengths.argmax())
        if lengths[longest] > longest_gap * frame_rate:
            raise BadInput(
                f"ROI {first_roi + roi} has no dF/F for {lengths[longest] / frame_rate:.3g} s from frame "
                f"{starts[longest]} on; runs of NaN up to {longest_gap:g} s are interpolated: leave the ROI out, cut "
                "the recording, or raise longest_gap"
            )
        if filled is dff:
            filled = dff.copy()
        there = ~gaps[:, roi]
        filled[:, roi] = np.interp(frames, frames[there], dff[there, roi])
    return filled


def average_frames(dff: np.ndarray, n: int) -> np.ndarray:
    """Means of n frames in a row, (time, roi) -> (time // n, roi); a rest shorter than n is left out."""
    if n == 1:
        return dff
    whole = len(dff) // n * n
    return dff[:whole].reshape(-1, n, dff.shape[1]).mean(1)


def rebin(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Sums of values (time, roi) between edges (n + 1,) given in frames, each frame's value spread evenly over it."""
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    frames = np.arange(len(total))
    return np.diff(np.stack([np.interp(edges, frames, roi) for roi in total.T], axis=1), axis=0)


def running_baseline(dff: np.ndarray, frame_rate: float, window: float, quantile: float) -> np.ndarray:
    """(time, roi) running quantile over `window` s, smoothed: what the trace falls back to between transients.

    The quantile is taken of the trace averaged to about 3 Hz, where noise hardly lowers it.
    """
    from scipy.ndimage import gaussian_filter1d, percentile_filter

    n = max(1, min(round(frame_rate / BASELINE_RATE), len(dff)))
    coarse = average_frames(dff, n)
    size = max(1, min(round(window * frame_rate / n), len(coarse)))
    low = percentile_filter(coarse, 100 * quantile, size=(size, 1), mode="nearest")
    low = gaussian_filter1d(low, size / 4, axis=0, mode="nearest")
    centres = (np.arange(len(coarse)) + 0.5) * n - 0.5
    return np.stack([np.interp(np.arange(len(dff)), centres, roi) for roi in low.T], axis=1)


def noise_level(dff: np.ndarray) -> np.ndarray:
    """(roi,) SD of the noise, from the median absolute difference of neighbouring frames: transients hardly move it."""
    return MAD_TO_SD / np.sqrt(2) * np.median(np.abs(np.diff(dff, axis=0)), axis=0)
