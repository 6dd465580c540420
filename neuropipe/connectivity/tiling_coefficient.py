"""Spike time tiling coefficient (Cutts and Eglen 2014)."""

from typing import Any, ClassVar

import numpy as np

from neuropipe.connectivity.base import ConnectivityMethod, Estimate
from neuropipe.connectivity.data import ConnectivityData
from neuropipe.connectivity.tiling import share_tiled, shares_near, tiling_index
from neuropipe.parameters import POSITIVE, Parameters
from neuropipe.registry import connectivity_method


@connectivity_method(
    "spike_time_tiling", needs="spikes", directed=False, signed=True, calibrated=False, tools=("numba",)
)
class SpikeTimeTiling(Parameters, ConnectivityMethod):
    """Symmetric synchrony of spikes that does not depend on rates: -1 to 1, 0 by chance.

    Cutts and Eglen 2014, J Neurosci 34:14288. STTC = mean over both units of (P - T) / (1 - P T), where P is the share
    of one unit's spikes within `window` of a spike of the other, and T the share of time within `window` of a spike of
    the other. It has no p-values.

    window : s, on either side
    """

    window: float = 0.01

    _parameter_constraints: ClassVar[dict[str, Any]] = {"window": [POSITIVE]}

    @property
    def longest_lag(self) -> float:
        """s"""
        return self.window

    def _estimate(self, data: ConnectivityData) -> Estimate:
        assert data.spikes is not None
        spikes, window = data.spikes, self.window
        trains = np.split(spikes.times, spikes.offsets[1:-1])
        share = shares_near(spikes, -window, window)
        tiled = np.array([share_tiled(train, data.start, data.stop, -window, window) for train in trains])
        index = tiling_index(share, tiled[None])
        return Estimate((index + index.T) / 2)
