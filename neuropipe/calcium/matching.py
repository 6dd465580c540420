"""Which found ROI is which true cell, and how many of the cells were found.

Two footprints are as alike as their weights correlate over pixels, not centred (cosine similarity; Zhou et al. 2018,
doi:10.7554/eLife.28728, compare footprints so). Pairs are assigned one to one such that the sum of the similarities is
highest (Hungarian algorithm, as Giovannucci et al. 2019, doi:10.7554/eLife.38173, match ROIs); pairs less alike
than a threshold are no pairs. For flat discs of equal size the similarity is the share that they have in common.
"""

from dataclasses import dataclass

import numpy as np

from neuropipe.calcium.footprints import Footprints
from neuropipe.errors import BadInput

LEAST_ALIKE = 0.5


@dataclass(frozen=True)
class Matching:
    """cell : (roi,) index of the true cell that each found ROI is, -1 for none; alike : (roi,) similarity to it, for
    ROIs without a cell the highest to any; n_cells : how many true cells there are."""

    cell: np.ndarray
    alike: np.ndarray
    n_cells: int

    @property
    def n_found(self) -> int:
        return int((self.cell >= 0).sum())

    @property
    def found_fraction(self) -> float:
        """Of the true cells, how many were found (recall)."""
        return self.n_found / self.n_cells

    @property
    def precision(self) -> float:
        """Of the found ROIs, how many are a true cell of their own."""
        return self.n_found / len(self.cell) if len(self.cell) else 0.0


def match_cells(found: Footprints, true: Footprints, *, least_alike: float = LEAST_ALIKE) -> Matching:
    """Assign found ROIs to true cells, each at most once."""
    from scipy.optimize import linear_sum_assignment

    if found.shape != true.shape:
        raise BadInput(f"found ROIs lie in a field of view of {found.shape} pixels, true cells in one of {true.shape}")
    if len(true) == 0:
        raise BadInput("there is no true cell to match ROIs to")
    alike = similarity(found, true)
    likely = np.where(alike >= least_alike, alike, 0.0)
    rois, cells = linear_sum_assignment(likely, maximize=True)
    paired = likely[rois, cells] > 0
    cell = np.full(len(found), -1)
    cell[rois[paired]] = cells[paired]
    best = alike.max(axis=1, initial=0.0)
    best[rois[paired]] = alike[rois[paired], cells[paired]]
    return Matching(cell, best, len(true))


def similarity(found: Footprints, true: Footprints) -> np.ndarray:
    """(roi, cell) cosine between the weights of footprints, 0 where one is empty."""
    a, b = found.matrix().astype(np.float64), true.matrix().astype(np.float64)
    sizes = np.sqrt(np.outer(a.power(2).sum(axis=1), b.power(2).sum(axis=1)))
    shared = (a @ b.T).toarray()
    return np.divide(shared, sizes, out=np.zeros_like(shared), where=sizes > 0)


def reference_offset(true_shifts: np.ndarray, found_shifts: np.ndarray) -> tuple[np.ndarray, float]:
    """Where the reference of a registration lies, (2,) px in y and x, and the root mean square error of its shifts, px.

    true_shifts, found_shifts : (time, 2) px. Registration is free to take any frame as its reference, so only how
    frames lie to each other can be right or wrong. The error is over frames and both directions.
    """
    apart = np.asarray(true_shifts, np.float64) - found_shifts
    offset = np.median(apart, axis=0)
    return offset, float(np.sqrt(np.mean((apart - offset) ** 2)))
