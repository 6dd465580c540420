"""Renders the frames of a two-photon microscope from cells and neuropil, when they are read."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from neuropipe.calcium.footprints import Footprints
from neuropipe.simulate.motion import displaced
from neuropipe.simulate.neuropil import Neuropil

GAIN = 8  # digital units per photon


@dataclass(frozen=True)
class Scene:
    """Light of a field, relative to the resting light of a typical cell's brightest pixel.

    footprints : of the cells, within a field with margins; brightness : (time, cell) float32, light of a cell's
        brightest pixel; neuropil : within the same field; neuropil_gain : (y, x) float32, how much of it is seen
    """

    footprints: Footprints
    brightness: np.ndarray
    neuropil: Neuropil
    neuropil_gain: np.ndarray

    @cached_property
    def _weights(self):
        return self.footprints.matrix().T.tocsr()

    def at(self, frame: int) -> np.ndarray:
        """Light at a frame, (y, x) float32."""
        return self._cells(self.brightness[frame]) + self.neuropil_gain * self.neuropil.at(frame)

    def at_rest(self, brightness: np.ndarray) -> np.ndarray:
        """Light with cells of `brightness`, (cell,), and neuropil at its mean, (y, x)."""
        return self._cells(brightness) + self.neuropil_gain * self.neuropil.resting

    def _cells(self, brightness: np.ndarray) -> np.ndarray:
        return (self._weights @ brightness).reshape(self.footprints.shape)


@dataclass(frozen=True)
class RenderedFrames:
    """Frames of a scene, (time, y, x) uint16; each is rendered when it is read, always to the same bytes.

    shifts : (time, 2) y and x, px; photons : (time,) that a pixel of light 1 gives in a frame; shape : (time, y, x);
    seed : words of the noise's seed

    A detector's pixel is GAIN * ((sqrt(n) + z / 2)^2 - 1/4), for n photons expected and z standard normal: mean n and
    variance n + 1/8, close to a Poisson number (Anscombe 1948, Biometrika 35:246) and several times as fast to draw.
    """

    scene: Scene
    shifts: np.ndarray
    photons: np.ndarray
    shape: tuple[int, int, int]
    seed: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.uint16)

    def __getitem__(self, frames: slice) -> np.ndarray:
        wanted = range(*frames.indices(self.shape[0]))
        block = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        for image, frame in zip(block, wanted, strict=True):
            image[:] = self._detected(frame)
        return block

    def expected(self, frame: int) -> np.ndarray:
        """Expected photons at a frame, without noise, (y, x) float32."""
        seen = displaced(self.scene.at(frame), self.shifts[frame], self.shape[1:])
        return np.float32(self.photons[frame]) * seen

    def _detected(self, frame: int) -> np.ndarray:
        # Every frame has its own generator, so that its noise does not depend on which frames are read together.
        rng = np.random.default_rng((*self.seed, frame))
        root = np.sqrt(self.expected(frame))
        root += rng.standard_normal(self.shape[1:], dtype=np.float32) / 2
        return np.clip(GAIN * (root**2 - 0.25) + 0.5, 0, np.iinfo(self.dtype).max)


def peak_snr_of_one_photon(
    footprints: Footprints, resting: np.ndarray, brightness: np.ndarray, dff_per_spike: np.ndarray
) -> np.ndarray:
    """Peak SNR of one spike, (cell,), if light 1 gives one photon per pixel and frame; it grows as the root of photons.

    SNR of a cell's mean trace over pixels of at least half its top weight: the peak that one spike adds, divided by
    the SD of the photon noise of all light at rest, neuropil included.

    resting : (y, x) light at rest; brightness : (cell,) of the cells at rest; dff_per_spike : (cell,) peak dF/F
    """
    images = footprints.images()
    bright = images >= 0.5
    added = brightness * dff_per_spike * (images * bright).sum(axis=(1, 2))
    return added / np.sqrt((resting * bright).sum(axis=(1, 2)))
