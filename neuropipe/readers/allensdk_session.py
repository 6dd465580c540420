"""Reads what allensdk read of a Neuropixels session: the .npz that its own environment writes.

That is made by resources/allen/export.py from an EcephysSession; see docs/archives.md.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from neuropipe.readers.allen_session import LABELS, UNIT_NUMBERS, AllenSession, in_order, numbers_in, sorted_trains
from neuropipe.readers.allensdk_files import arrays_of
from neuropipe.readers.arrays import only_file
from neuropipe.recording import Recording, SpikeTrains, TimeSeries
from neuropipe.registry import reader

# Column of allensdk's table of units -> ours; its areas are those of the warehouse's table of channels.
UNITS = {
    "unit_id": "unit",
    "probe_description": "probe",
    "ecephys_structure_acronym": "brain_area",
    "peak_channel_id": "peak_channel",
    "probe_vertical_position": "vertical_position",
}


@reader("allensdk_session", tools=())
def read(files: Mapping[str, Path], *, stimulus: str = "natural_scenes", blank: bool = False) -> Recording:
    """The same Recording as reader allen_ecephys makes of the NWB file; units are filtered by allensdk's own limits.

    stimulus, blank : as there
    """
    path = only_file(files, "what allensdk read of a session (.npz)")
    held = arrays_of(path, ("units", "spikes", "presentations", "invalid"), optional=("running",))
    spikes, invalid, running = held["spikes"], held["invalid"], held["running"]
    units = held["units"]
    table = pd.DataFrame({ours: units[theirs] for theirs, ours in UNITS.items()})
    table["row"] = np.arange(len(table))
    table["vertical_position"] = table["vertical_position"].astype(np.float64)
    for key in UNIT_NUMBERS:
        if key in units:
            table[key] = numbers_in(units[key])
    shown = held["presentations"]
    presentations = pd.DataFrame(
        {
            "stimulus_name": shown["stimulus_name"],
            "start": shown["start_time"],
            "stop": shown["stop_time"],
            **{key: numbers_in(shown[key]) for key in ("stimulus_block", *LABELS) if key in shown},
        }
    )
    table, edges = in_order(table), spikes["offsets"]
    trains = SpikeTrains.from_list([spikes["times"][edges[row] : edges[row + 1]] for row in table["row"]])
    session = AllenSession(
        units=table.drop(columns="row"),
        spikes=sorted_trains(trains.times, trains.offsets),
        presentations=presentations,
        invalid=[
            (float(start), float(stop), tuple(str(tags).split("\n")))
            for start, stop, tags in zip(invalid["start"], invalid["stop"], invalid["tags"], strict=True)
        ],
        units_in_file=int(spikes["units_in_file"][0]),
        running=TimeSeries(running["times"], running["speed"]) if running else None,
    )
    return session.recording(stimulus, blank=blank)
