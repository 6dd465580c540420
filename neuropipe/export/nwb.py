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
    import h5py
    from pynwb import NWBHDF5IO

    with path.open("w+b", buffering=0) as opened:
        target = _Target(opened)
        with h5py.File(target, "w") as held, NWBHDF5IO(file=held, mode="w") as output:
            output.write(file)
        if target.trouble is not None:
            raise target.trouble


class _Target:
    """A file for HDF5 that keeps the first error of writing, such as a full disk, to be raised when HDF5 is done.

    HDF5 itself does not survive such an error: it fails again while the process ends, with a crash.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self.trouble: OSError | None = None

    def write(self, data: Any) -> int:
        """Write all of the data, or leave it out once the disk is full; the bytes that were given."""
        view = memoryview(data)
        done = 0
        try:
            while self.trouble is None and done < len(view):
                done += self._file.write(view[done:])
        except OSError as error:
            self.trouble = error
        return len(view)

    def readinto(self, data: Any) -> int:
        """Fill `data` from the file, with zeros where nothing was written."""
        view = memoryview(data)
        n = self._file.readinto(view)
        view[n:] = bytes(len(view) - n)
        return len(view)

    def read(self, n: int) -> bytes:
        """The next n bytes; h5py knows a file by this."""
        data = bytearray(n)
        self.readinto(data)
        return bytes(data)

    def truncate(self, size: int | None = None) -> int:
        """Cut or lengthen the file."""
        try:
            return self._file.truncate(size)
        except OSError as error:
            self.trouble = self.trouble or error
            return size or 0

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a byte."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The byte at which the file is."""
        return self._file.tell()

    def flush(self) -> None:
        """Nothing is held back."""


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
