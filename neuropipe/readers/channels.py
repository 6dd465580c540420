"""What readers of continuous signals share: channels that are left out, and refusal of those that hold NaN."""

from collections.abc import Sequence

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import listed


def pick_channels(values: np.ndarray, names: Sequence[str], exclude: Sequence[str], file: str) -> np.ndarray:
    """(channel,) numbers of the channels that are kept. values : (time, channel); file : what errors call it

    Raises BadInput where channels share a name, `exclude` names none or all of them, and where a kept one is not
    finite throughout.
    """
    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise BadInput(f"{file}: {list(names).count(twice)} channels are called {twice!r}; give each a name of its own")
    unknown = set(exclude) - set(names)
    if unknown:
        raise BadInput(f"{file}: exclude names {listed(unknown)}, which is no channel; there are {listed(names)}")
    kept = np.flatnonzero(~np.isin(np.asarray(names, dtype=object), list(exclude)))
    if not len(kept):
        raise BadInput(f"{file}: exclude leaves no channel of {len(names)}; name fewer")
    broken = np.flatnonzero(~np.asarray(np.isfinite(values).all(axis=0)))
    bad = [str(names[channel]) for channel in np.intersect1d(kept, broken).tolist()]
    if bad:
        raise BadInput(
            f"{file}: {'channel' if len(bad) == 1 else 'channels'} {listed(bad)} hold NaN or infinity; repair them or "
            f"leave them out with `exclude: [{', '.join(bad)}]`"
        )
    return kept
