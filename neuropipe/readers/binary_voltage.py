"""Reads raw voltage from a plain binary file, (time, channel) in C order, and a probe file beside it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import only_file
from neuropipe.readers.voltage_files import own_files, probe_channels, recording_of
from neuropipe.recording import BinaryFile, Recording, Voltage
from neuropipe.registry import reader

DTYPES = ("int16", "float32")


@reader("binary_voltage", tools=("probeinterface",))
def read(
    files: Mapping[str, Path],
    *,
    sampling_rate: float | None = None,
    n_channels: int | None = None,
    dtype: str = "int16",
    gain: float | None = None,
    offset: float = 0.0,
    skip: int = 0,
) -> Recording:
    """Raw voltage in one binary file with a probe file beside it; the file is sorted where it lies, not copied.

    sampling_rate : Hz; n_channels : columns of the file; dtype : int16 or float32; gain, offset : uV = gain * sample +
    offset; skip : bytes of a header
    """
    path = only_file(own_files(files), "a binary file of voltage")
    name = next(iter(own_files(files)))
    needed = {"sampling_rate (Hz)": sampling_rate, "n_channels": n_channels, "gain (uV per step)": gain}
    missing = [words for words, value in needed.items() if value is None]
    if missing:
        raise BadInput(f"{name} is plain binary and doesn't say its {', '.join(missing)}: give it in the parameters")
    assert sampling_rate is not None
    assert n_channels is not None
    if dtype not in DTYPES:
        raise BadInput(f"dtype is {dtype!r}; voltage is read as {' or '.join(DTYPES)}")
    samples = BinaryFile.of(path, np.dtype(dtype).str, n_channels, skip=skip, name=name)
    channels = probe_channels(files, n_channels)
    if channels is None:
        raise BadInput(f"beside {name} there is no probe file: add probe.csv with x and y, um, one row per channel")
    return recording_of(Voltage(samples, sampling_rate, channels.assign(gain=gain, offset=offset)), files)
