"""Which samples are too close to a test sample: within a gap of samples, or with overlapping windows of time."""

import numpy as np


def near_test(is_test: np.ndarray, order: np.ndarray, gap: int) -> np.ndarray:
    """(sample,) int64: the nearest test sample if it is at most `gap` samples away in time order, else -1.

    is_test : (sample,) bool, some True; order : (sample,) the samples sorted by time.
    """
    tests = np.flatnonzero(is_test[order])  # places in time, ascending
    place = np.arange(len(order))
    after = np.minimum(np.searchsorted(tests, place), len(tests) - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(np.abs(tests[before] - place) <= np.abs(tests[after] - place), tests[before], tests[after])
    found = np.empty(len(order), np.int64)
    found[order] = np.where(np.abs(nearest - place) <= gap, order[nearest], -1)
    return found


def overlaps_test(is_test: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """(sample,) int64: a test sample whose window shares time with the sample's, else -1.

    is_test : (sample,) bool, some True; windows : (sample, 2) s. Of the test windows that start before a window stops,
    the one that stops last is compared: if it has stopped before the window starts, all have.
    """
    tests = np.flatnonzero(is_test)
    tests = tests[np.argsort(windows[tests, 0], kind="stable")]
    starts, stops = windows[tests, 0], windows[tests, 1]
    latest_stop = np.maximum.accumulate(stops)
    latest = np.maximum.accumulate(np.where(stops == latest_stop, np.arange(len(tests)), 0))
    slack = rounding_slack(windows)
    n_before = np.searchsorted(starts, windows[:, 1] - slack, "left")
    candidate = np.maximum(n_before - 1, 0)
    overlapping = (n_before > 0) & (latest_stop[candidate] > windows[:, 0] + slack)
    return np.where(overlapping, tests[latest[candidate]], -1)


def rounding_slack(windows: np.ndarray) -> float:
    """Seconds of overlap that are rounding: neighbours computed as start + width may meet in the last digits."""
    return max(1e-6 * np.min(windows[:, 1] - windows[:, 0]), 4 * np.spacing(np.abs(windows).max()))
