"""Kalman filter: behaviour changes smoothly, and each unit's counts are a noisy linear function of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from sklearn.utils._param_validation import Interval

from neuropipe.decoders.base import CountsRegressor
from neuropipe.decoders.inner_folds import InnerFold, inner_blocks
from neuropipe.parameters import COUNT_OR_ZERO, FOLDS, Parameters, each_of
from neuropipe.registry import decoder

_FILE = "kalman.safetensors"
_SMALLEST_NOISE = 1e-8  # added to the noise of each unit, as a share of its variance


@decoder("kalman", task="regression", input="counts", tools=("numpy", "scikit-learn"))
class Kalman(Parameters, CountsRegressor):
    """Kalman filter of movement (Wu et al. 2006, Neural Computation 18:80).

    The state x of a bin is its targets and those of the next `lead` bins, because cortex leads movement; z are the
    counts of the bin. Training means are subtracted from both. From bin to bin x' = A x + w with w ~ N(0, W), and
    z = H x + q with q ~ N(0, Q). A, W, H and Q are estimated by least squares on the training samples (A and W on
    consecutive bins only). lead = 0 is the filter of the paper. Each sample is filtered through its own history,
    starting from the covariance of the training samples, so that an estimate depends on the bins of its history alone.

    leads : numbers of bins to try; lead_ has the least squared error over n_inner_folds contiguous blocks of the
        training samples
    shrinkage : share by which Q is shrunk towards its diagonal, so that it is not singular with few samples
    """

    _parameter_constraints = {
        "leads": each_of(COUNT_OR_ZERO),
        "shrinkage": [Interval(Real, 0, 1, closed="both")],
        "n_inner_folds": [FOLDS],
    }

    leads: tuple[int, ...] = (0, 1, 2, 3, 4)
    shrinkage: float = 0.01
    n_inner_folds: int = 3

    def _learn(self, counts, targets, times):
        folds = inner_blocks(len(counts), self.n_inner_folds, gap=counts.shape[1])
        possible = [lead for lead in sorted(set(self.leads)) if _has_states(times, lead, folds)] or [0]
        errors = [sum(self._error(counts, targets, times, lead, fold) for fold in folds) for lead in possible]
        self.lead_ = possible[int(np.argmin(errors))]
        self.filter_ = _Filter.learn(counts, targets, times, self.lead_, self.shrinkage)

    def _error(self, counts, targets, times, lead: int, fold: InnerFold) -> float:
        """Squared error over the held-out samples, each target in units of its variance."""
        train, test = fold.train, fold.validate
        learned = _Filter.learn(counts[train], targets[train], times[train], lead, self.shrinkage)
        variance = targets.var(axis=0)
        squared = (learned.estimates(counts[test]) - targets[test]) ** 2
        return float((squared / np.where(variance > 0, variance, 1)).sum())

    def _estimates(self, counts):
        return self.filter_.estimates(counts)

    def _write(self, folder: Path) -> dict:
        arrays = {name: np.ascontiguousarray(values) for name, values in vars(self.filter_).items()}
        save_file(arrays, folder / _FILE)
        return {"lead": self.lead_}

    def _read(self, folder, learned):
        self.lead_, self.filter_ = learned["lead"], _Filter(**load_file(folder / _FILE))


@dataclass(frozen=True)
class _Filter:
    """x = passes[bin] x + gains[bin] z in every bin of a history. Gains depend on no data: all samples share them.

    gains : (bin, state, unit); passes : (bin, state, state); mean_counts : (unit,); mean_targets : (k,). The last k
    entries of the state are the targets of the current bin.
    """

    gains: np.ndarray
    passes: np.ndarray
    mean_counts: np.ndarray
    mean_targets: np.ndarray

    @classmethod
    def learn(
        cls, counts: np.ndarray, targets: np.ndarray, times: np.ndarray, lead: int, shrinkage: float
    ) -> "_Filter":
        mean_counts, mean_targets = counts[:, -1].mean(axis=0), targets.mean(axis=0)
        rows = _complete(times, lead)
        x = np.hstack([(targets - mean_targets)[rows + ahead] for ahead in range(lead, -1, -1)])
        z = (counts[:, -1] - mean_counts)[rows]
        first = np.flatnonzero(np.isin(rows + 1, rows) & np.append(_neighbours(times), False)[rows])
        prior, moved, transition = _covariance(x), _covariance(x), np.zeros((x.shape[1], x.shape[1]))
        if len(first):  # otherwise there are no dynamics to learn from, and each bin is estimated by itself
            transition = _regress(x[first], x[first + 1])
            moved = _covariance(x[first + 1] - x[first] @ transition.T)
        observation = _regress(x, z)
        noise = _covariance(z - x @ observation.T)
        noise = (1 - shrinkage) * noise + np.diag(shrinkage * np.diag(noise) + _SMALLEST_NOISE * (z**2).mean(axis=0))
        gains, passes = _gains(transition, moved, observation, noise, prior, counts.shape[1])
        return cls(gains, passes, mean_counts, mean_targets)

    def estimates(self, counts: np.ndarray) -> np.ndarray:
        """(sample, bin, unit) -> (sample, k)"""
        state = np.zeros((len(counts), self.gains.shape[1]))
        for gain, keep, observed in zip(self.gains, self.passes, counts.transpose(1, 0, 2), strict=True):
            state = state @ keep.T + (observed - self.mean_counts) @ gain.T
        return state[:, -len(self.mean_targets) :] + self.mean_targets


def _has_states(times: np.ndarray, lead: int, folds: Sequence[InnerFold]) -> bool:
    return all(len(_complete(times[fold.train], lead)) > 1 for fold in folds) and len(_complete(times, lead)) > 1


def _complete(times: np.ndarray, lead: int) -> np.ndarray:
    """Rows whose next `lead` rows are the consecutive bins."""
    unbroken = np.concatenate([[0], np.cumsum(_neighbours(times))])
    rows = np.arange(len(times) - lead)
    return rows[unbroken[rows + lead] - unbroken[rows] == lead] if len(rows) else rows


def _neighbours(times: np.ndarray) -> np.ndarray:
    """(sample - 1,) bool: whether the next sample is the next bin. times : (sample,) s, ascending"""
    steps = np.diff(times)
    return steps < 1.5 * steps[steps > 0].min() if np.any(steps > 0) else np.zeros(len(steps), bool)


def _regress(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """B of least squared y - x B'."""
    return np.linalg.lstsq(x, y, rcond=None)[0].T


def _covariance(values: np.ndarray) -> np.ndarray:
    return values.T @ values / len(values)


def _gains(transition, moved, observation, noise, prior, n_bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Gains and passes of every bin of a history that starts with mean 0 and covariance `prior`.

    K = P H'Q^-1 with P = (P_predicted^-1 + H'Q^-1 H)^-1. With few states and many units this is cheaper than the
    equivalent form that inverts a (unit, unit) matrix in every bin.
    """
    used = np.diag(noise) > 0  # a silent unit has no noise variance to divide by
    weighted = np.zeros((len(prior), len(noise)))
    if used.any():
        weighted[:, used] = np.linalg.solve(noise[np.ix_(used, used)], observation[used]).T
    precision, identity = weighted @ observation, np.eye(len(prior))
    gains, passes, predicted = [], [], prior
    for step in range(n_bins):
        covariance = np.linalg.solve(identity + predicted @ precision, predicted)
        gain = covariance @ weighted
        keep = identity - gain @ observation
        gains.append(gain)
        passes.append(keep @ transition if step else keep)
        predicted = transition @ covariance @ transition.T + moved
    return np.stack(gains), np.stack(passes)
