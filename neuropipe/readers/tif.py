"""Reads movies in tif files: one grey image per page, in one file or in several in the order of their names.

Pages are read one by one when they are needed. Series that a file's metadata describe are ignored, as they may name
other files. Interleaved channels or planes are refused, as they would be taken for frames.
"""

import logging
import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.annotations import annotate, n_trials_of
from neuropipe.readers.archives import npz_arrays
from neuropipe.readers.arrays import only_file
from neuropipe.readers.frames import as_frame_times, frame_times_at
from neuropipe.readers.imagej_rois import read_rois
from neuropipe.recording import Movie, Recording
from neuropipe.registry import reader

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # what it warns of is checked here

# How ImageJ, OME and ScanImage describe pages, in the description or software tag of the first page.
CHANNELS = (r"^channels=(\d+)", r'\bSizeC="(\d+)"')
SAVED_CHANNELS = r"channelSave = \[([\d; ,]+)\]"
PLANES, TIMES = (r"^slices=(\d+)", r'\bSizeZ="(\d+)"'), (r"^frames=(\d+)", r'\bSizeT="(\d+)"')
IMAGES = (r"^images=(\d+)",)


@reader("tif", tools=("scipy", "tifffile"))
def read(files: Mapping[str, Path], *, frame_rate: float | None = None) -> Recording:
    """A movie of 8- or 16-bit grey pages; several files are put in the order of their names (2 before 10).

    frame_rate : Hz; tif files have no field of their own for it

    The session may have one .npz file as well, with frame_times, (time,) s, in place of a frame rate, and with
    trial_start, trial_<event> and labels, or time and behaviour_<name>, as in `traces_npz`.

    It may have one .zip of ImageJ .roi files as well: cells that a person outlined.

    truth : footprint_pixels (entry,), y * width + x; footprint_weights (entry,), 1; footprint_offsets (cell + 1,) of
        the outlined cells, where there are any
    """
    images = {name: Path(path) for name, path in files.items() if not name.endswith((".npz", ".zip"))}
    beside = {name: path for name, path in files.items() if name.endswith(".npz")}
    outlines = {name: path for name, path in files.items() if name.endswith(".zip")}
    if not images:
        raise BadInput("a movie needs one tif file or more; none is named")
    arrays = npz_arrays(only_file(beside, "one .npz file")) if beside else {}
    if frame_rate is None and "frame_times" not in arrays:
        raise BadInput(
            f"the frame rate of {', '.join(images)} is not known: a tif file has no field for it; give `frame_rate: ` "
            "in Hz in the parameters"
        )
    pages = [_checked(images[name], name) for name in sorted(images, key=_by_number)]
    for later in pages[1:]:
        if later.kind != pages[0].kind:
            raise BadInput(
                f"{later.name} holds {later.kind}, {pages[0].name} {pages[0].kind}; the files of a movie must be alike"
            )
    frames = TifFrames(tuple(pages))
    said_in = ", ".join(beside or images)
    noted = annotate(arrays, pd.DataFrame(), n_trials_of(arrays), said_in, placed={"frame_times"}, prefix="roi_")
    return Recording(
        units=pd.DataFrame(),
        movie=Movie(frames, _frame_times(arrays, frames.shape[0], frame_rate, said_in)),
        trials=noted.trials,
        behaviour=noted.behaviour,
        truth=_outlined_cells(outlines, frames.shape[1:]),
    )


def _outlined_cells(outlines: Mapping[str, Path], shape: tuple[int, int]) -> dict[str, np.ndarray]:
    if not outlines:
        return {}
    path, (name,) = only_file(outlines, "one .zip of ImageJ .roi files"), outlines
    cells, _ = read_rois(path, name, shape)
    return {
        "footprint_pixels": cells.pixels,
        "footprint_weights": cells.weights,
        "footprint_offsets": cells.offsets,
    }


def _frame_times(arrays: Mapping[str, np.ndarray], n_frames: int, frame_rate: float | None, file: str) -> np.ndarray:
    if "frame_times" not in arrays:
        return frame_times_at(n_frames, frame_rate, f"the parameters of {file}")
    if frame_rate is not None:
        raise BadInput(
            f"{file}: frame_times and frame_rate in the parameters both say when frames were taken; keep one"
        )
    return as_frame_times(arrays["frame_times"], n_frames, f"{file}: frame_times")


@dataclass(frozen=True)
class Pages:
    """The images of one file.

    offsets : (page,) int64, where each page's directory starts. ImageJ writes movies that are too large for a tif file
    with one page, followed by all images without directories: `n_images` images from `first_byte` on.
    """

    path: Path
    name: str
    shape: tuple[int, int]
    dtype: np.dtype
    offsets: np.ndarray
    n_images: int
    first_byte: int

    @property
    def kind(self) -> str:
        """Size and type of the images, in which the files of a movie must agree."""
        return f"{self.shape[0]} x {self.shape[1]} {self.dtype.newbyteorder('=')}"

    def read(self, images: range) -> np.ndarray:
        """Some of the images, (image, y, x)."""
        from tifffile import TiffPage

        block = np.empty((len(images), *self.shape), self.dtype.newbyteorder("="))
        if self.n_images > len(self.offsets):
            whole = np.memmap(self.path, self.dtype, "r", self.first_byte, (self.n_images, *self.shape))
            block[:] = whole[images.start : images.stop : images.step]
            return block
        with _opened(self.path, self.name) as file:
            for image, index in zip(block, images, strict=True):
                file.filehandle.seek(int(self.offsets[index]))
                image[:] = TiffPage(file, index=index).asarray()
        return block


@dataclass(frozen=True)
class TifFrames:
    """Frames (time, y, x) of one file after another, read from disk when they are sliced."""

    files: tuple[Pages, ...]

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.cumsum([0, *(file.n_images for file in self.files)])

    @property
    def shape(self) -> tuple[int, int, int]:
        return (int(self._starts[-1]), *self.files[0].shape)

    @property
    def dtype(self) -> np.dtype:
        return self.files[0].dtype.newbyteorder("=")

    def __getitem__(self, frames: slice) -> np.ndarray:
        first, last, _ = slice(frames.start, frames.stop).indices(self.shape[0])
        blocks = [np.empty((0, *self.shape[1:]), self.dtype)]
        for start, file in zip(self._starts, self.files, strict=False):
            images = range(max(first - start, 0), min(last - start, file.n_images))
            if images:
                blocks.append(file.read(images))
        return np.concatenate(blocks)[:: frames.step]


def _checked(path: Path, name: str) -> Pages:
    """The pages of one file, all of them checked; no image is read."""
    if not path.is_file():
        raise BadInput(f"the file {name} is not there: no such file as {path}")
    size = path.stat().st_size
    with _opened(path, name) as file:
        offsets, first = [], None
        for index, page in enumerate(file.pages):
            first = first or page
            _check_page(page, first, size, f"{name}: page {index + 1}")
            offsets.append(page.offset)
        if first is None or not _ends_properly(file):
            raise BadInput(f"{name} breaks off after {len(offsets)} pages: it is truncated or damaged; copy it again")
        _refuse_interleaved(first, name)
        n_images = _stated(IMAGES, first) if len(offsets) == 1 and first.is_contiguous else 1
        if first.dataoffsets[0] + n_images * first.nbytes > size:
            raise BadInput(f"{name} says that it holds {n_images} images, but it is too short for them: copy it again")
        dtype = first.dtype.newbyteorder(file.byteorder)
        return Pages(
            path, name, first.shape, dtype, np.array(offsets), max(n_images, len(offsets)), int(first.dataoffsets[0])
        )


def _check_page(page: Any, first: Any, size: int, where: str) -> None:
    from tifffile import PHOTOMETRIC

    if page.photometric != PHOTOMETRIC.MINISBLACK or page.samplesperpixel != 1:
        raise BadInput(
            f"{where} is {PHOTOMETRIC(page.photometric).name} with {page.samplesperpixel} values a pixel; a movie is "
            "of grey pages in which 0 is black: save one channel, without colours"
        )
    if page.dtype is None or page.dtype.kind not in "iu" or page.dtype.itemsize > 2:
        raise BadInput(f"{where} holds {page.dtype or 'no numbers'}; save integers of 8 or 16 bits, as were recorded")
    if page.shape != first.shape or page.dtype != first.dtype:
        raise BadInput(f"{where} is {page.shape} {page.dtype}, page 1 {first.shape} {first.dtype}; all must be alike")
    missing = not page.databytecounts or 0 in page.databytecounts or 0 in page.dataoffsets
    beyond = any(at + n > size for at, n in zip(page.dataoffsets, page.databytecounts, strict=True))
    plain = page.compression == 1 and page.bitspersample == 8 * page.dtype.itemsize
    if missing or beyond or (plain and sum(page.databytecounts) < page.nbytes):
        raise BadInput(f"{where} lacks part of its image: the file is truncated or was not written to its end")


def _ends_properly(file: Any) -> bool:
    """Whether the last page is marked as the last; a truncated file points beyond its end."""
    handle, tiff = file.filehandle, file.tiff
    handle.seek(file.pages.next_page_offset)
    return handle.read(tiff.offsetsize) == bytes(tiff.offsetsize)


def _refuse_interleaved(first: Any, name: str) -> None:
    saved = re.search(SAVED_CHANNELS, first.software)
    channels = len(re.findall(r"\d+", saved[1])) if saved else _stated(CHANNELS, first)
    planes = _stated(PLANES, first) if _stated(TIMES, first) > 1 else 1  # stacks in time may be labelled so
    if channels > 1 or planes > 1:
        raise BadInput(
            f"{name} holds {channels} channels of {planes} planes, one after another; save one channel of one plane"
        )


def _stated(patterns: tuple[str, ...], first: Any) -> int:
    """The number that the metadata state; 1 if they state none."""
    found = (re.search(pattern, first.description, re.MULTILINE) for pattern in patterns)
    return max((int(match[1]) for match in found if match), default=1)


def _by_number(name: str) -> list[tuple[bool, int, str]]:
    """Sort key that puts movie_2.tif before movie_10.tif."""
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", name)]


@contextmanager
def _opened(path: Path, name: str) -> Iterator[Any]:
    """An open tif file; errors inside the block become BadInput with its name."""
    from tifffile import TiffFile

    try:
        with TiffFile(path) as file:
            yield file
    except BadInput:
        raise
    except (ValueError, RuntimeError, OSError, LookupError, struct.error, TypeError, ArithmeticError) as error:
        raise BadInput(f"{name} can't be read as a tif file: {error}; is it one, and whole?") from error
