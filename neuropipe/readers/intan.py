"""Reads raw voltage of Intan's recorders: .rhd and .rhs files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import listed
from neuropipe.readers.voltage_files import extracted, own_files, recording_of
from neuropipe.recording import Recording
from neuropipe.registry import reader

ENDINGS = (".rhd", ".rhs")


@reader("intan", tools=("spikeinterface", "neo", "probeinterface"))
def read(files: Mapping[str, Path]) -> Recording:
    """An Intan recording in one .rhd or .rhs file (its amplifier channels), with a probe file beside it."""
    own = own_files(files)
    headers = [name for name in own if name.lower().endswith(ENDINGS)]
    if len(headers) != 1:
        raise BadInput(f"one {' or '.join(ENDINGS)} file is expected, found {len(headers)} among {listed(own)}")

    def open_folder(folder: Path) -> Any:
        from spikeinterface.extractors import read_intan

        return read_intan(folder / headers[0], stream_id="0")

    return recording_of(extracted(files, {name: name for name in own}, open_folder, "Intan"), files)
