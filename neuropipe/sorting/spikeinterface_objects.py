"""Voltage, probes and spike trains as objects of SpikeInterface."""

from typing import Any

import numpy as np
import pandas as pd

from neuropipe.recording import BinaryFile, Voltage


def as_spikeinterface(voltage: Voltage) -> Any:
    """The voltage as a SpikeInterface recording with its probe and gains; it begins at time 0."""
    from spikeinterface.core import BinaryRecordingExtractor

    file = voltage.samples
    assert isinstance(file, BinaryFile)
    recording = BinaryRecordingExtractor(
        [str(file.path)],
        voltage.sampling_rate,
        dtype=file.dtype.str,
        num_channels=file.width,
        file_offset=file.skip,
        is_filtered=False,
    )
    if file.columns is not None:
        recording = recording.select_channels(recording.channel_ids[list(file.columns)])
    recording.set_channel_gains(voltage.channels["gain"].to_numpy(float))
    recording.set_channel_offsets(voltage.channels["offset"].to_numpy(float))
    if "sample_shift" in voltage.channels:
        recording.set_property("inter_sample_shift", voltage.channels["sample_shift"].to_numpy(float))
    recording.set_probe(as_probe(voltage.channels), group_mode="by_shank" if _shanks(voltage) else "by_probe")
    return recording


def _shanks(voltage: Voltage) -> bool:
    return "shank" in voltage.channels and voltage.channels["shank"].nunique() > 1


def as_probe(channels: pd.DataFrame) -> Any:
    """The probe of a table of channels, for probeinterface; its channels are the rows."""
    from probeinterface import Probe

    probe = Probe(ndim=2, si_units="um")
    probe.set_contacts(channels[["x", "y"]].to_numpy(float), shapes="circle", shape_params={"radius": 5})
    if "shank" in channels:
        probe.set_shank_ids(channels["shank"].astype(str).to_numpy())
    probe.set_device_channel_indices(np.arange(len(channels)))
    return probe


def as_sorting(times: np.ndarray, offsets: np.ndarray, sampling_rate: float, start: float = 0.0) -> Any:
    """Spike trains as a SpikeInterface sorting. times : (spike,) s; offsets : (unit + 1,); start : s of sample 0"""
    from spikeinterface.core import NumpySorting

    samples = np.round((times - start) * sampling_rate).astype(np.int64)
    trains = {unit: samples[offsets[unit] : offsets[unit + 1]] for unit in range(len(offsets) - 1)}
    return NumpySorting.from_unit_dict([trains], sampling_rate)
