"""Correlograms of connections of simulated networks, counted plainly."""

import numpy as np

from neuropipe.recording import Recording


def train(recording: Recording, unit: int) -> np.ndarray:
    offsets = recording.spikes.offsets
    return recording.spikes.times[offsets[unit] : offsets[unit + 1]]


def pooled(recording: Recording, pairs: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Counts of target spikes per lag after source spikes, summed over pairs; edges : s."""
    counts = np.zeros(len(edges) - 1, int)
    for source, target in pairs:
        lags = train(recording, source)[:, None] + edges
        counts += np.diff(np.searchsorted(train(recording, target), lags), axis=1).sum(axis=0)
    return counts


def rates(recording: Recording) -> np.ndarray:
    """Mean rate of each unit, Hz."""
    return np.diff(recording.spikes.offsets) / recording.epochs["stop"][0]
