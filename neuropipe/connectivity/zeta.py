"""Connectivity read out of exponentially decaying binary memories of every unit's activity."""

from typing import Any, ClassVar

import numpy as np
from scipy.stats import norm

from neuropipe.connectivity.base import ConnectivityMethod, Estimate
from neuropipe.connectivity.data import ConnectivityData
from neuropipe.connectivity.kernels import memory
from neuropipe.connectivity.moments import lagged_moments
from neuropipe.connectivity.readout import readout
from neuropipe.parameters import NOT_NEGATIVE, POSITIVE, SHARE_BELOW_ONE, Parameters
from neuropipe.registry import connectivity_method

TIME_CONSTANT = 0.012  # s, of memories when no decay is given; tuned on simulations that are not scored


@connectivity_method("zeta", needs="counts", directed=True, signed=True, calibrated=False, tools=("numba", "scipy"))
class Zeta(Parameters, ConnectivityMethod):
    """Every unit's activity, regressed on the memories of all units; the weight is the coefficient's z-score.

    The memory of unit i is zeta_i[t + 1] = decay * zeta_i[t] + (1 - decay) * s_i[t + 1 - delay], where s is 1 in bins
    with activity above 0, else 0. With decay 1/2 and a delay of one bin this is the sum over k of 2 ** -k * s[t - k],
    the memory of the zeta model of dynamics. The readout is linear, of x_j[t] from the memories of all units at once,
    its own included, with a ridge penalty; its normal equations are computed from correlograms. Memories are
    followed until 1 % is left. The p-value is that of a normal z-score; common drive makes it too small.

    bin_width : s, of spike times; activity in bins keeps its own
    decay : of a memory per bin; by default exp(-bin_width / 12 ms)
    delay : s from activity to memory, rounded to bins, at least one
    ridge : penalty, as if every unit had this many isolated events more without effect
    """

    bin_width: float = 0.001
    decay: float | None = None
    delay: float = 0.003
    ridge: float = 20.0

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "bin_width": [POSITIVE],
        "decay": [SHARE_BELOW_ONE, None],
        "delay": [NOT_NEGATIVE],
        "ridge": [POSITIVE],
    }

    @property
    def longest_lag(self) -> float:
        """s"""
        return len(self._kernel(self.bin_width)) // 2 * self.bin_width

    def _estimate(self, data: ConnectivityData) -> Estimate:
        width = self.bin_width if data.bin_width is None else data.bin_width
        kernel = self._kernel(width)
        moments = lagged_moments(data, width, 2 * (len(kernel) // 2), binary=True)
        found = readout(moments, kernel, ridge=self.ridge)
        return Estimate(found.z_scores, 2 * norm.sf(np.abs(found.z_scores)))

    def _kernel(self, bin_width: float) -> np.ndarray:
        decay = np.exp(-bin_width / TIME_CONSTANT) if self.decay is None else self.decay
        return memory(float(decay), max(1, round(self.delay / bin_width)))
