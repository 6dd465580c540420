"""Units whose wiring is known, and the simplest method that finds it."""

import numpy as np

from neuropipe.connectivity.base import ConnectivityMethod, Estimate
from neuropipe.connectivity.data import ConnectivityData
from neuropipe.recording import SpikeTrains


class LaggedCorrelation(ConnectivityMethod):
    """Pearson's correlation of a unit's counts with those of the others one bin later."""

    plugin_name = "lagged_correlation"
    plugin_facts = {"needs": "counts", "directed": True, "signed": True}

    def __init__(self, *, bin_width=0.005):
        self.bin_width = bin_width

    def _estimate(self, data):
        data = data.binned(self.bin_width)
        counts = np.asarray(data.counts, float)
        counts = (counts - counts.mean(axis=0)) / counts.std(axis=0)
        within = np.ones(len(counts) - 1, bool)
        within[data.segment_edges[1:-1] - 1] = False
        return Estimate(counts[:-1][within].T @ counts[1:][within] / within.sum())


def wiring(n_units=16, n_connections=30, seed=0):
    """(source, target) bool"""
    rng = np.random.default_rng(seed)
    connected = np.zeros(n_units * n_units, bool)
    free = np.flatnonzero(~np.eye(n_units, dtype=bool))
    connected[rng.permutation(free)[:n_connections]] = True
    return connected.reshape(n_units, n_units)


def wired_spikes(connected, *, duration=200.0, rate=8.0, probability=0.25, seed=1):
    """Poisson spikes; a spike of a source is followed, with `probability`, by one of the target 4 to 6 ms later."""
    rng = np.random.default_rng(seed)
    own = [rng.uniform(0, duration, rng.poisson(rate * duration)) for _ in connected]
    trains = [[times] for times in own]
    for source, target in np.argwhere(connected):
        followed = own[source][rng.random(len(own[source])) < probability]
        trains[target].append(followed + rng.uniform(0.004, 0.006, len(followed)))
    joined = [np.sort(np.clip(np.concatenate(parts), 0, duration)) for parts in trains]
    return ConnectivityData(spikes=SpikeTrains.from_list(joined), start=0.0, stop=duration)
