"""Footprints: where ROIs, or cells, lie in the field of view, as few numbers as they have pixels."""

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

    @classmethod
    def from_images(cls, images: np.ndarray) -> "Footprints":
        """Of (roi, y, x) weights, 0 outside of an ROI."""
        flat = images.reshape(len(images), -1)
        roi, pixel = np.nonzero(flat)
        offsets = np.searchsorted(roi, np.arange(len(images) + 1)).astype(np.int64)
        return cls(pixel.astype(np.int32), flat[roi, pixel].astype(np.float32), offsets, images.shape[1:])

    def images(self) -> np.ndarray:
        """(roi, y, x) float32 weights."""
        return self.matrix().toarray().reshape(-1, *self.shape)

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
        kept = np.concatenate([np.arange(int(self.offsets[roi]), int(self.offsets[roi + 1])) for roi in rois])
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

    def padded(self, margin: int) -> "Footprints":
        """The same within a field that is larger by `margin` px on every side."""
        y, x = np.divmod(self.pixels, self.shape[1])
        shape = (self.shape[0] + 2 * margin, self.shape[1] + 2 * margin)
        return Footprints((y + margin) * shape[1] + x + margin, self.weights, self.offsets, shape)

    def moved(self, dy: int, dx: int) -> "Footprints":
        """All ROIs moved by whole pixels; what leaves the field of view is lost."""
        y, x = np.divmod(self.pixels, self.shape[1])
        y, x = y + dy, x + dx
        inside = (y >= 0) & (y < self.shape[0]) & (x >= 0) & (x < self.shape[1])
        kept = np.concatenate([[0], np.cumsum(inside)])
        pixels = (y * self.shape[1] + x)[inside].astype(np.int32)
        return Footprints(pixels, self.weights[inside], kept[self.offsets], self.shape)
