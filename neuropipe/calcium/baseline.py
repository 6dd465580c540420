"""From raw fluorescence to dF/F: neuropil taken off, and the change told relative to a baseline that follows drift."""

import numpy as np

STEPS_A_WINDOW = 8  # how often the running quantile is taken; straight lines between


def subtract_neuropil(fluorescence: np.ndarray, neuropil: np.ndarray, coefficient: float = 0.7) -> np.ndarray:
    """What of an ROI's fluorescence is its own: F - coefficient x Fneu (Chen et al. 2013; .7 is usual for two photons).

    fluorescence, neuropil : (time, roi)
    """
    return fluorescence - np.float32(coefficient) * neuropil


def running_quantile(
    fluorescence: np.ndarray, frame_rate: float, *, window: float = 60.0, quantile: float = 0.08
) -> np.ndarray:
    """The level that an ROI falls back to between transients, (time, roi) like `fluorescence`.

    window : s, centred on each frame and cut short at either end of the recording; frame_rate : Hz;
    quantile : low enough that transients don't lift it (Dombeck et al. 2007 take 8 %)
    """
    n_frames = len(fluorescence)
    half = max(1, round(window * frame_rate / 2))
    centres = np.unique(np.linspace(0, n_frames - 1, 1 + -(-(n_frames - 1) * STEPS_A_WINDOW // (2 * half))).round())
    levels = np.stack(
        [
            np.nanquantile(fluorescence[max(0, at - half) : at + half + 1], quantile, axis=0)
            for at in centres.astype(int)
        ]
    )
    frames = np.arange(n_frames)
    return np.stack([np.interp(frames, centres, level) for level in levels.T], axis=1).astype(np.float32)


def delta_f_over_f(
    fluorescence: np.ndarray, frame_rate: float, *, window: float = 60.0, quantile: float = 0.08
) -> np.ndarray:
    """(F - F0) / F0, with F0 the running quantile; NaN wherever F0 is not above 0: relative to nothing is no number.

    fluorescence : (time, roi), of which neuropil was taken off; frame_rate : Hz; window : s
    """
    level = running_quantile(fluorescence, frame_rate, window=window, quantile=quantile)
    relative = np.full(fluorescence.shape, np.nan, np.float32)
    np.divide(fluorescence - level, level, out=relative, where=level > 0)
    return relative
