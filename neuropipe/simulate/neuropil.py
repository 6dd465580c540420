"""Simulates neuropil: light of fine processes between cell bodies, smooth in space and slow in time."""

from dataclasses import dataclass

import numpy as np

from neuropipe.simulate.motion import correlated

N_PATTERNS = 8
PATTERN_SIZE, TEXTURE_SIZE = 40.0, 20.0  # px, SD of the Gaussians that smooth them
TEXTURE = 0.1  # SD of the resting image, relative to its mean
CORRELATION_TIME = 1.0  # s


@dataclass(frozen=True)
class Neuropil:
    """Light of the neuropil, relative to its mean: resting * (1 + patterns weighted by activity).

    resting : (y, x) float32; patterns : (y * x, pattern) float32; activity : (time, pattern) float32
    """

    resting: np.ndarray
    patterns: np.ndarray
    activity: np.ndarray

    def at(self, frame: int) -> np.ndarray:
        """Light at a frame, (y, x)."""
        return self.resting * (1 + (self.patterns @ self.activity[frame]).reshape(self.resting.shape))


def glow(frame_times: np.ndarray, shape: tuple[int, int], fluctuation: float, rng: np.random.Generator) -> Neuropil:
    """Neuropil whose pixels fluctuate with an SD of `fluctuation` of their mean, together with their neighbours.

    Patterns are smooth over tens of pixels, the first of them the whole field; activity is correlated over a second.
    """
    interval = frame_times[1] - frame_times[0]
    resting = 1 + TEXTURE * _smooth_field(shape, TEXTURE_SIZE, rng)
    patterns = np.stack(
        [np.ones(shape), *(_smooth_field(shape, PATTERN_SIZE, rng) for _ in range(N_PATTERNS - 1))], axis=-1
    )
    patterns *= fluctuation / np.sqrt((patterns**2).sum(axis=-1, keepdims=True))
    activity = correlated(rng.standard_normal((len(frame_times), N_PATTERNS)), interval / CORRELATION_TIME)
    return Neuropil(
        resting.astype(np.float32), patterns.reshape(-1, N_PATTERNS).astype(np.float32), activity.astype(np.float32)
    )


def _smooth_field(shape: tuple[int, int], size: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian random field of mean 0 and SD 1, (y, x); its correlation falls to 1/e over 2 `size` px."""
    from scipy.ndimage import gaussian_filter

    around = int(2 * size)  # a filtered field is periodic; a part of a larger one is not
    noise = rng.standard_normal((shape[0] + 2 * around, shape[1] + 2 * around))
    field = gaussian_filter(noise, size, mode="wrap") * 2 * np.sqrt(np.pi) * size
    return field[around:-around, around:-around]
