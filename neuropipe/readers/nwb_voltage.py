"""Reads raw voltage from an NWB file: an ElectricalSeries, with the places of its electrodes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuropipe.readers.arrays import only_file
from neuropipe.readers.voltage_files import extracted, own_files, recording_of
from neuropipe.recording import Recording
from neuropipe.registry import reader


@reader("nwb_voltage", tools=("spikeinterface", "pynwb", "h5py", "probeinterface"))
def read(files: Mapping[str, Path], *, series: str | None = None) -> Recording:
    """The ElectricalSeries of an NWB file. series : its path there, e.g. acquisition/raw, where there are several.

    Electrodes without a place need a probe file beside the recording.
    """
    only_file(own_files(files), "an .nwb file")
    name = next(iter(own_files(files)))

    def open_folder(folder: Path) -> Any:
        from spikeinterface.extractors.nwbextractors import NwbRecordingExtractor

        return NwbRecordingExtractor(folder / name, electrical_series_path=series)

    return recording_of(extracted(files, {name: name}, open_folder, "NWB"), files)
