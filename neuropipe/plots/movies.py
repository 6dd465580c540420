"""Plots of movies: outlines of found ROIs and true cells, and the shifts of motion correction."""

from typing import TYPE_CHECKING

import numpy as np

from neuropipe.calcium.footprints import Footprints
from neuropipe.plots.style import PALETTE, WIDTH, blank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OUTLINE = 0.4  # of an ROI's highest weight
SMOOTHED, BORDER = 1.0, 3  # px
FOUND, TRUE, MISSED = PALETTE[1], PALETTE[4], PALETTE[3]
MOST_DRAWN = 3000  # frames


def rois(
    mean_image: np.ndarray,
    found: Footprints,
    true: Footprints | None = None,
    cell: np.ndarray | None = None,
    *,
    title: str = "",
) -> "Figure":
    """The mean registered frame, with outlines of the found ROIs and beside it, where they are known, of true cells.

    mean_image : (y, x); true : in the same frame; cell : (roi,) the true cell of each found ROI, -1 for none
    """
    known = true is not None and cell is not None
    figure = blank(WIDTH / 2 + 0.4 if known else WIDTH * 0.8, title)
    panels = figure.subplots(1, 2 if known else 1, squeeze=False)[0]
    low, high = np.percentile(mean_image, [1, 99.5])
    for axes in panels:
        axes.imshow(mean_image, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
        axes.set(xticks=[], yticks=[])
    if true is None or cell is None:
        _outline(panels[0], found, range(len(found)), FOUND)
        panels[0].set_title(f"{len(found)} found ROIs", fontsize=9)
        return figure
    matched = set(cell[cell >= 0].tolist())
    _outline(panels[0], found, np.flatnonzero(cell >= 0), FOUND)
    _outline(panels[0], found, np.flatnonzero(cell < 0), MISSED, linestyle="--")
    panels[0].set_title(f"{len(found)} found ROIs (dashed: {(cell < 0).sum()} that are no true cell)", fontsize=9)
    missed = [one for one in range(len(true)) if one not in matched]
    _outline(panels[1], true, sorted(matched), TRUE)
    _outline(panels[1], true, missed, MISSED, linestyle="--")
    panels[1].set_title(f"{len(true)} true cells (dashed: {len(missed)} that were not found)", fontsize=9)
    return figure


def _outline(axes: "Axes", footprints: Footprints, which, colour: str, linestyle: str = "-") -> None:
    """Outline ROIs, smoothed so that a single dim pixel makes no hole."""
    from scipy.ndimage import gaussian_filter

    for roi in which:
        y, x, weights = footprints.of(roi)
        if len(y) == 0:
            continue
        top, left = y.min() - BORDER, x.min() - BORDER
        patch = np.zeros((y.max() - top + BORDER + 1, x.max() - left + BORDER + 1))
        patch[y - top, x - left] = weights
        patch = gaussian_filter(patch, SMOOTHED)
        extent = np.arange(patch.shape[1]) + left, np.arange(patch.shape[0]) + top
        axes.contour(*extent, patch, [OUTLINE * patch.max()], colors=[colour], linewidths=1, linestyles=linestyle)


def shifts(frame_times: np.ndarray, found: np.ndarray, true: np.ndarray | None = None, *, title: str = "") -> "Figure":
    """Shift of each frame from the reference in y and x; with the true shifts also the error.

    frame_times : (time,) s; found, true : (time, 2) px
    """
    figure = blank(4.2 if true is None else 5.6, title)
    rows = figure.subplots(2 if true is None else 3, 1, sharex=True)
    every = slice(None, None, -(-len(frame_times) // MOST_DRAWN))
    for axes, axis, name in zip(rows[:2], range(2), "yx", strict=True):
        if true is not None:
            axes.plot(frame_times[every], true[every, axis], color="black", linewidth=2.2, alpha=0.35, label="true")
            rows[2].plot(frame_times[every], found[every, axis] - true[every, axis], color=PALETTE[axis], linewidth=0.6)
        axes.plot(frame_times[every], found[every, axis], color=PALETTE[axis], linewidth=0.8, label="found")
        axes.set(ylabel=f"shift in {name} (px)")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0, ncols=2)
    if true is not None:
        rows[2].set(ylabel="found − true (px)")
        rows[2].spines[["top", "right"]].set_visible(False)
    rows[-1].set(xlabel="time in the recording (s)")
    return figure
