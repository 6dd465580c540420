"""Continuous signals in bins: the mean of the samples that lie in each bin."""

import numpy as np

from neuropipe.errors import BadInput

ROUNDING = 1e-6  # of a sampling interval, by which a sample may lie before the edge that it is counted from


def segment_spans(segments: np.ndarray, starts: np.ndarray, sampling_rate: float) -> np.ndarray:
    """(segment, 2) s: from the first sample of each segment to one sampling interval after its last."""
    return np.stack([starts, starts + np.diff(segments, axis=1)[:, 0] / sampling_rate], axis=1)


def recorded(spans: np.ndarray, starts: np.ndarray, duration: float, sampling_rate: float) -> np.ndarray:
    """(trial,) bool: whether the windows of `duration` s from starts ((trial,) s) lie within one segment each."""
    slack = ROUNDING / sampling_rate
    owner = np.clip(np.searchsorted(spans[:, 0] - slack, starts, side="right") - 1, 0, None)
    return (starts >= spans[owner, 0] - slack) & (starts + duration <= spans[owner, 1] + slack)


def bin_edges_in_samples(times: np.ndarray, starts: np.ndarray, bin_width: float, n_bins: int) -> np.ndarray:
    """(trial, n_bins + 1): the first sample of each bin and, last, the one after the window.

    times : (time,) s of the samples; starts : (trial,) s. Raises BadInput where a bin holds no sample.
    """
    interval = float(np.median(np.diff(times))) if len(times) > 1 else np.inf
    moments = starts[:, None] + np.arange(n_bins + 1) * bin_width
    samples = np.searchsorted(times, moments - ROUNDING * interval)
    if len(starts) and np.diff(samples, axis=1).min() < 1:
        raise BadInput(
            f"bins of {bin_width:g} s hold no sample of a signal that is sampled every {interval:g} s; take wider bins"
        )
    return samples


def average_in_windows(
    values: np.ndarray, times: np.ndarray, starts: np.ndarray, bin_width: float, n_bins: int
) -> np.ndarray:
    """Mean signal in the bins of every trial: (trial, bin, channel) float32, in the unit of the signal.

    values : (time, channel); times : (time,) s, ascending; starts : (trial,) s, of windows that were recorded
    throughout (`recorded`); bin_width : s. A sample at time t lies in the bin [edge, edge + bin_width) that holds t.
    """
    edges = bin_edges_in_samples(times, starts, bin_width, n_bins)
    centre = values.mean(axis=0, dtype=np.float64)  # keeps the running sum small
    running = np.zeros((len(values) + 1, values.shape[1]))
    np.cumsum(values - centre, axis=0, out=running[1:])
    sums = np.diff(running[edges], axis=1)
    return (sums / np.diff(edges, axis=1)[..., None] + centre).astype(np.float32)


def sums_in_windows(values: np.ndarray, times: np.ndarray, starts: np.ndarray, duration: float) -> np.ndarray:
    """(window, channel) sum of the samples in windows of `duration` s, window by window: a check on bins."""
    first, stop = bin_edges_in_samples(times, starts, duration, 1).T
    return np.stack([values[a:b].sum(axis=0, dtype=np.float64) for a, b in zip(first, stop, strict=True)])
