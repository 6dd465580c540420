"""Raw extracellular voltage of a probe, whose spikes are still to be sorted."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput

COLUMNS = ("x", "y", "gain", "offset")  # of the table of channels


class Samples(Protocol):
    """(time, channel) samples that can be sliced in time; they need not be in memory."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...

    def __getitem__(self, samples: slice) -> np.ndarray: ...


@dataclass(frozen=True)
class BinaryFile:
    """Samples in a file as they lie there: (time, channel) in C order, from `skip` bytes on. Nothing is copied."""

    path: Path
    dtype: np.dtype
    shape: tuple[int, int]
    skip: int = 0

    @classmethod
    def of(cls, path: Path, dtype: str, n_channels: int, skip: int = 0) -> "BinaryFile":
        """All samples of a file. Raises BadInput where the file doesn't end with a whole sample of all channels."""
        kind = np.dtype(dtype)
        size, row = path.stat().st_size - skip, kind.itemsize * n_channels
        if size <= 0 or size % row:
            raise BadInput(
                f"{path.name} holds {max(0, size):,} bytes of samples, which is no multiple of {row} ({n_channels} "
                f"channels of {kind}): it was cut short, or the number of channels is wrong"
            )
        return cls(path, kind, (size // row, n_channels), skip)

    def __getitem__(self, samples: slice) -> np.ndarray:
        return np.array(self.mapped()[samples])

    def mapped(self) -> np.ndarray:
        """The whole file as a read-only memory map, (time, channel)."""
        return np.memmap(self.path, self.dtype, "r", self.skip, self.shape)


@dataclass(frozen=True)
class Voltage:
    """Raw voltage of all channels of one or more probes that were sampled together.

    samples : (time, channel) integers of 16 bits or floats; read in blocks of time, as they may not fit into memory
    sampling_rate : Hz; start : s, time of the first sample on the recording's own clock
    channels : a row per channel: x, y (um, along and across the probe), gain and offset (uV = gain * sample + offset);
        where known `shank` (groups that share no unit) and `sample_shift` (fraction of a sample by which the converter
        takes the channel later)
    """

    n_units: ClassVar[int] = 0

    samples: Samples
    sampling_rate: float
    channels: pd.DataFrame
    start: float = 0.0

    @property
    def duration(self) -> float:
        """Length, s."""
        return self.samples.shape[0] / self.sampling_rate

    def check(self) -> None:
        """Refuse (BadInput) wrong types or shapes, and channels that the probe doesn't match; no sample is read."""
        shape, dtype = tuple(self.samples.shape), np.dtype(self.samples.dtype)
        if len(shape) != 2 or 0 in shape:
            raise BadInput(f"voltage must be (time, channel) with at least one of each; found {shape}")
        if not (dtype.kind == "f" or (dtype.kind == "i" and dtype.itemsize == 2)):
            raise BadInput(f"voltage must be integers of 16 bits or floats; found {dtype}")
        if not (np.isfinite(self.sampling_rate) and self.sampling_rate > 0 and np.isfinite(self.start)):
            raise BadInput(f"the sampling rate is {self.sampling_rate} Hz and the start {self.start} s; give both")
        check_channels(self.channels, shape[1])


def check_channels(channels: pd.DataFrame, n_channels: int) -> None:
    """Refuse (BadInput) a table of channels that doesn't describe each recorded channel at a place of its own."""
    missing = [name for name in COLUMNS if name not in channels]
    if missing:
        raise BadInput(f"the table of channels has no column {', '.join(missing)}; it has {', '.join(channels)}")
    if len(channels) != n_channels:
        raise BadInput(
            f"the probe has {len(channels)} contacts and the file {n_channels} channels: give the probe that was "
            "recorded from, with the contacts in the order of the channels"
        )
    places = channels[list(COLUMNS)].to_numpy(float)
    if not np.isfinite(places).all():
        channel, column = (int(index) for index in np.argwhere(~np.isfinite(places))[0])
        raise BadInput(f"{COLUMNS[column]} of channel {channel} is {places[channel, column]}; give a number")
    if (channels["gain"] == 0).any():
        raise BadInput(f"channel {int(np.argmax(channels['gain'] == 0))} has a gain of 0; give uV per step")
    own = [name for name in ("x", "y", "shank") if name in channels]
    twice = channels.duplicated(own)
    if twice.any():
        raise BadInput(
            f"channel {int(np.argmax(twice))} lies where another one does; sorters need each contact at a place of its "
            "own"
        )
