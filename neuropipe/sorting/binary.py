"""Raw voltage in one binary file that every process addresses, so that nothing is copied."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from neuropipe.recording import BinaryFile, Voltage
from neuropipe.recording.voltage import Samples

BYTES_PER_BLOCK = 16 << 20


def write_samples(samples: Samples, path: Path) -> BinaryFile:
    """Write (time, channel) samples into a new file as they are, block by block."""
    n_samples, n_channels = samples.shape
    dtype = np.dtype(samples.dtype)
    step = max(1, BYTES_PER_BLOCK // (n_channels * dtype.itemsize))
    with path.open("xb") as file:
        for first in range(0, n_samples, step):
            file.write(np.ascontiguousarray(samples[slice(first, min(first + step, n_samples))]).tobytes())
    return BinaryFile(path, dtype, n_samples, n_channels)


def in_one_binary(voltage: Voltage, folder: Path) -> Voltage:
    """The voltage with its samples in a binary file: where they lie, or else written into the folder."""
    if isinstance(voltage.samples, BinaryFile):
        return voltage
    return replace(voltage, samples=write_samples(voltage.samples, folder / "voltage.raw"))
