"""Trials of an ALF session: one table from its files, with events in s and labels."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import as_event_times, as_labels

TIMES = "_times"
# Columns of the International Brain Lab's tables of trials for `intervals`, and both spellings of contrasts.
RENAMED = {"intervals_0": "start", "intervals_1": "stop"}
CONTRASTS = (("contrastLeft", "contrastRight"), ("visualStim_contrastLeft", "visualStim_contrastRight"))


def trial_table(held: Mapping[str, Any]) -> pd.DataFrame:
    """A row per trial: events without `_times`, start and stop of intervals, labels; other shapes are left out.

    held : property -> array with a row per trial, or a table. Where both contrasts are known, `contrast_difference` is
    the right minus the left one, where a missing stimulus counts 0 (as signed contrasts in brainbox.behavior.training)
    """
    arrays: dict[str, np.ndarray] = {}
    for name, values in held.items():
        if isinstance(values, np.ndarray):
            arrays[name] = values
        elif isinstance(values, pd.DataFrame):
            arrays |= {str(column): _plain(values[column].to_numpy()) for column in values}
    n_trials = {len(values) for values in arrays.values()}
    if len(n_trials) != 1:
        said = ", ".join(f"{name} {len(values)}" for name, values in sorted(arrays.items()))
        raise BadInput(f"the files of trials differ in length: {said or 'there is none'}; each has a row per trial")
    n = n_trials.pop()
    table: dict[str, np.ndarray] = {}
    for name, values in sorted(arrays.items()):
        if name == "intervals" and values.shape == (n, 2):
            table["start"], table["stop"] = values.T.astype(np.float64)
        elif name in RENAMED or name.endswith(TIMES):
            column = RENAMED.get(name, name.removesuffix(TIMES))
            table[column] = as_event_times(values, n, f"trials.{name}", may_miss=True)
        elif values.dtype.kind != "O" and np.squeeze(values).shape == (n,):
            flat = np.squeeze(values)
            missing = flat.dtype.kind == "f" and np.isnan(flat).any()
            table[name] = flat.astype(np.float64) if missing else as_labels(flat, n, f"trials.{name}")
    for left, right in CONTRASTS:
        if left in table and right in table and "contrast_difference" not in table:
            table["contrast_difference"] = np.nan_to_num(table[right]) - np.nan_to_num(table[left])
    return pd.DataFrame(table, index=pd.RangeIndex(n))


def _plain(values: np.ndarray) -> np.ndarray:
    """Words of a table as an array of text; lists in its cells stay objects."""
    if values.dtype.kind != "O" or any(isinstance(value, list | tuple | dict | np.ndarray) for value in values):
        return values
    return values.astype(str)
