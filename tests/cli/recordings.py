"""A user's own recordings, small, and as bad as asked."""

from pathlib import Path
from typing import Any

import numpy as np


def arrays(n_trials: int = 60, n_units: int = 6, seed: int = 0, silent: bool = False, **changed: Any) -> dict[str, Any]:
    """Spike trains of units that prefer one of two choices, as `neuropipe add` reads them; None removes a name."""
    rng = np.random.default_rng(seed)
    start = np.arange(n_trials) * 2.0
    choice = rng.permutation(np.resize([-1, 1], n_trials))
    trains = []
    for unit in range(n_units):
        rate = np.where(choice == (1 if unit % 2 else -1), 12, 4)
        spikes = [first + rng.uniform(0, 1, rng.poisson(n)) for first, n in zip(start, rate, strict=True)]
        trains.append(np.sort(np.concatenate(spikes)))
    if silent:
        trains[0] = np.empty(0)
    offsets = np.cumsum([0, *map(len, trains)])
    made = {"times": np.concatenate(trains), "offsets": offsets, "trial_start": start, "choice": choice, **changed}
    return {name: value for name, value in made.items() if value is not None}


def save(path: Path, **changed: Any) -> Path:
    """Write such a recording into an .npz file."""
    np.savez(path, **arrays(**changed))
    return path


ADD = ("--label", "choice", "--align", "start", "--window", "0", "1", "--bin-width", "0.1")
