"""Re-referencing: what is subtracted from every channel, since a potential is a difference."""

from collections.abc import Sequence

import numpy as np

from neuropipe.errors import BadInput

NONE, AVERAGE = "none", "average"


def reference_weights(reference: str, channels: Sequence[str]) -> np.ndarray | None:
    """(channel,) weights whose weighted sum is the reference; None to keep that of the recording.

    reference : `none`, `average` (of all channels), or the names of channels, joined by commas. Raises BadInput for a
    channel that there is not.
    """
    if reference == NONE:
        return None
    names = list(channels) if reference == AVERAGE else [name.strip() for name in reference.split(",")]
    missing = [name for name in names if name not in channels]
    if missing:
        raise BadInput(
            f"the reference {missing[0]!r} is no channel; give {NONE}, {AVERAGE} or channels such as "
            f"{', '.join(list(channels)[:4])}"
        )
    weights = np.isin(np.asarray(channels, dtype=object), names).astype(np.float64)
    return weights / weights.sum()
