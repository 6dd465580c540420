"""Spike trains with known influences, for tests of connectivity methods."""

import numpy as np

from neuropipe.connectivity import ConnectivityData
from neuropipe.recording import SpikeTrains

SECONDS = 300.0
EXCITES, INHIBITS = (0, 1), (2, 3)
DELAY = 0.003  # s, of the excitation


def planted(seed: int = 0, rate: float = 20.0) -> ConnectivityData:
    """Five Poisson units: 0 makes 1 fire 3 ms later, one spike in five; 2 silences 3 from 2 to 8 ms; 4 is alone."""
    rng = np.random.default_rng(seed)
    trains = [poisson(rng, rate) for _ in range(5)]
    caused = trains[0][rng.random(len(trains[0])) < 0.2] + DELAY
    trains[1] = np.sort(np.concatenate([trains[1], caused[caused < SECONDS]]))
    since = trains[3] - trains[2][np.maximum(np.searchsorted(trains[2], trains[3]) - 1, 0)]
    trains[3] = trains[3][~((since > 0.002) & (since < 0.008) & (rng.random(len(since)) < 0.8))]
    return ConnectivityData(spikes=SpikeTrains.from_list(trains), start=0.0, stop=SECONDS)


def driven(seed: int, n_units: int = 16, seconds: float = 200.0, time: float = 0.2) -> ConnectivityData:
    """Units without connections whose rates follow one drive, exponentially correlated over `time` (s)."""
    rng = np.random.default_rng(seed)
    step, noise = 0.005, rng.standard_normal(int(seconds / 0.005))
    keep, drive = np.exp(-step / time), np.empty(len(noise))
    drive[0] = noise[0]
    for k in range(1, len(noise)):
        drive[k] = keep * drive[k - 1] + np.sqrt(1 - keep**2) * noise[k]
    chance = 15.0 * np.exp(0.4 * drive - 0.08) * step
    trains = []
    for _ in range(n_units):
        fired = np.flatnonzero(rng.random(len(chance)) < chance)
        trains.append((fired + rng.random(len(fired))) * step)
    return ConnectivityData(spikes=SpikeTrains.from_list(trains), start=0.0, stop=seconds)


def poisson(rng: np.random.Generator, rate: float, seconds: float = SECONDS) -> np.ndarray:
    return np.sort(rng.random(rng.poisson(rate * seconds))) * seconds
