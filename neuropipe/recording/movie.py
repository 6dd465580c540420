"""Movies of calcium imaging, whose ROIs are still to be found."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.recording.frame_times import Framed, check_frame_times


class Frames(Protocol):
    """Images that can be sliced in time, like numpy, Zarr and memory-mapped arrays; they need not be in memory."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...

    def __getitem__(self, frames: slice) -> np.ndarray: ...


@dataclass(frozen=True)
class Movie(Framed):
    """A movie.

    frames : (time, y, x) integers of 8 or 16 bits; read in blocks of time, as they may not fit into memory
    frame_times : (time,) float64, s, ascending, on the recording's own clock
    """

    n_units: ClassVar[int] = 0

    frames: Frames
    frame_times: np.ndarray

    def check(self) -> None:
        """Refuse (BadInput) wrong types or shapes; no frame is read."""
        shape, dtype, times = tuple(self.frames.shape), np.dtype(self.frames.dtype), self.frame_times
        if len(shape) != 3 or 0 in shape or times.shape != shape[:1]:
            raise BadInput(
                f"a movie must be (time, y, x) with a time for every frame; found {shape} and {times.shape} frame times"
            )
        if dtype.kind not in "iu" or dtype.itemsize > 2:
            raise BadInput(f"a movie must hold integers of 8 or 16 bits, as cameras and detectors give; found {dtype}")
        check_frame_times(times)
