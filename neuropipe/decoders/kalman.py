"""The Kalman filter: behaviour moves smoothly, and each unit's counts are a noisy linear function of it."""

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from neuropipe.decoders.base import CountsRegressor
from neuropipe.errors import BadInput
from neuropipe.registry import decoder

_FILE = "kalman.safetensors"
_SHARE = 1e-9  # of the mean variance, added where a covariance may be singular


@decoder("kalman", task="regression", input="counts", tools=("numpy", "scikit-learn"))
class Kalman(CountsRegressor):
    """Kalman filter of hand or head movement (Wu et al. 2006, Neural Computation 18:80).

    The state x is the targets of a bin, z the counts of that bin, both about their training means:
    x' = A x + w, w ~ N(0, W) from bin to bin and z = H x + q, q ~ N(0, Q); A, W, H, Q by least squares on the training
    samples (equations 3.3 to 3.6), A and W on those that follow each other without a gap. Each sample is filtered
    through its own history, from the training samples' mean and covariance on: the estimate for a bin uses the bins of
    its history alone, as every other decoder's does, and needs no neighbour.

    smoothing : covariance Q is shrunk by this share towards its diagonal, so that few samples can't make it singular
    """

    def __init__(self, *, smoothing: float = 0.01):
        self.smoothing = smoothing

    def _learn(self, counts, targets, times):
        if not 0 <= self.smoothing <= 1:
            raise BadInput(f"smoothing is {self.smoothing}; expected a share from 0 to 1")
        current = counts[:, -1]
        self.mean_counts_, self.mean_targets_ = current.mean(axis=0), targets.mean(axis=0)
        z, x = current - self.mean_counts_, targets - self.mean_targets_
        follows = np.flatnonzero(_neighbours(times))
        # One sample has no neighbour to learn a movement from: the state then stays at its mean.
        transition = _regress(x[follows], x[follows + 1]) if len(follows) else np.zeros((x.shape[1], x.shape[1]))
        moved = x[follows + 1] - x[follows] @ transition.T
        observation = _regress(x, z)
        noise = _covariance(z - x @ observation.T)
        noise = (1 - self.smoothing) * noise + self.smoothing * np.diag(np.diag(noise))
        self.gains_, self.passes_ = _gains(
            transition,
            _covariance(moved) if len(follows) else _covariance(x),
            observation,
            noise,
            _covariance(x),
            counts.shape[1],
        )

    def _estimates(self, counts):
        state = np.zeros((len(counts), len(self.mean_targets_)))
        for gain, keep, observed in zip(self.gains_, self.passes_, counts.transpose(1, 0, 2), strict=True):
            state = state @ keep.T + (observed - self.mean_counts_) @ gain.T
        return state + self.mean_targets_

    def _write(self, folder: Path) -> None:
        save_file(
            {name: np.ascontiguousarray(getattr(self, f"{name}_")) for name in _ARRAYS},
            folder / _FILE,
        )

    def _read(self, folder, learned):
        for name, values in load_file(folder / _FILE).items():
            setattr(self, f"{name}_", values)


_ARRAYS = ("gains", "passes", "mean_counts", "mean_targets")


def _neighbours(times: np.ndarray) -> np.ndarray:
    """(sample - 1,) bool: whether the next sample is the next bin. times : (sample,) s, ascending"""
    steps = np.diff(times)
    return steps < 1.5 * steps[steps > 0].min() if np.any(steps > 0) else np.zeros(len(steps), bool)


def _regress(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """B that makes y - x B' least in squares."""
    return np.linalg.lstsq(x, y, rcond=None)[0].T


def _covariance(values: np.ndarray) -> np.ndarray:
    return values.T @ values / len(values)


def _gains(transition, moved, observation, noise, prior, n_bins: int) -> tuple[np.ndarray, np.ndarray]:
    """What the filter does in each bin of a history, the same for all samples, since it depends on no data.

    gains : (bin, k, unit), of the counts; passes : (bin, k, k), of the estimate of the bin before. The precision H'Q^-1H
    of an observation is computed once: with few targets and many units that is the cheaper of two equal forms.
    """
    k = len(prior)
    used = np.diag(noise) > 0  # a silent unit says nothing, and has no noise to divide by
    weighted = np.zeros((k, len(noise)))
    if used.any():
        q = noise[np.ix_(used, used)]
        q = q + _SHARE * np.trace(q) / len(q) * np.eye(len(q))
        weighted[:, used] = np.linalg.solve(q, observation[used]).T
    precision = weighted @ observation
    gains, passes, identity = [], [], np.eye(k)
    predicted = prior
    for step in range(n_bins):
        covariance = np.linalg.solve(identity + predicted @ precision, predicted)
        gain = covariance @ weighted
        keep = identity - gain @ observation
        gains.append(gain)
        passes.append(keep @ transition if step else keep)
        predicted = transition @ covariance @ transition.T + moved
    return np.stack(gains), np.stack(passes)
