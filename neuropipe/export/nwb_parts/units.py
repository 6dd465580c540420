"""Units: the table of sorted units with spike times, or the table alone where counts were published."""

from typing import Any

import numpy as np
import pandas as pd

from neuropipe.export.content import SessionContent
from neuropipe.export.nwb_parts.columns import RESERVED, columns, module, packed
from neuropipe.schemas import Recording, SortedSpikes

# Columns of NWB's units that mean something else than a column of the same name here.
TAKEN = RESERVED | {
    "spike_times", "spike_times_index", "obs_intervals", "obs_intervals_index", "electrodes", "electrodes_index",
    "electrode_group", "waveform_mean", "waveform_sd", "waveforms", "waveforms_index", "waveforms_index_index",
    "resolution", "waveform_rate", "waveform_unit",
}  # fmt: skip
DESCRIPTIONS = {
    "brain_area": "area of the brain that the unit is in",
    "location": "area of the brain that the unit is in",
    "quality": "label of the sorting",
}
TIMES = "spike times, s, ascending within each unit"


def add_units(file: Any, session: SessionContent) -> None:
    """The session's units: those that its activity is read from, others in the module `sorting`."""
    recording = session.recording
    step = 1 / recording.voltage["sampling_rate"] if recording.voltage is not None else None
    sorted_by = {f"sorted_spikes/{name}": made.content for name, made in session.group("sorted_spikes").items()}
    if recording.times is not None:
        file.units = unit_table(recording, "Units of the recording, with their spike times.", None)
    elif sorted_by:
        name = session.source if session.source in sorted_by else next(iter(sorted_by))
        file.units = unit_table(sorted_by.pop(name), f"Units that {name} found, with their spike times.", step)
    for name, found in sorted_by.items():
        sorting = module(file, "sorting", "Units that spike sorters found.")
        described = f"Units that {name} found, with their spike times."
        sorting.add(unit_table(found, described, step, name.partition("/")[2]))


def unit_table(
    spikes: Recording | SortedSpikes, description: str, resolution: float | None, name: str = "units"
) -> Any:
    """Units with the columns of a unit table; `unit`, where it tells units apart, is their id.

    resolution : s between samples of the voltage that spikes were found in, None where it is not known
    """
    from hdmf.common import VectorData, VectorIndex
    from pynwb.misc import Units

    frame = spikes.units
    ids, frame = unit_ids(frame)
    made = columns(frame, DESCRIPTIONS, TAKEN)
    if spikes.times is not None and spikes.offsets is not None:
        times = VectorData(name="spike_times", description=TIMES, data=packed(spikes.times[:]))
        stops = np.asarray(spikes.offsets[:][1:], np.uint64)
        made += [times, VectorIndex(name="spike_times_index", data=stops, target=times)]
    return Units(name=name, description=description, columns=made, id=ids, resolution=resolution)


def unit_ids(frame: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    """`unit`, where it tells units apart, and the other columns; else numbers from 0."""
    if "unit" in frame and frame["unit"].dtype.kind in "iu" and frame["unit"].is_unique:
        return frame["unit"].to_numpy(np.int64), frame.drop(columns="unit")
    return np.arange(len(frame)), frame
