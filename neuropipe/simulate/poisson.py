"""Simulates Poisson spike trains in continuous time."""

from collections.abc import Callable

import numpy as np


def thinned_train(
    rate: Callable[[np.ndarray], np.ndarray], rate_bound: float, duration: float, rng: np.random.Generator
) -> np.ndarray:
    """Spike times (s, ascending) of an inhomogeneous Poisson process on [0, duration).

    rate : times (s) -> rate (Hz), never above rate_bound (Hz)
    Thinning of a homogeneous process: exact, no time grid (Lewis and Shedler 1979, Naval Research Logistics 26:403).
    """
    candidates = np.sort(rng.uniform(0, duration, rng.poisson(rate_bound * duration)))
    return candidates[rng.random(len(candidates)) * rate_bound < rate(candidates)]
