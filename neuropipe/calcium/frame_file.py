"""A movie on disk as suite2p works on it: 16-bit frames that are read and written in blocks.

suite2p's own file is a memory map, whose pages count as memory of this process for as long as the system lets it keep
them: a long movie would look like a process that grows without limit.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from neuropipe.errors import BadInput

HIGHEST = np.iinfo(np.int16).max
BLOCK = 1 << 23  # pixels copied at once: 16 MB


class FrameFile:
    """(time, y, x) int16; takes the slices and index arrays of frames that suite2p asks for.

    told : called with the number of frames of each block that was written
    """

    def __init__(self, path: Path, shape: tuple[int, int, int], told: Callable[[int], None] = lambda n: None):
        self.path, self.shape, self.told = path, shape, told
        self._frame = shape[1] * shape[2]

    def __getitem__(self, frames) -> np.ndarray:
        if isinstance(frames, slice):
            first, stop, _ = frames.indices(self.shape[0])
            return self._read(first, stop - first)
        return np.concatenate([self._read(int(frame), 1) for frame in frames])

    def __setitem__(self, frames: slice, values: np.ndarray) -> None:
        first, _, _ = frames.indices(self.shape[0])
        with self.path.open("r+b" if self.path.exists() else "w+b") as file:
            file.seek(2 * first * self._frame)
            file.write(np.ascontiguousarray(np.clip(values, -HIGHEST, HIGHEST).astype(np.int16, copy=False)).data)
        self.told(len(values))

    def _read(self, first: int, n: int) -> np.ndarray:
        values = np.fromfile(self.path, np.int16, n * self._frame, offset=2 * first * self._frame)
        return values.reshape(n, *self.shape[1:])


def bytes_needed(shape: tuple[int, int, int]) -> int:
    """How large the file of a movie will be, the one large intermediate: frames are registered in place."""
    return 2 * int(np.prod(shape, dtype=np.int64))


def copy_movie(movie, file: FrameFile) -> int:
    """Write a movie, (time, y, x) integers, to a file, block by block; returns what its values were divided by.

    Values that 16 bits can't hold are divided by a power of two, the same for all frames.
    """
    if np.dtype(movie.dtype).kind not in "iu":
        raise BadInput(f"a movie holds integers, found {movie.dtype}; save what the camera or the microscope counted")
    step = max(1, BLOCK // int(np.prod(movie.shape[1:])))
    starts = range(0, movie.shape[0], step)
    largest, still, first_frame = 0, True, movie[0:1]
    for first in starts:
        block = movie[first : first + step]
        largest = max(largest, int(block.max()), -int(block.min()))
        still = still and bool((block == first_frame).all())
    if still:
        raise BadInput(f"all {movie.shape[0]} frames of the movie are the same: was it exported right?")
    divisor = 1 << max(0, (largest // (HIGHEST + 1)).bit_length())
    for first in starts:
        file[first : first + step] = np.asarray(movie[first : first + step]) // divisor
    return divisor
