"""From raw fluorescence to dF/F: neuropil taken off, and the change told relative to a baseline that follows drift."""

import numpy as np

from neuropipe.calcium.preprocessing import running_baseline


def subtract_neuropil(fluorescence: np.ndarray, neuropil: np.ndarray, coefficient: float = 0.7) -> np.ndarray:
    """What of an ROI's fluorescence is its own: F - coefficient x Fneu (Chen et al. 2013; .7 is usual for two photons).

    fluorescence, neuropil : (time, roi)
    """
    return fluorescence - np.float32(coefficient) * neuropil


def delta_f_over_f(
    fluorescence: np.ndarray, frame_rate: float, *, window: float = 60.0, quantile: float = 0.08
) -> np.ndarray:
    """(F - F0) / F0, float32, with F0 the running quantile; NaN wherever F0 is not above 0: relative to nothing.

    fluorescence : (time, roi), of which neuropil was taken off; frame_rate : Hz; window : s;
    quantile : low enough that transients don't lift it (Dombeck et al. 2007 take 8 %)
    """
    level = running_baseline(fluorescence, frame_rate, window, quantile)
    relative = np.full(fluorescence.shape, np.nan, np.float32)
    np.divide(fluorescence - level, level, out=relative, where=level > 0, casting="same_kind")
    return relative
