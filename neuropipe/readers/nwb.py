"""Reads NWB 2 files (HDF5): sorted units or fluorescence, epochs and behavioural series, by path inside the file.

Uses h5py only: the schema inside the file is not needed for what is read here, and no code in the file is run.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import only_file
from neuropipe.readers.hdf5 import is_text, member, opened, values_of
from neuropipe.recording import Fluorescence, Recording, SpikeTrains, TimeSeries
from neuropipe.registry import reader


@reader("nwb", tools=("h5py",))
def read(files: Mapping[str, Path], *, fluorescence: str = "", behaviour: Mapping[str, str] | None = None) -> Recording:
    """Spike trains (table `units`) or dF/F, epochs (table `intervals/epochs`), and series such as head direction.

    fluorescence : path of a RoiResponseSeries of dF/F, e.g. processing/ophys/DfOverF/RoiResponseSeries
    behaviour : name -> path of a TimeSeries in the file, e.g. acquisition/CompassDirection/ry
    """
    path, name = only_file(files, "an NWB file"), next(iter(files))
    with opened(path, name, "an NWB 2 (HDF5) file") as file:
        activity = _imaged(file, fluorescence, name) if fluorescence else _sorted(file, name)
        return Recording(
            **activity,
            epochs=_epochs(file, name),
            behaviour={key: _series(file, where, name) for key, where in (behaviour or {}).items()},
        )


def _sorted(file: Any, name: str) -> dict[str, Any]:
    if "units" not in file and (series := _series_of_rois(file)):
        raise BadInput(f"{name} has no units, but fluorescence: say `fluorescence: {series[0]}` in its parameters")
    return {"units": _unit_table(file, name), "spikes": _spikes(file, name)}


def _series_of_rois(file: Any) -> list[str]:
    """Paths of the RoiResponseSeries in a file."""
    found = []
    file.visititems(lambda where, at: found.append(where) if _type(at) == "RoiResponseSeries" else None)
    return found


def _type(at: Any) -> str:
    kind = at.attrs.get("neurodata_type", "")
    return kind.decode() if isinstance(kind, bytes) else str(kind)


def _imaged(file: Any, where: str, name: str) -> dict[str, Any]:
    """dF/F (time, roi) with the time of each frame, and the ROI ids that the series refers to."""
    series = _series(file, where, name)
    dff = series.values[:, None] if series.values.ndim == 1 else series.values
    if dff.ndim != 2:
        raise BadInput(f"{name}/{where} has data of shape {dff.shape}; fluorescence is (time, roi)")
    rois = file[where]["rois"][:] if "rois" in file[where] else np.arange(dff.shape[1])
    if len(rois) != dff.shape[1]:
        raise BadInput(f"{name}/{where} has {dff.shape[1]} columns for {len(rois)} ROIs")
    return {
        "units": pd.DataFrame({"roi": rois}),
        "fluorescence": Fluorescence(np.ascontiguousarray(dff, np.float32), series.times),
    }


def _spikes(file: Any, name: str) -> SpikeTrains:
    units = member(file, "units", name)
    times, stops = (member(units, key, name)[:] for key in ("spike_times", "spike_times_index"))
    offsets = np.concatenate([[0], stops]).astype(np.int64)
    if offsets[-1] != len(times) or np.any(np.diff(offsets) < 0):
        raise BadInput(f"{name}: units/spike_times_index does not cut {len(times)} spike times into units")
    times = np.array(times, np.float64)
    for first, last in pairwise(offsets.tolist()):
        times[first:last].sort()
    return SpikeTrains(times, offsets)


def _unit_table(file: Any, name: str) -> pd.DataFrame:
    """The columns of the units with one number or text per unit."""
    units = member(file, "units", name)
    ids = member(units, "id", name)[:]
    table = {"unit": ids}
    for key in sorted(units):
        column = units[key]
        plain = getattr(column, "shape", None) == ids.shape and f"{key}_index" not in units
        if key != "id" and plain and (column.dtype.kind in "biuf" or is_text(column)) and not key.endswith("_index"):
            table[key] = values_of(column)
    return pd.DataFrame(table)


def _epochs(file: Any, name: str) -> pd.DataFrame | None:
    """name, start, stop: one row for each epoch and tag."""
    if "intervals" not in file or "epochs" not in file["intervals"]:
        return None
    epochs = file["intervals/epochs"]
    starts, stops = (member(epochs, key, name)[:].astype(np.float64) for key in ("start_time", "stop_time"))
    rows = np.arange(len(starts))
    tags = np.full(len(starts), "epoch")
    if "tags" in epochs:
        tags = values_of(epochs["tags"])
        if "tags_index" in epochs:
            ends = epochs["tags_index"][:].astype(np.int64)
            rows = np.repeat(rows, np.diff(np.concatenate([[0], ends])))
    return pd.DataFrame({"name": tags, "start": starts[rows], "stop": stops[rows]})


def _series(file: Any, where: str, name: str) -> TimeSeries:
    """A TimeSeries in its own unit (data x conversion + offset), with timestamps or a starting time and a rate."""
    group = member(file, where, name)
    data = member(group, "data", name)
    facts = data.attrs
    values = data[:].astype(np.float64) * facts.get("conversion", 1.0) + facts.get("offset", 0.0)
    if "timestamps" in group:
        times = group["timestamps"][:].astype(np.float64)
    else:
        first = member(group, "starting_time", name)
        times = float(first[()]) + np.arange(len(values)) / float(first.attrs["rate"])
    if len(times) != len(values):
        raise BadInput(f"{name}/{where} has {len(values)} values at {len(times)} times")
    return TimeSeries(times, values)
