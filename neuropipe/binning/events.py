"""Events of imaged ROIs in bins: each frame's events are spread evenly over the time that the frame stands for."""

import numpy as np

from neuropipe.errors import BadInput

ROUNDING = 1e-6  # of a frame's length, by which a window may reach over the end of what was recorded


def frame_edges(frame_times: np.ndarray) -> np.ndarray:
    """(time + 1,) s: a frame lasts from midway to the one before to midway to the one after it."""
    if len(frame_times) < 2:
        raise BadInput(f"{len(frame_times)} frames; it takes two to know how long a frame lasts")
    middles = (frame_times[1:] + frame_times[:-1]) / 2
    half = np.median(np.diff(frame_times)) / 2
    return np.concatenate([[frame_times[0] - half], middles, [frame_times[-1] + half]])


def imaged(frame_times: np.ndarray, starts: np.ndarray, duration: float) -> np.ndarray:
    """(trial,) bool: whether the windows of `duration` s from starts ((trial,) s) lie within the recording."""
    edges = frame_edges(frame_times)
    slack = ROUNDING * np.median(np.diff(edges))
    return (starts >= edges[0] - slack) & (starts + duration <= edges[-1] + slack)


def bin_events(
    events: np.ndarray, frame_times: np.ndarray, starts: np.ndarray, bin_width: float, n_bins: int
) -> np.ndarray:
    """Sum the events of every ROI in the bins of every trial: (trial, bin, roi) float32, in the units of events.

    events : (time, roi), NaN before an ROI was first recorded and after it was last; frame_times : (time,) s,
    ascending; starts : (trial,) s, finite; bin_width : s. Bins that an ROI was not recorded throughout are NaN.
    """
    if events.shape[:1] != frame_times.shape:
        raise BadInput(f"events of {len(events)} frames, but {len(frame_times)} frame times; give each frame a time")
    edges = frame_edges(frame_times)
    widths = np.diff(edges)
    moments = starts[:, None] + np.arange(n_bins + 1) * bin_width
    frame = np.clip(np.searchsorted(edges, moments, side="right") - 1, 0, len(widths) - 1)
    within = (moments - edges[frame]) / widths[frame]  # of the frame, as a fraction
    recorded = np.isfinite(events)
    known = np.where(recorded, events, 0.0)
    before = np.cumsum(known, axis=0) - known  # events before each frame
    until = before[frame] + np.clip(within, 0, 1)[..., None] * known[frame]
    first, last = recorded.argmax(axis=0), len(events) - 1 - recorded[::-1].argmax(axis=0)
    slack = ROUNDING * np.median(widths)
    outside = (moments[..., None] < edges[first] - slack) | (moments[..., None] > edges[last + 1] + slack)
    until[outside | ~recorded.any(axis=0)] = np.nan
    return np.maximum(np.diff(until, axis=1), 0).astype(np.float32)


def events_in_windows(events: np.ndarray, frame_times: np.ndarray, starts: np.ndarray, duration: float) -> np.ndarray:
    """(window, roi) events in windows of `duration` s, frame by frame, without binning them: a check on bins.

    events : (time, roi), NaN counts as none; a frame gives the fraction of its events that it overlaps the window by.
    """
    edges = frame_edges(frame_times)
    sums = np.zeros((len(starts), events.shape[1]))
    for window, start in enumerate(starts):
        first, stop = np.searchsorted(edges, [start, start + duration])
        frames = slice(max(0, first - 1), min(stop, len(events)))
        begin, end = edges[:-1][frames], edges[1:][frames]
        shared = np.minimum(end, start + duration) - np.maximum(begin, start)
        sums[window] = (shared / (end - begin)).clip(0) @ np.nan_to_num(events[frames])
    return sums
