"""Footprints: where ROIs lie in the field of view, as few numbers as they have pixels."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True)
class Footprints:
    """Pixels and weights of all ROIs, one after another.

    pixels : (n,) int32, flat y * width + x; weights : (n,) float32, how much of each pixel is the ROI's;
    offsets : (n_roi + 1,); ROI r owns pixels[offsets[r]:offsets[r + 1]]; shape : (height, width) of the field of view
    """

    pixels: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray
    shape: tuple[int, int]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def of(self, roi: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """y, x and weights of the pixels of one ROI."""
        own = slice(self.offsets[roi], self.offsets[roi + 1])
        y, x = np.divmod(self.pixels[own], self.shape[1])
        return y, x, self.weights[own]

    def only(self, rois: np.ndarray) -> "Footprints":
        """Some of the ROIs (indices), in that order."""
        sizes = np.diff(self.offsets)[rois]
        kept = np.concatenate([np.arange(self.offsets[roi], self.offsets[roi + 1]) for roi in rois])
        return Footprints(self.pixels[kept], self.weights[kept], np.cumsum([0, *sizes]), self.shape)

    def matrix(self) -> "csr_array":
        """(roi, pixel) sparse weights."""
        from scipy.sparse import csr_array

        return csr_array((self.weights, self.pixels, self.offsets), shape=(len(self), self.shape[0] * self.shape[1]))

    def centres(self) -> np.ndarray:
        """(roi, 2) weighted mean y, x."""
        return np.array(
            [np.average([y, x], axis=1, weights=weights) for y, x, weights in map(self.of, range(len(self)))]
        )

    def moved(self, dy: int, dx: int) -> "Footprints":
        """All ROIs moved by whole pixels; what leaves the field of view is lost."""
        y, x = np.divmod(self.pixels, self.shape[1])
        y, x = y + dy, x + dx
        inside = (y >= 0) & (y < self.shape[0]) & (x >= 0) & (x < self.shape[1])
        kept = np.concatenate([[0], np.cumsum(inside)])
        pixels = (y * self.shape[1] + x)[inside].astype(np.int32)
        return Footprints(pixels, self.weights[inside], kept[self.offsets], self.shape)
