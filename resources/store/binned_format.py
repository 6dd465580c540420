"""How a binned session lies in an artifact: `counts` of spikes, or `activity` of imaged ROIs, beside what to decode."""

import numpy as np

from resources.store.artifact import Artifact, Draft

COUNTS, ACTIVITY = "counts", "activity"
ROUNDING = 1e-4  # of a sum of events: activity is kept in float32


def binned_activity(binned: Artifact | Draft):
    """The Zarr array of what units did in bins, (trial, bin, unit) or (time, unit): whole counts, or float32."""
    return binned.arrays[COUNTS if COUNTS in binned.arrays else ACTIVITY]


def check_sums(draft: Draft, found: float, expected: float) -> None:
    """The two checks of what was binned: numbers of the right kind, and the sum that was counted another way."""
    array = binned_activity(draft)
    right = array.dtype.kind == "u" or bool(np.isfinite(found))
    draft.check("counts_finite", right and min(array.shape) > 0, dtype=str(array.dtype))
    same = found == expected if array.dtype.kind == "u" else bool(np.isclose(found, expected, rtol=ROUNDING))
    draft.check("counts_equal_spikes", same, counts=found, spikes=expected)
