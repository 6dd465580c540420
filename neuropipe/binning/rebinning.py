"""Counts that were published in bins, summed into wider bins."""

import numpy as np

from neuropipe.errors import BadInput

ON_GRID = 1e-6  # bins; how far from a bin edge a decimal such as 0.3 / 0.1 may land


def rebin(counts: np.ndarray, factor: int) -> np.ndarray:
    """Sum each `factor` adjacent bins: (trial, bin, unit) -> (trial, bin / factor, unit), in the smallest type."""
    counts = np.asarray(counts)
    if counts.ndim != 3 or counts.dtype.kind != "u":
        raise BadInput(f"counts must be (trial, bin, unit) unsigned integers, found {counts.dtype} {counts.shape}")
    n_trials, n_bins, n_units = counts.shape
    if not float(factor).is_integer() or factor < 1 or n_bins % factor:
        raise BadInput(f"{n_bins} bins can't be summed {factor} at a time; the factor must divide the number of bins")
    wide = np.min_scalar_type(int(counts.max(initial=0)) * int(factor))
    if wide.kind != "u":
        raise BadInput(f"sums of {factor} bins may exceed 64 bits")
    sums = counts.reshape(n_trials, n_bins // int(factor), int(factor), n_units).sum(axis=2, dtype=wide)
    return sums.astype(np.min_scalar_type(sums.max(initial=0)), copy=False)


def rebin_window(
    counts: np.ndarray, bin_width: float, start: float, *, window: tuple[float, float], new_bin_width: float
) -> np.ndarray:
    """Counts published in bins of bin_width from start, cut to [window[0], window[1]) in bins of new_bin_width.

    counts : (trial, bin, unit) unsigned integers; all times in s, relative to the event that trials are aligned to.
    Raises BadInput unless window and new bins lie on the published grid.
    """
    if not (bin_width > 0 and new_bin_width > 0 and window[1] > window[0]):
        raise BadInput(f"bins of {bin_width} s and {new_bin_width} s in the window {window} s: all must be positive")
    n_bins = counts.shape[1]
    factor = _whole(new_bin_width / bin_width, f"new bins of {new_bin_width} s are not whole bins of {bin_width} s")
    first, last = (
        _whole((edge - start) / bin_width, f"the edge {edge} s is not on the grid of {bin_width} s from {start} s")
        for edge in window
    )
    if first < 0 or last > n_bins:
        held = f"[{start}, {start + n_bins * bin_width:g}) s"
        raise BadInput(f"the window [{window[0]}, {window[1]}) s reaches beyond the published bins {held}")
    return rebin(counts[:, first:last], factor)


def _whole(value: float, otherwise: str) -> int:
    if not np.isfinite(value) or abs(value - round(value)) > ON_GRID:
        raise BadInput(f"{otherwise}; counts can't be split between bins")
    return round(value)
