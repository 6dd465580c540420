"""Plots of continuous sessions: activity beside behaviour, and decoded beside true behaviour."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neuropipe.plots.style import PALETTE, blank

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 60.0  # s of the session that are drawn
NEGATIVE = 0.05  # of the largest shade: smaller negative values are rounding


def activity_and_behaviour(
    counts: np.ndarray, targets: np.ndarray, names: Sequence[str], bin_width: float, *, title: str = ""
) -> "Figure":
    """A minute from the middle of the session: activity of every unit, and below it the behaviour to decode.

    counts : (time, unit), drawn as square roots, those of signals with their sign; targets : (time, k); bin_width : s
    """
    shown = _middle(len(counts), bin_width)
    figure = blank(1.6 * len(names) + 3.0, title)
    rows = figure.subplots(1 + len(names), 1, sharex=True, height_ratios=[2.5, *[1] * len(names)], squeeze=False)[:, 0]
    seconds = np.arange(len(counts))[shown] * bin_width
    shades = counts[shown].T.astype(np.float64)
    image = np.sign(shades) * np.sqrt(np.abs(shades))
    most = max(1.0 if counts.dtype.kind == "u" else 1e-9, float(np.percentile(np.abs(image), 99.5)))
    signed = image.min() < -NEGATIVE * most
    rows[0].imshow(
        image,
        aspect="auto",
        cmap="RdBu_r" if signed else "Greys",
        interpolation="nearest",
        extent=(seconds[0], seconds[-1] + bin_width, image.shape[0], 0),
        vmin=-most if signed else 0.0,
        vmax=most,
    )
    rows[0].set(ylabel="unit")
    for axes, name, values in zip(rows[1:], names, targets[shown].T, strict=True):
        axes.plot(seconds, values, ".", markersize=2, color=PALETTE[0])
        axes.set(ylabel=name)
    rows[-1].set(xlabel=f"time in the binned session (s), bins of {bin_width:g} s")
    return figure


def decoded_and_true(
    truth: np.ndarray, decoded: np.ndarray, names: Sequence[str], bin_width: float, *, title: str = ""
) -> "Figure":
    """A minute from the middle of the test samples, and all of them as decoded against true.

    truth, decoded : (sample, k), samples in time order
    """
    shown = _middle(len(truth), bin_width)
    figure = blank(2.2 * len(names) + 0.8, title)
    grid = figure.subplots(len(names), 2, width_ratios=[3, 1], squeeze=False)
    for (line, cloud), name, true, estimate in zip(grid, names, truth.T, decoded.T, strict=True):
        seconds = np.arange(len(truth))[shown] * bin_width
        line.plot(seconds, true[shown], ".-", markersize=2, linewidth=0.8, color="black", label="true")
        line.plot(seconds, estimate[shown], ".", markersize=3, color=PALETTE[5], label="decoded")
        line.set(ylabel=name)
        cloud.hexbin(true, estimate, gridsize=40, mincnt=1, bins="log", cmap="Greys", linewidths=0.1)
        cloud.axline((float(true.mean()), float(true.mean())), slope=1, color=PALETTE[5], linewidth=0.8)
        cloud.set(xlabel="true", ylabel="decoded")
    grid[0, 0].legend(frameon=False, fontsize=8, ncols=2, loc="upper right")
    grid[-1, 0].set(xlabel="time among the test samples (s)")
    return figure


def _middle(n: int, bin_width: float) -> slice:
    width = min(n, max(2, round(SHOWN / bin_width)))
    first = (n - width) // 2
    return slice(first, first + width)
