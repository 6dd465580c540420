"""Arrays that allensdk's environment wrote (resources/allen/export.py): an .npz of members `<group>.<name>`."""

from collections.abc import Collection
from pathlib import Path

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.readers.archives import load_npy_member, member_names
from neuropipe.readers.arrays import listed


def arrays_of(path: Path, groups: Collection[str], *, optional: Collection[str] = ()) -> dict[str, dict]:
    """group -> name -> array. BadInput where a group that is not optional is not there; pickles are refused."""
    held: dict[str, dict[str, np.ndarray]] = {group: {} for group in (*groups, *optional)}
    for name in member_names(path):
        group, _, key = name.removesuffix(".npy").partition(".")
        if group in held:
            held[group][key] = load_npy_member(path, name)
    missing = [group for group in groups if not held[group]]
    if missing:
        raise BadInput(f"{path} lacks {listed(missing)}; it is not what allensdk read of a session: fetch it again")
    return held
