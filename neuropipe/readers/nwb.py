"""Reads NWB 2 files (HDF5): units, counts, fluorescence or field potentials, trials, epochs and behavioural series.

Uses h5py only: the schema inside the file is not needed for what is read here, and no code in the file is run.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers import nwb_parts
from neuropipe.readers.arrays import as_counts, only_file
from neuropipe.readers.hdf5 import member, opened
from neuropipe.readers.nwb_parts import kind, row_table
from neuropipe.recording import Fluorescence, Recording, Signals, SpikeTrains, TimeCounts, TrialCounts
from neuropipe.registry import reader


@reader("nwb", tools=("h5py",))
def read(
    files: Mapping[str, Path],
    *,
    fluorescence: str = "",
    counts: str = "",
    signals: str = "",
    quantity: str = "",
    behaviour: Mapping[str, str] | None = None,
) -> Recording:
    """Spike trains (table `units`) or what a path names; trials, epochs, and series such as head direction.

    fluorescence : path of a RoiResponseSeries of dF/F, e.g. processing/ophys/DfOverF/RoiResponseSeries
    counts : path of spike counts: a TimeSeries (time, unit), or a table with a column `counts` (trial, bin, unit), as
        `neuropipe export` writes them
    signals : path of an ElectricalSeries of field potentials, read in uV; quantity : that its values are in instead,
        which are taken as they are
    behaviour : name -> path of a TimeSeries in the file, e.g. acquisition/CompassDirection/ry
    """
    path, name = only_file(files, "an NWB file"), next(iter(files))
    if sum(map(bool, (fluorescence, counts, signals))) > 1:
        raise BadInput("an NWB file is read for one of fluorescence, counts and signals: name one path")
    with opened(path, name, "an NWB 2 (HDF5) file") as file:
        if fluorescence:
            activity = _imaged(file, fluorescence, name)
        elif counts:
            activity = _counted(file, counts, name)
        elif signals:
            activity = _electrical(file, signals, quantity, name)
        else:
            activity = _sorted(file, name)
        return Recording(
            **activity,
            trials=nwb_parts.trials(file, name),
            epochs=nwb_parts.epochs(file, name),
            behaviour={key: nwb_parts.series(file, where, name) for key, where in (behaviour or {}).items()},
        )


def _sorted(file: Any, name: str) -> dict[str, Any]:
    if "units" not in file and (series := _series_of_rois(file)):
        raise BadInput(f"{name} has no units, but fluorescence: say `fluorescence: {series[0]}` in its parameters")
    units = member(file, "units", name)
    return {"units": row_table(units, name, "unit"), "spikes": _spikes(units, name)}


def _series_of_rois(file: Any) -> list[str]:
    """Paths of the RoiResponseSeries in a file."""
    found = []
    file.visititems(lambda where, at: found.append(where) if kind(at) == "RoiResponseSeries" else None)
    return found


def _spikes(units: Any, name: str) -> SpikeTrains:
    """All spike times in one read, straight into the array that is returned."""
    held, stops = member(units, "spike_times", name), member(units, "spike_times_index", name)[:]
    offsets = np.concatenate([[0], stops]).astype(np.int64)
    if held.shape != (offsets[-1],) or np.any(np.diff(offsets) < 0):
        raise BadInput(f"{name}: units/spike_times_index does not cut {held.size} spike times into units")
    try:
        times = np.empty(held.shape, np.float64)
    except MemoryError as error:
        raise BadInput(f"{name} says that it has {held.size:,} spike times, more than fit into memory") from error
    if len(times):
        held.read_direct(times)
    return SpikeTrains.sorting(times, offsets)


def _imaged(file: Any, where: str, name: str) -> dict[str, Any]:
    """dF/F (time, roi) with the time of each frame, and the ROI ids that the series refers to."""
    series = nwb_parts.series(file, where, name)
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


def _counted(file: Any, where: str, name: str) -> dict[str, Any]:
    """Counts of trials or of time, with the table `units` beside them."""
    held = member(file, where, name)
    if "counts" in held:
        column = held["counts"]
        if not {"bin_width", "start"} <= set(held):
            raise BadInput(f"{name}/{where} has no columns bin_width and start (s), which say what its bins are")
        values = as_counts(column[:], f"{name}/{where}/counts")
        found = TrialCounts(values, *(float(held[key][0]) for key in ("bin_width", "start")))
    else:
        values = as_counts(member(held, "data", name)[:], f"{name}/{where}/data")
        first = member(held, "starting_time", name)
        found = TimeCounts(values, 1 / float(first.attrs["rate"]), float(first[()]))
    if "units" in held.parent:
        return {"units": row_table(held.parent["units"], name, "unit"), "counts": found}
    return {"units": pd.DataFrame({"unit": np.arange(found.n_units)}), "counts": found}


def _electrical(file: Any, where: str, quantity: str, name: str) -> dict[str, Any]:
    """Field potentials with the table of their electrodes."""
    held = member(file, where, name)
    data = member(held, "data", name)
    facts = data.attrs
    if data.ndim not in (1, 2):
        raise BadInput(f"{name}/{where} has data of shape {data.shape}; field potentials are (time, channel)")
    scale = 1.0 if quantity else 1e6
    values = data[:].astype(np.float64)
    values = values[:, None] if values.ndim == 1 else values
    if "channel_conversion" in held:
        values = values * held["channel_conversion"][:]
    values = values * (facts.get("conversion", 1.0) * scale) + facts.get("offset", 0.0) * scale
    table = "general/extracellular_ephys/electrodes"
    units = row_table(file[table], name, "electrode") if table in file else None
    if units is None or "electrodes" not in held:
        units = pd.DataFrame({"electrode": np.arange(values.shape[1])})
    else:
        units = units.iloc[held["electrodes"][:]].reset_index(drop=True)
    return {"units": units, "signals": _regular(held, values, quantity or "uV", f"{name}/{where}", name)}


def _regular(held: Any, values: np.ndarray, quantity: str, where: str, name: str) -> Signals:
    """Signals with their rate; timestamps are cut into stretches where they pause."""
    if "timestamps" not in held:
        first = member(held, "starting_time", name)
        return Signals.whole(values, float(first.attrs["rate"]), quantity, start=float(first[()]))
    times = held["timestamps"][:].astype(np.float64)
    steps = np.diff(times)
    if len(times) != len(values) or not len(steps) or not np.all(steps > 0):
        raise BadInput(f"{where} has {len(values)} values at {len(times)} times, which must ascend")
    step = float(np.median(steps))
    edges = np.concatenate([[0], np.flatnonzero(steps > 1.5 * step) + 1, [len(times)]])
    segments = np.stack([edges[:-1], edges[1:]], axis=1).astype(np.int64)
    single = np.ascontiguousarray(values, np.float32)
    return Signals(single, 1 / step, quantity, segments, times[segments[:, 0]])
