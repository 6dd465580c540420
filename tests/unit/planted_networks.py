"""Spike trains with planted connections, for tests of connectivity methods; without a simulator, in milliseconds."""

import numpy as np

from neuropipe.connectivity import ConnectivityData
from neuropipe.recording import SpikeTrains


def planted_chain(seed: int = 0, duration: float = 200.0) -> ConnectivityData:
    """Five units: 0 excites 1 and 1 excites 2 after 3 ms, 0 inhibits 3 from 3 to 13 ms, 4 is on its own."""
    rng = np.random.default_rng(seed)
    trains = [_poisson(rng, rate, duration) for rate in (20.0, 8.0, 8.0, 30.0, 15.0)]
    trains[1] = np.concatenate([trains[1], _triggered(rng, trains[0])])
    trains[2] = np.concatenate([trains[2], _triggered(rng, trains[1])])
    trains[3] = trains[3][~_follows(trains[3], np.sort(trains[0]), 0.003, 0.013) | (rng.random(len(trains[3])) < 0.3)]
    kept = [np.sort(train[(train > 0.5) & (train < duration - 0.5)]) for train in trains]
    return ConnectivityData(spikes=SpikeTrains.from_list(kept), start=0.0, stop=duration)


def shared_drive(seed: int, n_units: int = 30, duration: float = 300.0, strength: float = 0.8) -> ConnectivityData:
    """Unconnected units at 10 Hz whose log rates share a smooth process of 200 ms with loadings of both signs."""
    rng = np.random.default_rng(seed)
    n_bins = round(duration / 0.01)
    drive = np.zeros(n_bins)
    noise = rng.standard_normal(n_bins)
    keep = np.exp(-0.01 / 0.2)
    for time in range(1, n_bins):
        drive[time] = keep * drive[time - 1] + np.sqrt(1 - keep**2) * noise[time]
    trains = []
    for loading in strength * rng.choice([-1.0, 1.0], n_units):
        counts = rng.poisson(0.1 * np.exp(loading * drive - loading**2 / 2))
        trains.append(np.sort((np.repeat(np.arange(n_bins), counts) + rng.random(counts.sum())) * 0.01))
    return ConnectivityData(spikes=SpikeTrains.from_list(trains), start=0.0, stop=duration)


def _poisson(rng: np.random.Generator, rate: float, duration: float) -> np.ndarray:
    return rng.uniform(0, duration, rng.poisson(rate * duration))


def _triggered(rng: np.random.Generator, sources: np.ndarray) -> np.ndarray:
    chosen = sources[rng.random(len(sources)) < 0.3]
    return chosen + 0.003 + rng.exponential(0.004, len(chosen))


def _follows(times: np.ndarray, sources: np.ndarray, shortest: float, longest: float) -> np.ndarray:
    return np.searchsorted(sources, times - shortest) > np.searchsorted(sources, times - longest)
