"""Parts of NWB files: tables with their columns, epochs, trials, time series."""

from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.hdf5 import is_text, member, values_of
from neuropipe.recording import TimeSeries


def kind(at: Any) -> str:
    """The NWB type of an object."""
    found = at.attrs.get("neurodata_type", "")
    return found.decode() if isinstance(found, bytes) else str(found)


def row_table(group: Any, name: str, row: str) -> pd.DataFrame:
    """The columns of a DynamicTable with one number or text per row. row : what its ids become a column of"""
    ids = member(group, "id", name)[:]
    found = {row: ids}
    for key in sorted(group):
        column = group[key]
        plain = getattr(column, "shape", None) == ids.shape and f"{key}_index" not in group
        if key != "id" and plain and (column.dtype.kind in "biuf" or is_text(column)) and not key.endswith("_index"):
            found[key] = values_of(column)
    return pd.DataFrame(found)


def epochs(file: Any, name: str) -> pd.DataFrame | None:
    """name, start, stop: one row for each epoch and tag."""
    if "intervals" not in file or "epochs" not in file["intervals"]:
        return None
    table = file["intervals/epochs"]
    starts, stops = (member(table, key, name)[:].astype(np.float64) for key in ("start_time", "stop_time"))
    rows = np.arange(len(starts))
    tags = np.full(len(starts), "epoch")
    if "tags" in table:
        tags = values_of(table["tags"])
        if "tags_index" in table:
            ends = table["tags_index"][:].astype(np.int64)
            rows = np.repeat(rows, np.diff(np.concatenate([[0], ends])))
    return pd.DataFrame({"name": tags, "start": starts[rows], "stop": stops[rows]})


def trials(file: Any, name: str) -> pd.DataFrame | None:
    """A row per trial, in time order: start, stop (s) and the columns with one number or text per trial."""
    if "intervals" not in file or "trials" not in file["intervals"]:
        return None
    table = row_table(file["intervals/trials"], name, "id").drop(columns="id")
    for theirs in ("start_time", "stop_time"):
        if theirs not in table:
            raise BadInput(f"{name} has no intervals/trials/{theirs}; trials of NWB files begin and end")
    table = table.rename(columns={"start_time": "start", "stop_time": "stop"})
    if len(table) == 0:
        return None
    return table.sort_values("start", kind="stable").reset_index(drop=True)


def series(file: Any, where: str, name: str) -> TimeSeries:
    """A TimeSeries in its own unit (data x conversion + offset), with timestamps or a starting time and a rate."""
    group = member(file, where, name)
    data = member(group, "data", name)
    facts = data.attrs
    found = data[:].astype(np.float64) * facts.get("conversion", 1.0) + facts.get("offset", 0.0)
    if "timestamps" in group:
        times = group["timestamps"][:].astype(np.float64)
    else:
        first = member(group, "starting_time", name)
        times = float(first[()]) + np.arange(len(found)) / float(first.attrs["rate"])
    if len(times) != len(found):
        raise BadInput(f"{name}/{where} has {len(found)} values at {len(times)} times")
    return TimeSeries(times, found)
