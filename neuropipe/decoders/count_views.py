"""What networks see that read counts themselves, not their principal components."""

from dataclasses import replace

import numpy as np
import torch

from neuropipe.decoders.pooling import pool
from neuropipe.decoders.scaling import Scaling
from neuropipe.decoders.views import View

N_LEVELS = 4  # counts of 4 and more in one coarse bin are the same word


class CountView(View):
    """Counts as they are; components say how the average spike of each unit moves the leading principal components."""

    @classmethod
    def learn(cls, running, edges, offset, n_components):
        """As for View; components are then centred on the average spike, and scaled to what a trial's bin holds."""
        view = super().learn(running, edges, offset, n_components)
        per_spike = view.scaling.factor[:, None] * view.components.numpy()
        fired = running[:, edges[-1]] - running[:, edges[0]]
        share = fired.sum(axis=0) / max(fired.sum(), 1)
        per_bin = fired.sum() / (len(fired) * (len(edges) - 1))
        centred = np.where(share[:, None] > 0, per_spike - share @ per_spike, 0) * per_bin
        return replace(view, components=torch.from_numpy(centred.astype(np.float32)))

    def show(self, running, shift=0):
        """(trial, coarse bin, unit) float64; units that did the same in all of training are silent from then on"""
        return coarse_counts(running, self.edges, shift) * (self.scaling.factor > 0)


class LevelView(View):
    """Counts as ordered words: is a count at least 1, at least 2, 3, 4? Each level is centred.

    A count's levels add up to the count, as far as there are levels, and are scaled as the count itself would be.
    """

    @classmethod
    def learn(cls, running, edges, offset, n_components):
        """As for View. The scaling has a mean for each level of each unit."""
        view = super().learn(running, edges, offset, n_components)
        mean = _levels(coarse_counts(running, edges)).mean(axis=(0, 1))
        return replace(view, scaling=Scaling(mean, np.broadcast_to(view.scaling.factor, mean.shape).copy()))

    def show(self, running, shift=0):
        """(trial, coarse bin x level, unit) float64"""
        levels = self.scaling.apply(_levels(coarse_counts(running, self.edges, shift)))
        return levels.reshape(len(levels), -1, levels.shape[3])


def coarse_counts(running: np.ndarray, edges: tuple[int, ...], shift: int = 0) -> np.ndarray:
    """Counts between edges that are moved by `shift` of the recording's bins, (trial, coarse bin, unit)."""
    moved = np.clip(np.array(edges) + shift, 0, running.shape[1] - 1)
    return pool(running, moved).reshape(len(running), len(edges) - 1, running.shape[2])


def _levels(counts: np.ndarray) -> np.ndarray:
    """(trial, bin, unit) -> (trial, bin, level, unit)"""
    return np.clip(counts[:, :, None] - np.arange(N_LEVELS)[:, None], 0, 1)
