"""Input features of networks: a window of the trial in coarse bins, scaled, with its principal components."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from neuropipe.decoders.dual_logistic import PrincipalAxes
from neuropipe.decoders.pooling import pool
from neuropipe.decoders.scaling import Scaling

N_LEVELS = 4  # larger counts in a coarse bin are treated as 4


@dataclass(frozen=True)
class ScaledFeatures:
    """Scaled counts. edges : of the coarse bins; scaling : of each unit's counts in a coarse bin;
    components : (unit, component)"""

    edges: tuple[int, ...]
    scaling: Scaling
    components: torch.Tensor

    @classmethod
    def learn(
        cls, running: np.ndarray, edges: tuple[int, ...], scale_offset: float, n_components: int
    ) -> "ScaledFeatures":
        """Learn scaling and components from training trials. running : (trial, bin + 1, unit) running sums of counts"""
        rows = pool(running, edges).reshape(-1, running.shape[2])
        scaling = Scaling.learn(rows, scale_offset)
        return cls(edges, scaling, leading_components(scaling.apply(rows), n_components))

    def transform(self, running: np.ndarray, shift: int = 0) -> np.ndarray:
        """(trial, coarse bin, unit) float64, scaled. shift : by how many of the recording's bins the window is moved"""
        edges = np.clip(np.array(self.edges) + shift, 0, running.shape[1] - 1)
        rows = pool(running, edges).reshape(-1, running.shape[2])
        return self.scaling.apply(rows).reshape(len(running), len(edges) - 1, -1)

    def shifted(self, running: np.ndarray, jitter: int) -> np.ndarray:
        """(shift, trial, coarse bin, unit) float32: features at shift 0 and at every shift of up to `jitter` bins."""
        # A shift is a small change only to coarse bins that are several times longer.
        steps = range(1, jitter + 1) if np.diff(self.edges).min() > 2 * jitter else ()
        shifts = [0, *(sign * step for step in steps for sign in (-1, 1))]
        return np.stack([self.transform(running, shift).astype(np.float32) for shift in shifts])

    def tensors(self) -> dict[str, torch.Tensor]:
        """Arrays to save; `from_tensors` takes them back."""
        mean, factor = torch.from_numpy(self.scaling.mean), torch.from_numpy(self.scaling.factor)
        return {"mean": mean, "factor": factor, "components": self.components}

    @classmethod
    def from_tensors(cls, edges: tuple[int, ...], tensors: dict[str, torch.Tensor]) -> "ScaledFeatures":
        """Features with the arrays that `tensors` returned."""
        scaling = Scaling(tensors["mean"].numpy(), tensors["factor"].numpy())
        return cls(edges, scaling, tensors["components"])


class CountFeatures(ScaledFeatures):
    """Unscaled counts. A unit's components are the effect of one spike more of it, and one fewer of the average unit,
    on the leading principal components."""

    @classmethod
    def learn(cls, running, edges, scale_offset, n_components):
        """As ScaledFeatures. Components are centred on the average spike and scaled to the spikes of one coarse bin."""
        learned = super().learn(running, edges, scale_offset, n_components)
        per_spike = learned.scaling.factor[:, None] * learned.components.numpy()
        fired = running[:, edges[-1]] - running[:, edges[0]]
        share = fired.sum(axis=0) / max(fired.sum(), 1)
        per_bin = fired.sum() / (len(fired) * (len(edges) - 1))
        centred = np.where(share[:, None] > 0, per_spike - share @ per_spike, 0) * per_bin
        return replace(learned, components=torch.from_numpy(centred.astype(np.float32)))

    def transform(self, running, shift=0):
        """(trial, coarse bin, unit) float64. Units that were constant in training are set to 0."""
        return coarse_counts(running, self.edges, shift) * (self.scaling.factor > 0)


class LevelFeatures(ScaledFeatures):
    """Counts as ordered levels: whether the count is at least 1, 2, 3 and 4. Each level is centred.

    The levels of a count below 5 add up to the count, and are scaled as the count itself would be.
    """

    @classmethod
    def learn(cls, running, edges, scale_offset, n_components):
        """As ScaledFeatures. The scaling has a mean for each level of each unit."""
        learned = super().learn(running, edges, scale_offset, n_components)
        mean = _levels(coarse_counts(running, edges)).mean(axis=(0, 1))
        return replace(learned, scaling=Scaling(mean, np.broadcast_to(learned.scaling.factor, mean.shape).copy()))

    def transform(self, running, shift=0):
        """(trial, coarse bin x level, unit) float64"""
        levels = self.scaling.apply(_levels(coarse_counts(running, self.edges, shift)))
        return levels.reshape(len(levels), -1, levels.shape[3])


def leading_components(rows: np.ndarray, n_components: int) -> torch.Tensor:
    """(row, unit), centred -> (unit, component) float32, which projects rows on their components of largest variance.

    Components keep their relative variances, with mean 1, the scale that networks train best from.
    """
    axes = PrincipalAxes(rows)
    if not axes.variance.sum() > 0:  # all units are silent
        return torch.zeros(rows.shape[1], 1)
    kept = min(n_components, len(axes.variance))
    scale = np.sqrt(len(rows) / axes.variance[-kept:].mean())
    directions = axes.feature_weights(np.eye(len(axes.variance))[:, -kept:]) * scale
    return torch.from_numpy(np.ascontiguousarray(directions, dtype=np.float32))


def coarse_counts(running: np.ndarray, edges: tuple[int, ...], shift: int = 0) -> np.ndarray:
    """Counts between edges that are moved by `shift` of the recording's bins, (trial, coarse bin, unit)."""
    moved = np.clip(np.array(edges) + shift, 0, running.shape[1] - 1)
    return pool(running, moved).reshape(len(running), len(edges) - 1, running.shape[2])


def _levels(counts: np.ndarray) -> np.ndarray:
    """(trial, bin, unit) -> (trial, bin, level, unit)"""
    return np.clip(counts[:, :, None] - np.arange(N_LEVELS)[:, None], 0, 1)
