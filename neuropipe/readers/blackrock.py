"""Reads raw voltage of Blackrock's recorders: .ns5 or .ns6 files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import listed
from neuropipe.readers.voltage_files import extracted, own_files, recording_of
from neuropipe.recording import Recording
from neuropipe.registry import reader

ENDINGS = (".ns5", ".ns6")


@reader("blackrock", tools=("spikeinterface", "neo", "probeinterface"))
def read(files: Mapping[str, Path]) -> Recording:
    """A Blackrock recording (.ns5 or .ns6, and .nev where there is one), with a probe file beside it."""
    own = own_files(files)
    signals = [name for name in own if name.lower().endswith(ENDINGS)]
    if len(signals) != 1:
        raise BadInput(f"one {' or '.join(ENDINGS)} file is expected, found {len(signals)} among {listed(own)}")

    def open_folder(folder: Path) -> Any:
        from spikeinterface.extractors import read_blackrock

        return read_blackrock(folder / signals[0], stream_id=signals[0][-1])

    return recording_of(extracted(files, {name: name for name in own}, open_folder, "Blackrock"), files)
