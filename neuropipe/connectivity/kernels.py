"""Kernels that filter the activity of units: weights of the lags -m..m, in bins."""

import numpy as np

_CUT = 5  # time constants after which a kernel ends


def memory(decay: float, delay: int) -> np.ndarray:
    """Exponentially decaying memory: (1 - decay) * decay ** (lag - delay) from lag `delay` >= 1 on.

    decay : per bin, in [0, 1); it ends where 1 % is left
    """
    length = 1 if decay == 0 else max(1, int(np.ceil(np.log(0.01) / np.log(decay))))
    kernel = np.zeros(2 * (delay + length - 1) + 1)
    middle = len(kernel) // 2
    kernel[middle + delay :] = (1 - decay) * decay ** np.arange(length)
    return kernel


def synaptic(delay: float, rise: float, decay: float, bin_width: float, reach: int | None = None) -> np.ndarray:
    """Response to a synapse, exp(-t / decay) - exp(-t / rise) from `delay` on, of sum 1. All in s.

    It is what a leaky membrane makes of an exponential synaptic current. Bins before lag 1 are 0, as is what lies
    within half a bin before the delay. reach : lags at which it ends; by default 5 decays
    """
    if reach is None:
        reach = max(1, int(np.ceil((delay + _CUT * decay) / bin_width)))
    lags = np.arange(-reach, reach + 1)
    since = np.maximum((lags + 0.5) * bin_width - delay, 0.0)
    kernel = np.where(lags > 0, np.exp(-since / decay) - np.exp(-since / rise), 0.0)
    if not kernel.any():  # bins far wider than the response: all of it is in the first
        kernel[reach + 1] = 1.0
    return kernel / kernel.sum()


def surrounding(time_constant: float, bin_width: float) -> np.ndarray:
    """What surrounds a bin on both sides, exp(-|t| / time_constant) without lag 0, of sum 1. All in s."""
    reach = max(1, int(np.ceil(_CUT * time_constant / bin_width)))
    kernel = np.exp(-np.abs(np.arange(-reach, reach + 1)) * bin_width / time_constant)
    kernel[reach] = 0.0
    return kernel / kernel.sum()


def distant(bin_width: float) -> np.ndarray:
    """Lags of either sign that synapses hardly reach, 20 to 140 ms, weighted by exp(-|t| / 40 ms), of sum 1. s"""
    reach = max(2, round(0.14 / bin_width))
    times = np.abs(np.arange(-reach, reach + 1)) * bin_width
    kernel = np.where(times > max(0.02, bin_width), np.exp(-times / 0.04), 0.0)
    return kernel / kernel.sum()
