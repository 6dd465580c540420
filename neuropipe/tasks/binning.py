"""What the binning of all tasks shares: which units can be used, and a check of the sums made another way."""

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.schemas.base import Check

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
