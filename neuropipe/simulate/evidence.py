"""Evidence accumulation between two bounds: the drift-diffusion model, sampled and solved."""

import numpy as np

_BLOCK = 1000  # steps drawn at once


def accumulate(
    drift: float, start: float, bound: float, noise: float, dt: float, rng: np.random.Generator
) -> tuple[np.ndarray, int]:
    """One path of dx = drift dt + noise dW from `start` until it leaves (-bound, bound), and the side it left by.

    drift : evidence / s; noise : evidence / sqrt(s); dt : s
    Returns path (step,) with path[k] = x(k dt), whose last value is +bound or -bound, and the side, 1 or -1.
    Steps are Gaussian and a crossing between two of them is drawn from the Brownian bridge, so the positions and
    the side follow the continuous model: `probability_upper` is exact for them (Ratcliff and McKoon 2008, Neural
    Computation 20:873).
    """
    pieces = [np.array([start])]
    while True:
        steps = rng.normal(drift * dt, noise * np.sqrt(dt), _BLOCK)
        after = pieces[-1][-1] + np.cumsum(steps)
        before = np.concatenate([pieces[-1][-1:], after[:-1]])
        uniform = rng.random(_BLOCK)
        scale = -2 / (noise**2 * dt)
        # Both bounds within one step has a probability far below rounding, so one uniform decides for both.
        upper = uniform < np.exp(np.minimum(0, scale * (bound - before) * (bound - after)))
        lower = 1 - uniform <= np.exp(np.minimum(0, scale * (bound + before) * (bound + after)))
        crossed = upper | lower
        if crossed.any():
            first = int(np.argmax(crossed))
            side = 1 if upper[first] else -1
            pieces += [after[:first], np.array([side * bound])]
            return np.concatenate(pieces), side
        pieces.append(after)


def probability_upper(evidence: np.ndarray, drift: np.ndarray, bound: float, noise: float) -> np.ndarray:
    """P(the upper bound is reached first) from `evidence` under a constant `drift`; arrays of the same shape.

    The two-bound exit probability of Brownian motion, (1 - exp(-2 v (x + B) / s^2)) / (1 - exp(-4 v B / s^2)).
    """
    slope = -2 * np.asarray(drift, float) / noise**2
    flat = np.abs(slope) * bound < 1e-9
    safe = np.where(flat, 1.0, slope)
    solved = np.expm1(safe * (evidence + bound)) / np.expm1(safe * 2 * bound)
    return np.where(flat, (evidence + bound) / (2 * bound), solved)
