"""Simulates movement of the brain under the microscope: rigid shifts that drift and jitter, and displaced images."""

import numpy as np

DRIFT_TIME = 20.0  # s, time constant of the drift
JITTER_TIME = 0.1  # s
JITTER = 0.1  # SD, relative to the largest drift


def rigid_shifts(frame_times: np.ndarray, max_shift: float, rng: np.random.Generator) -> np.ndarray:
    """Displacement of the field at each frame, (time, 2) y and x, px.

    A smooth drift plus a jitter from frame to frame, scaled to a largest excursion of `max_shift` along each axis.
    """
    interval = frame_times[1] - frame_times[0]
    noise = rng.standard_normal((2, len(frame_times), 2))
    drift = correlated(correlated(noise[0], interval / DRIFT_TIME), interval / DRIFT_TIME)
    path = drift / np.abs(drift).max(axis=0) + JITTER * correlated(noise[1], interval / JITTER_TIME)
    return max_shift * path / np.abs(path).max(axis=0)


def correlated(noise: np.ndarray, step: float) -> np.ndarray:
    """First-order autoregressive noise along axis 0, from white noise; step : time constants between samples."""
    from scipy.signal import lfilter

    keep = np.exp(-step)
    driven = np.sqrt(1 - keep**2) * noise
    driven[0] = noise[0]  # stationary from the start: SD 1 where the noise has 1
    return lfilter([1.0], [1.0, -keep], driven, axis=0)


def displaced(scene: np.ndarray, shift: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The part of a scene that is seen when it has moved by `shift`, (y, x) of `shape`.

    scene : (y, x), larger than `shape` by equal margins; shift : y and x, px. What lies at p at rest is seen at
    p + shift, interpolated linearly between pixels.
    """
    margin = (np.array(scene.shape) - shape) / 2
    first = margin - shift
    (y, x), (part_y, part_x) = np.floor(first).astype(int), (first - np.floor(first)).astype(np.float32)
    rows = (1 - part_y) * scene[y : y + shape[0]] + part_y * scene[y + 1 : y + shape[0] + 1]
    return (1 - part_x) * rows[:, x : x + shape[1]] + part_x * rows[:, x + 1 : x + shape[1] + 1]
