"""The same activity without fast interactions between units: what a connectivity method must find nothing in."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from neuropipe.connectivity.data import ConnectivityData
from neuropipe.recording import SpikeTrains

JITTER = 0.025  # s; Amarasingham et al. 2012, J Neurophysiol 107:517
TRIALS = 10  # segments from which on they are permuted as trials
WINDOW = 40  # trials in a row that are permuted among each other, so that slow drift stays


def uncoupled(data: ConnectivityData, *, seed: int, jitter: float = JITTER) -> ConnectivityData:
    """Activity of the same units in which they no longer influence each other.

    Spike times are moved by up to +-jitter (s), uniformly and each for itself: rates stay as they are on scales slower
    than that. Counts in at least 10 segments (trials) are permuted: each unit gets its own order of trials of equal
    length, within 40 trials in a row and, where labels are few, within the label, so that responses to what was shown
    and slow drift stay. Other counts are shifted round within each segment, each unit by its own offset: this also
    ends common slow drift.
    """
    rng = np.random.default_rng(seed)
    if data.spikes is not None:
        return replace(data, spikes=_jittered(data.spikes, data.start, data.stop, jitter, rng))
    edges = data.segment_edges
    moved = _permuted_trials(data, edges, rng) if len(edges) - 1 >= TRIALS else _shifted(data, edges, rng)
    return replace(data, counts=moved)


def _jittered(spikes: SpikeTrains, start: float, stop: float, jitter: float, rng: np.random.Generator) -> SpikeTrains:
    times = spikes.times + rng.uniform(-jitter, jitter, len(spikes.times))
    # reflected at the ends of the recording
    times = np.where(times < start, 2 * start - times, times)
    times = np.clip(np.where(times > stop, 2 * stop - times, times), start, stop)
    unit = np.repeat(np.arange(spikes.n_units), np.diff(spikes.offsets))
    return SpikeTrains(times[np.lexsort((times, unit))], spikes.offsets)


def _permuted_trials(data: ConnectivityData, edges: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    assert data.counts is not None
    n_segments, lengths = len(edges) - 1, np.diff(edges)
    label = np.zeros(n_segments, np.int64)
    if data.labels is not None:
        classes, codes = np.unique(np.asarray(data.labels), return_inverse=True)
        label = codes if len(classes) <= n_segments // 4 else label
    n_windows = max(1, round(n_segments / WINDOW))
    window = np.arange(n_segments) * n_windows // n_segments
    _, group = np.unique(np.stack([window, label, lengths]), axis=1, return_inverse=True)
    taken = np.tile(np.arange(n_segments), (data.n_units, 1))  # (unit, segment): whose counts the segment gets
    for members in (np.flatnonzero(group == each) for each in range(group.max() + 1)):
        taken[:, members] = rng.permuted(np.tile(members, (data.n_units, 1)), axis=1)
    segment = np.repeat(np.arange(n_segments), lengths)
    within = np.arange(len(data.counts)) - edges[segment]
    moved = np.empty_like(data.counts)
    for unit in range(data.n_units):
        moved[:, unit] = data.counts[edges[taken[unit, segment]] + within, unit]
    return moved


def _shifted(data: ConnectivityData, edges: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    assert data.counts is not None
    moved = np.empty_like(data.counts)
    for first, last in pairwise(edges):
        for unit, offset in enumerate(rng.integers(last - first, size=data.n_units)):
            moved[first:last, unit] = np.roll(data.counts[first:last, unit], offset)
    return moved
