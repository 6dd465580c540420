"""Raw extracellular voltage of a probe, whose spikes are still to be sorted."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

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

    def __getitem__(self, samples: slice, /) -> Any: ...


@dataclass(frozen=True)
class BinaryFile:
    """Samples in a file as they lie there: (time, column) in C order, from `skip` bytes on. Nothing is copied.

    length : samples; width : columns in the file; columns : those that are channels of the probe, None for all
    """

    path: Path
    dtype: np.dtype
    length: int
    width: int
    skip: int = 0
    columns: tuple[int, ...] | None = None

    @classmethod
    def of(
        cls,
        path: Path,
        dtype: str,
        width: int,
        *,
        skip: int = 0,
        columns: tuple[int, ...] | None = None,
        name: str = "",
    ) -> "BinaryFile":
        """All samples of a file. Raises BadInput where the file doesn't end with a whole sample of all columns.

        name : what errors call the file
        """
        kind = np.dtype(dtype)
        size, row = path.stat().st_size - skip, kind.itemsize * width
        if size <= 0 or size % row:
            raise BadInput(
                f"{name or path.name} holds {max(0, size):,} bytes of samples, which is no multiple of {row} ({width} "
                f"channels of {kind}): it was cut short, or the number of channels is wrong"
            )
        return cls(path, kind, size // row, width, skip, columns)

    @property
    def shape(self) -> tuple[int, int]:
        return self.length, self.width if self.columns is None else len(self.columns)

    def __getitem__(self, samples: slice) -> np.ndarray:
        whole = np.memmap(self.path, self.dtype, "r", self.skip, (self.length, self.width))
        return np.array(whole[samples] if self.columns is None else whole[samples][:, list(self.columns)])

    def address(self) -> dict[str, Any]:
        """Where in its file they lie, as JSON."""
        columns = None if self.columns is None else list(self.columns)
        return {
            "dtype": self.dtype.str,
            "samples": self.length,
            "width": self.width,
            "skip": self.skip,
            "columns": columns,
        }

    @classmethod
    def at(cls, path: Path, address: Mapping[str, Any]) -> "BinaryFile":
        """The samples of a file by their address."""
        columns = None if address["columns"] is None else tuple(address["columns"])
        dtype = np.dtype(address["dtype"])
        return cls(path, dtype, address["samples"], address["width"], address["skip"], columns)


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
