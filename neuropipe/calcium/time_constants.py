"""Decay and rise of the indicator, read from the autocovariance of the trace.

A spike train without memory, seen through exp(-t / decay) - exp(-t / rise), has the autocovariance
decay exp(-lag / decay) - rise exp(-lag / rise) up to scale; white noise adds to lag 0 only, which is left out, and slow
changes of the firing rate add about a constant over half a second. Bursts and rate changes lengthen both constants,
short recordings scatter them, so the estimate is drawn to what GCaMP6 is known for: their geometric mean is used
(docs/choices/deconvolution.md).
"""

import numpy as np

USUAL_DECAY, USUAL_RISE = 0.9, 0.08  # s, between GCaMP6f and GCaMP6s
WEIGHT = 0.5  # of the estimate against the usual value, in the logarithm
LONGEST_LAG = 0.5  # s
FEWEST_LAGS = 6  # four unknowns: decay, rise, scale, constant
SHORTEST = 10.0  # s of recording below which the usual values are used
DECAYS, RISES = np.geomspace(0.15, 4.0, 25), np.geomspace(0.005, 0.5, 20)  # s


def time_constants(dff: np.ndarray, frame_rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Decay and rise (roi,), s, of baseline-corrected dff (time, roi)."""
    n_rois = dff.shape[1]
    decay, rise = np.full(n_rois, USUAL_DECAY), np.full(n_rois, USUAL_RISE)
    n_lags = max(round(LONGEST_LAG * frame_rate), FEWEST_LAGS)
    if len(dff) < max(SHORTEST * frame_rate, 2 * n_lags):
        return decay, rise
    decays, rises = (grid.ravel() for grid in np.meshgrid(DECAYS, RISES, indexing="ij"))
    apart = rises < 0.5 * decays
    decays, rises = decays[apart], rises[apart]
    lags = np.arange(1, n_lags + 1) / frame_rate
    best, found = _best_fit(_autocovariance(dff, n_lags), _shapes(lags, decays, rises))
    decay[found] = decays[best[found]] ** WEIGHT * USUAL_DECAY ** (1 - WEIGHT)
    rise[found] = rises[best[found]] ** WEIGHT * USUAL_RISE ** (1 - WEIGHT)
    return decay, rise


def _autocovariance(dff: np.ndarray, n_lags: int) -> np.ndarray:
    """(lag, roi) for lags 1 ... n_lags."""
    centred = dff - dff.mean(0)
    return np.stack([np.einsum("tr,tr->r", centred[lag:], centred[:-lag]) for lag in range(1, n_lags + 1)]) / len(dff)


def _shapes(lags: np.ndarray, decays: np.ndarray, rises: np.ndarray) -> np.ndarray:
    """(lag, candidate) autocovariance, 1 at lag 0."""
    slow, fast = np.exp(-lags[:, None] / decays), np.exp(-lags[:, None] / rises)
    return (decays * slow - rises * fast) / (decays - rises)


def _best_fit(target: np.ndarray, shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each ROI the candidate whose scale * shape + constant fits best, both >= 0; and whether the scale is > 0.

    target : (lag, roi); shapes : (lag, candidate)
    """
    shape_mean, target_mean = shapes.mean(0)[:, None], target.mean(0)
    covariance = (shapes - shapes.mean(0)).T @ (target - target_mean)  # (candidate, roi)
    scale = np.maximum(covariance / ((shapes - shapes.mean(0)) ** 2).sum(0)[:, None], 0)
    without = np.maximum(shapes.T @ target / (shapes**2).sum(0)[:, None], 0)  # the best scale where the constant is 0
    scale = np.where(target_mean - scale * shape_mean >= 0, scale, without)
    constant = np.maximum(target_mean - scale * shape_mean, 0)
    constant = np.where(scale == without, 0, constant)
    n = len(shapes)
    error = (
        (target**2).sum(0)
        - 2 * scale * (shapes.T @ target)
        - 2 * constant * n * target_mean
        + scale**2 * (shapes**2).sum(0)[:, None]
        + 2 * scale * constant * n * shape_mean
        + n * constant**2
    )
    best = error.argmin(0)
    return best, scale[best, np.arange(target.shape[1])] > 0
