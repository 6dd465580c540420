"""A whole session as one NWB 2 file (HDF5), written with pynwb."""

from pathlib import Path
from typing import Any

from neuropipe.export.content import SessionContent
from neuropipe.export.needs import need
from neuropipe.export.nwb_parts.behaviour import add_behaviour, add_epochs, add_trials
from neuropipe.export.nwb_parts.identity import fix_object_ids
from neuropipe.export.nwb_parts.imaging import add_imaging
from neuropipe.export.nwb_parts.metadata import new_file
from neuropipe.export.nwb_parts.results import add_connectivity, add_predictions
from neuropipe.export.nwb_parts.signals import add_counts, add_signals
from neuropipe.export.nwb_parts.units import add_units
from neuropipe.registry import exporter


@exporter(
    "nwb",
    suffix=".nwb",
    assets=("recording", "sorted_spikes/*", "fluorescence", "events/*", "binned", "decoder/*", "connectivity/*"),
    many=True,
)
def write(session: SessionContent, path: Path) -> None:
    """Units, signals, trials, behaviour, predictions and connectivity in one file; the same content, the same bytes."""
    file = to_nwb(session)
    from pynwb import NWBHDF5IO

    with NWBHDF5IO(str(path), mode="w") as output:
        output.write(file)


def to_nwb(session: SessionContent) -> Any:
    """The session as a pynwb NWBFile, in memory.

    Root: `units` (spike times, or the unit table alone), `trials`, `epochs`. Processing modules: `behavior`; `ecephys`
    (counts), `ophys` (dF/F, events); `sorting` (what further sorters found); `decoding`, a table per decoder;
    `connectivity`, a table per method. Field potentials are in `acquisition`.
    Raises BadInput without pynwb, and where the store has no recording of the session.
    """
    need("pynwb", "NWB files")
    file = new_file(session)
    for add in _PARTS:
        add(file, session)
    fix_object_ids(file, session.identifier)
    return file


_PARTS = (
    add_units,
    add_counts,
    add_signals,
    add_imaging,
    add_trials,
    add_epochs,
    add_behaviour,
    add_predictions,
    add_connectivity,
)
