"""Reads zip archives of .npy arrays with spike counts that are already binned in trials."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.archives import load_npy_member
from neuropipe.readers.arrays import as_labels, as_trial_counts, only_file
from neuropipe.recording import Recording
from neuropipe.registry import reader

AXES = ("trial", "bin", "unit")


@reader("binned_zip")
def read(
    files: Mapping[str, Path],
    *,
    counts: str = "counts.npy",
    axes: Sequence[str] = ("trial", "bin", "unit"),
    labels: Mapping[str, str] | None = None,
    bin_width: float | None = None,
    start: float | None = None,
) -> Recording:
    """Counts and labels, each an .npy member of one zip archive.

    counts : the member with the spike counts, whole numbers of any number type
    axes : the order in which the archive has the axes trial, bin and unit
    labels : label -> the member that holds it, one value per trial, trials in time order
    bin_width, start : s; `start` is the left edge of the first bin relative to the event that trials are aligned to.
        Both must be given, as the arrays don't state them.
    """
    path = only_file(files, "a zip archive of .npy arrays")
    if bin_width is None or start is None:
        raise BadInput(f"{path.name}: the reader needs bin_width and start, in s: the arrays do not say them")
    if sorted(axes) != sorted(AXES):
        raise BadInput(f"{path.name}: axes must be trial, bin and unit in the order of the array, found {list(axes)}")
    values = load_npy_member(path, counts)
    if values.ndim != len(AXES):
        raise BadInput(f"{path.name}/{counts} has shape {values.shape}; expected three axes: {', '.join(axes)}")
    values = values.transpose([list(axes).index(axis) for axis in AXES])
    published = as_trial_counts(values, bin_width=bin_width, start=start, where=f"{path.name}/{counts}")
    n_trials, _, n_units = published.counts.shape
    columns = {
        label: as_labels(load_npy_member(path, member), n_trials, f"{path.name}/{member}")
        for label, member in (labels or {}).items()
    }
    return Recording(
        units=pd.DataFrame({"unit": np.arange(n_units)}),
        trials=pd.DataFrame(columns, index=pd.RangeIndex(n_trials)),
        counts=published,
    )
