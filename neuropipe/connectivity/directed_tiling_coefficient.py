"""Spike time tiling with a window on one side only: the target fires after the source."""

from typing import Any, ClassVar

import numpy as np

from neuropipe.connectivity.base import ConnectivityMethod, Estimate
from neuropipe.connectivity.data import ConnectivityData
from neuropipe.connectivity.tiling import share_tiled, shares_near, tiling_index
from neuropipe.errors import BadInput
from neuropipe.parameters import POSITIVE, Parameters
from neuropipe.registry import connectivity_method


@connectivity_method(
    "directed_spike_time_tiling", needs="spikes", directed=True, signed=True, calibrated=False, tools=("numba",)
)
class DirectedSpikeTimeTiling(Parameters, ConnectivityMethod):
    """The spike time tiling coefficient of spikes of the target that follow those of the source.

    After Cutts and Eglen 2014, J Neurosci 34:14288, with the window from `shortest_lag` to `window` after each spike of
    the source, and the same before each spike of the target. The mean of two indices (P - T) / (1 - P T): P is the
    share of the target's spikes in such a window of the source and T the share of time in them; and the same with the
    roles exchanged. It has no p-values.

    shortest_lag, window : s
    """

    shortest_lag: float = 0.001
    window: float = 0.008

    _parameter_constraints: ClassVar[dict[str, Any]] = {"shortest_lag": [POSITIVE], "window": [POSITIVE]}

    @property
    def longest_lag(self) -> float:
        """s"""
        return self.window

    def _estimate(self, data: ConnectivityData) -> Estimate:
        if self.window <= self.shortest_lag:
            raise BadInput(f"window ({self.window:g} s) must be longer than shortest_lag ({self.shortest_lag:g} s)")
        assert data.spikes is not None
        low, high = self.shortest_lag, self.window
        trains = np.split(data.spikes.times, data.spikes.offsets[1:-1])
        followed = shares_near(data.spikes, low, high)
        preceded = shares_near(data.spikes, -high, -low).T
        after = np.array([share_tiled(train, data.start, data.stop, low, high) for train in trains])
        before = np.array([share_tiled(train, data.start, data.stop, -high, -low) for train in trains])
        index = tiling_index(preceded, after[:, None]) + tiling_index(followed, before[None])
        return Estimate(index / 2)
