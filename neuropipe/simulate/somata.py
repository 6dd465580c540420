"""Simulates cell bodies in a field of view: their places, their overlap and their footprints."""

import numpy as np

from neuropipe.calcium.footprints import Footprints
from neuropipe.errors import BadInput

EDGE = 1.5  # px over which a body fades
SMALLEST_WEIGHT = 0.05
PAIR_DISTANCE = (1.1, 1.5)  # between the centres of two that overlap, in radii: they share 14-34 % of their pixels
ATTEMPTS = 50_000


def place(
    n_cells: int, shape: tuple[int, int], radius: float, margin: float, overlapping: float, rng: np.random.Generator
) -> np.ndarray:
    """Centres of cells, (cell, 2) y and x in px, at least `margin` from the edges of a field of `shape`.

    The fraction `overlapping` of the cells (rounded to pairs) lies close enough to one other cell to share pixels with
    it; all others are more than two radii apart.
    """
    n_pairs = round(overlapping * n_cells / 2)
    highest = np.array(shape) - 1 - margin
    apart = 2 * radius + EDGE
    centres = np.empty((0, 2))
    attempts = 0
    while len(centres) < n_cells:
        attempts += 1
        if attempts > ATTEMPTS or np.any(highest <= margin):
            raise BadInput(
                f"{n_cells} cells of radius {radius:g} px don't fit into {shape[0]} x {shape[1]} px (height x width) "
                f"with {margin:g} px free at each edge; give a larger field, fewer cells or more that overlap"
            )
        group = rng.uniform(margin, highest, (1, 2))
        if len(centres) < 2 * n_pairs:
            angle, distance = rng.uniform(0, 2 * np.pi), radius * rng.uniform(*PAIR_DISTANCE)
            group = np.vstack([group, group + distance * np.array([np.sin(angle), np.cos(angle)])])
        inside = np.all((group >= margin) & (group <= highest))
        if inside and np.all(np.linalg.norm(centres[:, None] - group, axis=-1) > apart):
            centres = np.vstack([centres, group])
    return rng.permutation(centres)


def draw(
    centres: np.ndarray, shape: tuple[int, int], radius: float, rng: np.random.Generator
) -> tuple[Footprints, np.ndarray]:
    """Footprints of cells, and how much of each pixel their bodies take up, (y, x) float32 in [0, 1].

    A body is an ellipse of about `radius` px with a soft edge. The nucleus holds no indicator, so the centre is dimmer,
    by 0 (a disc) to 60 % (a ring). Weights are relative to a cell's brightest pixel.
    """
    y, x = np.mgrid[: shape[0], : shape[1]]
    images = np.empty((len(centres), *shape), np.float32)
    occupied = np.zeros(shape, np.float32)
    for image, (centre_y, centre_x) in zip(images, centres, strict=True):
        angle, longer = rng.uniform(0, np.pi), np.sqrt(rng.uniform(1, 1.25))
        along = (x - centre_x) * np.cos(angle) + (y - centre_y) * np.sin(angle)
        across = (y - centre_y) * np.cos(angle) - (x - centre_x) * np.sin(angle)
        distance = np.hypot(along / longer, across * longer)
        body = np.clip((radius * rng.uniform(0.93, 1.07) - distance) / EDGE + 0.5, 0, 1)
        image[:] = body * (1 - rng.uniform(0, 0.6) * np.exp(-((distance / (0.45 * radius)) ** 2)))
        image /= image.max()
        image[image < SMALLEST_WEIGHT] = 0
        occupied = np.maximum(occupied, body)
    return Footprints.from_images(images), occupied


def overlaps(footprints: Footprints) -> np.ndarray:
    """Fraction of each cell's pixels that belong to another cell as well, (cell,); pixels of half the top weight."""
    bright = footprints.images() >= 0.5
    shared = bright & (bright.sum(axis=0) > 1)
    return shared.sum(axis=(1, 2)) / bright.sum(axis=(1, 2))
