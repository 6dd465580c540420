"""Continuous signals and published counts."""

from typing import Any

import numpy as np
import pandas as pd

from neuropipe.export.content import SessionContent
from neuropipe.export.nwb_parts.columns import RESERVED, clock, columns, module, packed
from neuropipe.export.nwb_parts.units import unit_ids
from neuropipe.recording import sample_times

VOLTS = {"V": 1.0, "mV": 1e-3, "uV": 1e-6, "µV": 1e-6, "nV": 1e-9}
NO_UNIT = "The unit of the values is not known; NWB calls them volts, which they are not."
ELECTRODES = RESERVED | {
    "x",
    "y",
    "z",
    "imp",
    "location",
    "filtering",
    "group",
    "group_name",
    "rel_x",
    "rel_y",
    "rel_z",
}
ELECTRODES |= {"reference"}
AREAS = ("brain_area", "region", "location", "area")  # columns that say where a channel is


def add_signals(file: Any, session: SessionContent) -> None:
    """Field potentials as an ElectricalSeries; BOLD and responses as a TimeSeries, as NWB has no type for them."""
    from pynwb import TimeSeries
    from pynwb.ecephys import ElectricalSeries

    recording = session.recording
    if recording.signals is None or recording.sampling_rate is None:
        return
    segments = recording.segments[:]
    times = sample_times(segments, recording.segment_starts[:], recording.sampling_rate)
    when = clock(times, recording.sampling_rate) if len(segments) == 1 else {"timestamps": packed(times)}
    values, quantity = packed(recording.signals[:]), recording.quantity or "a.u."
    if session.modality != "field_potentials":
        rows = "voxels" if session.modality == "bold" else "units"
        described = f"{session.modality} of {len(recording.units)} {rows}, (time, {rows[:-1]})."
        file.add_acquisition(TimeSeries(name="signals", description=described, data=values, unit=quantity, **when))
        table = _rows(rows, "A row per column of `signals`, in order.", recording.units)
        module(file, rows, f"The {rows} of `signals`.").add(table)
        return
    region = _electrodes(file, recording.units)
    known = quantity in VOLTS
    series = ElectricalSeries(
        name="signals",
        description=f"Field potentials (time, channel), in {quantity}.",
        data=values,
        electrodes=region,
        conversion=VOLTS.get(quantity, 1.0),
        comments="no comments" if known else NO_UNIT,
        **when,
    )
    file.add_acquisition(series)


def add_counts(file: Any, session: SessionContent) -> None:
    """Counts that were published already binned, in the module `ecephys`: a row per trial, or a series."""
    from hdmf.common import DynamicTable, VectorData
    from pynwb import TimeSeries

    recording = session.recording
    if recording.counts is None or recording.bin_width is None or recording.start is None:
        return
    width, start = recording.bin_width, recording.start
    ecephys = module(file, "ecephys", "Spike counts, as they were published; there are no spike times.")
    ecephys.add(_rows("units", "Units, in the order of the counts' last axis.", recording.units))
    order = "units in the order of the table `units` beside it"
    if recording.time_counts is not None:
        described = f"Spike counts (time, unit), {order}, in bins of {width:g} s. The time of a bin is where it begins."
        counts = packed(recording.time_counts[:])
        series = TimeSeries(name="spike_counts", description=described, data=counts, unit="spikes", rate=1 / width,
                            starting_time=float(start))  # fmt: skip
        ecephys.add(series)
        return
    n_trials = recording.trial_counts.shape[0]
    described = f"Spike counts of each trial: (trial, bin, unit), {order}."
    of_bins = {
        "bin_width": (width, "s, width of a bin"),
        "start": (start, "s, where the first bin begins, relative to the event that trials are aligned to"),
    }
    made = [VectorData(name="counts", description=described, data=packed(recording.trial_counts[:]))]
    made += [
        VectorData(name=name, description=text, data=np.full(n_trials, float(value)))
        for name, (value, text) in of_bins.items()
    ]
    table = DynamicTable(name="spike_counts", description=described, columns=made, id=np.arange(n_trials))
    ecephys.add(table)


def _electrodes(file: Any, units: pd.DataFrame) -> Any:
    """The table of electrodes, a row per channel, and the region of all of them."""
    unknown = "not known"
    device = file.create_device(name="recording_device", description=f"The device is {unknown}.")
    group = file.create_electrode_group(name="channels", description="All channels.", location=unknown, device=device)
    area = next((name for name in AREAS if name in units), None)
    for row in range(len(units)):
        place = str(units[area].iloc[row]) if area is not None else unknown
        file.add_electrode(group=group, location=place or unknown)
    for made in columns(units, {}, ELECTRODES):
        file.add_electrode_column(name=made.name, description=made.description, data=made.data)
    return file.create_electrode_table_region(list(range(len(units))), "all channels, in the order of the columns")


def _rows(name: str, description: str, units: pd.DataFrame) -> Any:
    from hdmf.common import DynamicTable

    ids, rest = unit_ids(units)
    return DynamicTable(name=name, description=description, columns=columns(rest, {}, RESERVED), id=ids)
