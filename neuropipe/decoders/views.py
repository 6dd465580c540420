"""What a network sees of a trial: a window of it, in coarse bins, scaled, as principal components."""

from dataclasses import dataclass

import numpy as np
import torch

from neuropipe.decoders.dual_logistic import PrincipalAxes
from neuropipe.decoders.pooling import pool
from neuropipe.decoders.scaling import Scaling


@dataclass(frozen=True)
class View:
    """edges : of the coarse bins; scaling : of a unit's counts in any of them; components : (unit, component)"""

    edges: tuple[int, ...]
    scaling: Scaling
    components: torch.Tensor

    @classmethod
    def learn(cls, running: np.ndarray, edges: tuple[int, ...], offset: float, n_components: int) -> "View":
        """Scaling and components of the training trials. running : (trial, bin + 1, unit) running sums of counts."""
        rows = pool(running, edges).reshape(-1, running.shape[2])
        scaling = Scaling.learn(rows, offset)
        return cls(edges, scaling, leading_components(scaling.apply(rows), n_components))

    def show(self, running: np.ndarray, shift: int = 0) -> np.ndarray:
        """(trial, coarse bin, unit) float64, scaled; shift : by how many of the recording's bins the window is moved"""
        edges = np.clip(np.array(self.edges) + shift, 0, running.shape[1] - 1)
        rows = pool(running, edges).reshape(-1, running.shape[2])
        return self.scaling.apply(rows).reshape(len(running), len(edges) - 1, -1)

    def variants(self, running: np.ndarray, jitter: int) -> np.ndarray:
        """(variant, trial, coarse bin, unit) float32: the trials, and the trials shifted by up to `jitter` bins."""
        # A shift is a small change only to coarse bins that are several times longer.
        steps = range(1, jitter + 1) if np.diff(self.edges).min() > 2 * jitter else ()
        shifts = [0, *(sign * step for step in steps for sign in (-1, 1))]
        return np.stack([self.show(running, shift).astype(np.float32) for shift in shifts])

    def tensors(self) -> dict[str, torch.Tensor]:
        mean, factor = torch.from_numpy(self.scaling.mean), torch.from_numpy(self.scaling.factor)
        return {"mean": mean, "factor": factor, "components": self.components}

    @classmethod
    def read(cls, edges: tuple[int, ...], tensors: dict[str, torch.Tensor]) -> "View":
        """From what `tensors` gave."""
        scaling = Scaling(tensors["mean"].numpy(), tensors["factor"].numpy())
        return cls(edges, scaling, tensors["components"])


def leading_components(rows: np.ndarray, n_components: int) -> torch.Tensor:
    """(row, unit), centred -> (unit, component) float32 that turns rows into their components of largest variance.

    Components keep their relative variances, of mean 1, which is what networks start best from.
    """
    axes = PrincipalAxes(rows)
    if not axes.variance.sum() > 0:  # silence
        return torch.zeros(rows.shape[1], 1)
    kept = min(n_components, len(axes.variance))
    scale = np.sqrt(len(rows) / axes.variance[-kept:].mean())
    directions = axes.feature_weights(np.eye(len(axes.variance))[:, -kept:]) * scale
    return torch.from_numpy(np.ascontiguousarray(directions, dtype=np.float32))
