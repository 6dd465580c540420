"""From a movie to the fluorescence of its cells by suite2p: registration, detection, extraction with neuropil.

Pachitariu et al. 2017, doi:10.1101/061507. suite2p's steps are called one by one, as functions: none of the pickles
that its pipeline leaves on disk is written or read, and memory is bounded however long the movie is.
"""

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neuropipe.calcium.footprints import Footprints
from neuropipe.calcium.frame_file import FrameFile, bytes_needed, copy_movie
from neuropipe.calcium.suite2p_settings import Suite2pSettings
from neuropipe.errors import BadInput

LEAST_FRAMES = 50  # of which a reference image and the noise of a pixel can be told
REFERENCE_FRAMES = 200  # taken where memory allows; each is registered eight times
REGISTERED_AT_ONCE = 20  # frames; likewise, and quicker than more
# Bytes a pixel of a frame that is held, at the peak of each step (measured)
BYTES_OF_BIN, BYTES_OF_REFERENCE, BYTES_OF_REGISTERED, BYTES_OF_EXTRACTED = 24, 48, 48, 16
LEAST_BINS = 20


@dataclass(frozen=True)
class Extracted:
    """What suite2p makes of a movie.

    fluorescence, neuropil : (time, roi) float32, in units of the movie; footprints : of the ROIs, in the registered
    frame; shifts : (time, 2) float32, px in y and x by which each frame lay off the reference;
    mean_image : (y, x) of the registered frames
    """

    fluorescence: np.ndarray
    neuropil: np.ndarray
    footprints: Footprints
    shifts: np.ndarray
    mean_image: np.ndarray


def extract(
    movie,
    frame_rate: float,
    scratch: Path,
    settings: Suite2pSettings | None = None,
    report: Callable[[str], None] = lambda said: None,
) -> Extracted:
    """The ROIs of a movie and their fluorescence, which needs `bytes_needed(movie.shape)` of disk in `scratch`.

    movie : (time, y, x) integers, anything that slices like an array; frame_rate : Hz;
    scratch : folder for the registered copy of the movie, which is removed again; report : told of progress
    """
    settings = settings or Suite2pSettings()
    shape = tuple(movie.shape)
    if len(shape) != 3 or shape[0] < LEAST_FRAMES:
        raise BadInput(
            f"the movie is {shape}; suite2p takes (time, y, x) of {LEAST_FRAMES} frames or more: "
            "with fewer, cells can't be told from noise"
        )
    if min(shape[1:]) <= 2 * (settings.max_shift + settings.diameter):
        raise BadInput(
            f"frames of {shape[1]} x {shape[2]} px leave nothing to see where cells of {settings.diameter:g} px may "
            f"move by {settings.max_shift:g} px (`diameter`, `max_shift`): give smaller ones, or larger frames"
        )
    file = FrameFile(scratch / "frames.bin", shape)
    try:
        divisor = copy_movie(movie, file)
        report(f"{shape[0]} frames of {shape[1]} x {shape[2]} px copied ({bytes_needed(shape) / 1e6:.0f} MB)")
        with _captured(report):
            return _Run(file, frame_rate, settings, report).extracted(divisor)
    finally:
        file.path.unlink(missing_ok=True)


class _Run:
    """suite2p's steps over one movie in a file, each a call of its function."""

    def __init__(self, file: FrameFile, frame_rate: float, settings: Suite2pSettings, report: Callable[[str], None]):
        import torch

        from neuropipe.calcium.suite2p_library import load_suite2p

        self.suite2p, self.device = load_suite2p(), torch.device("cpu")
        self.file, self.frame_rate, self.settings, self.report = file, frame_rate, settings, report
        self.options = settings.options(self.suite2p.default_settings(), file.shape[1:])

    def extracted(self, divisor: int) -> Extracted:
        registered = self._register()
        shifts = np.stack([registered["yoff"], registered["xoff"]], axis=1).astype(np.float32)
        if self.settings.nonrigid:
            shifts += np.stack([registered["yoff1"].mean(axis=1), registered["xoff1"].mean(axis=1)], axis=1)
        rois = self._detect(registered)
        self.report(f"{len(rois)} ROIs found")
        options = self.options["extraction"]
        options["batch_size"] = self._frames_that_fit(BYTES_OF_EXTRACTED, options["batch_size"])
        raw, surround, _, _ = self.suite2p.extraction_wrapper(rois, self.file, settings=options, device=self.device)
        raw *= divisor
        surround *= divisor
        mean_image = registered["meanImg"] * np.float32(divisor)
        return Extracted(raw.T, surround.T, _footprints(rois, self.file.shape[1:]), shifts, mean_image)

    def _register(self) -> dict:
        """Shifts and mean image; the file then holds the registered frames."""
        from suite2p.registration.register import compute_reference

        n_frames = self.file.shape[0]
        options = self.options["registration"]
        at_once = self._frames_that_fit(BYTES_OF_REFERENCE, REFERENCE_FRAMES)
        some = self.file[np.linspace(0, n_frames, min(at_once, n_frames), endpoint=False).astype(int)]
        # One batch: suite2p 1.1 picks the frames of its reference by the correlations of the last batch alone.
        reference = compute_reference(some, settings={**options, "batch_size": len(some)}, device=self.device)
        options["batch_size"] = self._frames_that_fit(BYTES_OF_REGISTERED, REGISTERED_AT_ONCE)
        with self._telling_frames(n_frames):
            return self.suite2p.registration_wrapper(self.file, refImg=reference, settings=options, device=self.device)

    def _detect(self, registered: dict) -> np.ndarray:
        """suite2p's table of ROIs, those of low variance last."""
        yrange, xrange = registered["yrange"], registered["xrange"]
        if min(yrange[1] - yrange[0], xrange[1] - xrange[0]) < 2 * self.settings.diameter:
            raise BadInput(
                f"shifts of up to {max(yrange[0], xrange[0])} px leave {yrange[1] - yrange[0]} x "
                f"{xrange[1] - xrange[0]} px that are always in sight; lower `max_shift` if the movie moves less"
            )
        binned = self._binned(slice(*yrange), slice(*xrange), registered["badframes"])
        try:
            _, rois, _ = self.suite2p.detection_wrapper(
                self.file,
                mov=binned,
                yrange=yrange,
                xrange=xrange,
                diameter=np.full(2, self.settings.diameter),
                settings=self.options["detection"],
                device=self.device,
            )
        except ValueError as error:
            if "no ROIs were found" not in str(error):
                raise
            raise BadInput(self._nothing()) from error
        if len(rois) == 0:
            raise BadInput(self._nothing())
        return rois

    def _nothing(self) -> str:
        return (
            f"suite2p finds no active cell of {self.settings.diameter:g} px in the movie; set `diameter` and `tau` "
            f"(px, s) to those of the cells, or lower `threshold_scaling` from {self.settings.threshold_scaling:g}"
        )

    def _binned(self, y: slice, x: slice, bad: np.ndarray) -> np.ndarray:
        """(bin, y, x) float32 means over `tau` or, where memory is short, over more frames; bad frames left out."""
        n_frames, *frame = self.file.shape
        most = max(LEAST_BINS, int(1e9 * self.settings.memory / (BYTES_OF_BIN * np.prod(frame))))
        width = max(1, round(self.settings.tau * self.frame_rate), -(-n_frames // most))
        means = []
        for first in range(0, n_frames - width + 1, width):
            good = ~bad[first : first + width]
            if good.any():
                means.append(self.file[first : first + width][good, y, x].mean(axis=0, dtype=np.float32))
        self.report(f"{len(means)} means of {width} frames to find cells in")
        return np.stack(means)

    def _frames_that_fit(self, bytes_of_pixel: int, most: int) -> int:
        height, width = self.file.shape[1:]
        return int(np.clip(1e9 * self.settings.memory / 2 / (bytes_of_pixel * height * width), 1, most))

    @contextlib.contextmanager
    def _telling_frames(self, n_frames: int) -> Iterator[None]:
        """Say at every tenth of the frames that are written how far it is."""
        written = 0

        def tell(n: int) -> None:
            nonlocal written
            before, written = written, written + n
            if 10 * before // n_frames < 10 * written // n_frames:
                self.report(f"{written} of {n_frames} frames registered")

        self.file.told = tell
        try:
            yield
        finally:
            self.file.told = lambda n: None


def _footprints(rois: np.ndarray, shape: tuple[int, int]) -> Footprints:
    pixels = [np.asarray(np.ravel_multi_index((roi["ypix"], roi["xpix"]), shape)) for roi in rois]
    return Footprints(
        np.concatenate(pixels).astype(np.int32),
        np.concatenate([roi["lam"] for roi in rois]).astype(np.float32),
        np.cumsum([0, *map(len, pixels)]),
        shape,
    )


@contextlib.contextmanager
def _captured(report: Callable[[str], None]) -> Iterator[None]:
    """suite2p logs nothing to the screen, its warnings are reported; what torch says of new functions is dropped."""

    class Report(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            report(f"suite2p: {record.getMessage()}")

    log, handler = logging.getLogger("suite2p"), Report(logging.WARNING)
    propagates, log.propagate = log.propagate, False
    log.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="suite2p")
            yield
    finally:
        log.removeHandler(handler)
        log.propagate = propagates
