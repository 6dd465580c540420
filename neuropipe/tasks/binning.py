"""What the binning of all tasks shares: which units can be used, means of signals, and checks made another way."""

import numpy as np

from neuropipe.binning.signals import average_in_windows, bin_edges_in_samples, sums_in_windows
from neuropipe.errors import BadInput
from neuropipe.recording.signals import sample_times
from neuropipe.schemas.activity import Activity
from neuropipe.schemas.base import Check
from neuropipe.schemas.chunks import roi_blocks

ROUNDING = 1e-4  # of a sum of events: activity is stored as float32
SUMS_PROMISE = "What is in the bins adds up to the spikes, or events, that fall into the windows."


def recorded_units(activity: np.ndarray) -> np.ndarray:
    """Units (indices) whose activity (..., unit) is known in every bin; raises BadInput where there is none."""
    kept = np.flatnonzero(np.isfinite(activity).all(axis=tuple(range(activity.ndim - 1))))
    if len(kept) == 0:
        raise BadInput(f"none of {activity.shape[-1]} ROIs was recorded throughout what is to be decoded")
    return kept


def check_sums(dtype: np.dtype, found: float, expected: float) -> Check:
    """Whether the bins hold what was counted another way: exactly for counts, up to rounding for events."""
    same = found == expected if dtype.kind == "u" else bool(np.isclose(found, expected, rtol=ROUNDING))
    return Check(bool(same), "" if same else f"{found} in bins, {expected} in the windows",
                 facts={"in_bins": found, "in_windows": expected})  # fmt: skip


def average_signals(activity: Activity, starts: np.ndarray, bin_width: float, n_bins: int) -> tuple[np.ndarray, Check]:
    """Mean signals (window, bin, unit) float32 in bins from starts ((window,) s), and the check of their sums.

    Channels are read block by block. The check multiplies each mean by its number of samples: the sums over a window
    must be those of the samples that lie in it.
    """
    times = sample_times(activity.segments[:], activity.segment_starts[:], activity.sampling_rate or 1.0)
    values = np.empty((len(starts), n_bins, activity.n_units), np.float32)
    samples = np.diff(bin_edges_in_samples(times, starts, bin_width, n_bins), axis=1)
    worst = 0.0
    for channels in roi_blocks(activity.signals):
        block = activity.signals[:, channels]
        values[..., channels] = average_in_windows(block, times, starts, bin_width, n_bins)
        expected = sums_in_windows(block, times, starts, n_bins * bin_width)
        found = np.einsum("wbu,wb->wu", values[..., channels].astype(np.float64), samples)
        size = float(np.abs(block).max(initial=0)) * float(samples.sum(axis=1).max(initial=1)) or 1.0
        worst = max(worst, float(np.abs(found - expected).max(initial=0)) / size)
    same = worst <= ROUNDING
    said = "" if same else f"sums over bins and over windows differ by {worst:.2g} of the largest possible sum"
    return values, Check(same, said, facts={"largest_difference": worst})
