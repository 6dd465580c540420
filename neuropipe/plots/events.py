"""Plots of fluorescence: dF/F with the detected events below it, and the noise of all traces."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neuropipe.plots.style import GREY, PALETTE, blank

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 60.0  # s of the recording that are drawn
MOST_DRAWN = 6  # ROIs


def drawn_rois(n_roi: int) -> np.ndarray:
    """Numbers of the ROIs that are drawn, evenly spaced."""
    return np.unique(np.linspace(0, n_roi - 1, min(n_roi, MOST_DRAWN)).round().astype(int))


def dff_and_events(
    frame_times: np.ndarray, dff: np.ndarray, events: np.ndarray, names: Sequence[str], *, title: str = ""
) -> "Figure":
    """A minute from the middle of the recording: each ROI's dF/F, and the events below it.

    frame_times : (time,) s; dff, events : (time, roi), a few ROIs
    """
    figure = blank(1.2 * len(names) + 0.9, title)
    rows = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    middle = (frame_times[0] + frame_times[-1]) / 2
    shown = np.abs(frame_times - middle) <= SHOWN / 2
    for axes, name, trace, found in zip(rows, names, dff.T, events.T, strict=True):
        axes.plot(frame_times[shown], trace[shown], color=GREY, linewidth=0.7)
        below = axes.twinx()
        below.vlines(frame_times[shown], 0, found[shown], color=PALETTE[5], linewidth=1)
        highest = np.nanmax(found[shown], initial=0) or 1
        below.set(ylim=(0, 3 * highest))
        low, high = axes.get_ylim()
        axes.set(ylim=(low - 0.5 * (high - low), high), ylabel=name)
        below.set_yticks([0, highest], ["0", f"{highest:.2g}"], color=PALETTE[5], fontsize=7)
    rows[0].set_title("dF/F (grey, left axis) and events (orange, right axis)", fontsize=9)
    rows[-1].set(xlabel="time (s)")
    return figure


def noise_levels(noise: np.ndarray, *, title: str = "") -> "Figure":
    """Histogram of noise levels. noise : (roi,) % / sqrt(Hz)"""
    figure = blank(2.6, title)
    axes = figure.add_subplot()
    axes.hist(noise, bins=min(30, max(5, len(noise) // 3)), color=PALETTE[0])
    axes.axvline(float(np.median(noise)), color="black", linewidth=1, linestyle="--", label="median")
    axes.set(xlabel="standardized noise of dF/F (% / √Hz)", ylabel="ROIs")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
