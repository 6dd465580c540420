"""binned, for imaged sessions: the events of ROIs in bins instead of spike counts."""

import numpy as np

from neuropipe.binning.continuous import Grid
from neuropipe.binning.events import bin_events, events_in_windows, imaged
from neuropipe.binning.streaming import BinnedSummary, write_counts
from neuropipe.errors import BadInput
from resources.store.artifact import Artifact, Draft
from resources.store.binned_format import ACTIVITY
from resources.store.recording_format import roi_blocks


def imaged_trials(events: Artifact, starts: np.ndarray, duration: float) -> np.ndarray:
    """(trial,) bool: whether a window of `duration` s from starts ((trial,) s) was imaged whole."""
    return imaged(events.arrays["frame_times"][:], starts, duration)


def events_in_trials(
    draft: Draft, events: Artifact, starts: np.ndarray, bin_width: float, n_bins: int, key: str
) -> tuple[BinnedSummary, float]:
    """Write activity (trial, bin, unit); what it adds up to, and what the events in the windows do."""
    activity = np.empty((len(starts), n_bins, events.arrays["events"].shape[1]), np.float32)
    for rois in roi_blocks(events.arrays["events"]):
        activity[:, :, rois] = _binned(events, rois, starts, bin_width, n_bins)
    expected = activity_per_window(events, starts, n_bins * bin_width)
    kept = _keep_recorded(draft, activity, key)
    return write_counts(activity[:, :, kept], draft.arrays, name=ACTIVITY), float(expected[:, kept].sum())


def events_in_time(draft: Draft, events: Artifact, grid: Grid, key: str) -> tuple[np.ndarray, float]:
    """activity (time, unit) in the bins of the grid, and what the events in its stretches add up to."""
    parts = []
    for start, n_bins in zip(grid.starts, grid.n_bins, strict=True):
        blocks = [
            _binned(events, rois, np.array([start]), grid.bin_width, int(n_bins))[0]
            for rois in roi_blocks(events.arrays["events"])
        ]
        parts.append(np.hstack(blocks))
    activity = np.concatenate(parts)
    expected = np.concatenate(
        [
            activity_per_window(events, np.array([start]), n_bins * grid.bin_width)
            for start, n_bins in zip(grid.starts, grid.n_bins, strict=True)
        ]
    )
    kept = _keep_recorded(draft, activity, key)
    return activity[:, kept], float(expected[:, kept].sum())


def activity_per_window(events: Artifact, starts: np.ndarray, duration: float) -> np.ndarray:
    """(window, roi) events in each window as a whole, added up frame by frame."""
    found, frame_times = events.arrays["events"], events.arrays["frame_times"][:]
    return np.hstack([events_in_windows(found[:, rois], frame_times, starts, duration) for rois in roi_blocks(found)])


def _binned(events: Artifact, rois: slice, starts: np.ndarray, bin_width: float, n_bins: int) -> np.ndarray:
    return bin_events(events.arrays["events"][:, rois], events.arrays["frame_times"][:], starts, bin_width, n_bins)


def _keep_recorded(draft: Draft, activity: np.ndarray, key: str) -> np.ndarray:
    """ROIs (indices) whose activity is known in every bin; `units` says which rows of the table of ROIs they are."""
    n_rois = activity.shape[-1]
    kept = np.flatnonzero(np.isfinite(activity).all(axis=tuple(range(activity.ndim - 1))))
    if len(kept) == 0:
        raise BadInput(f"{key}: none of its {n_rois} ROIs was recorded throughout what is to be decoded")
    draft.array("units", kept)
    draft.metadata["rois_left_out"] = n_rois - len(kept)
    return kept
