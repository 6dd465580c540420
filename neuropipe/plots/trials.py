"""Plots of binned trials: activity of every unit, and rates by class."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.plots.style import GREY, MARKERS, PALETTE, blank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def raster_and_psth(
    counts: np.ndarray,
    labels: Sequence | np.ndarray,
    classes: Sequence,
    bin_width: float,
    window_start: float,
    *,
    event: str = "event",
    label: str = "class",
    unit: str = "Hz",
    summed: bool = True,
    title: str = "",
) -> "Figure":
    """Activity of every unit during the trial, the population's rate by class, and the most selective unit.

    counts : (trial, bin, unit); labels : (trial,); bin_width, window_start : s, relative to `event` at 0; unit : of
    the rates; summed : whether counts are sums over a bin, which become rates, else means of a signal

    The map shows each unit's mean response as z-score over time, units in order of their peak. The order comes from
    even trials, the colours from odd ones, so that a diagonal is a reproducible sequence: sorted and shown on the
    same trials, noise makes one too.
    """
    counts, labels = np.asarray(counts), np.asarray(labels)
    if counts.ndim != 3 or len(counts) != len(labels):
        raise BadInput(
            f"a raster needs counts (trial, bin, unit) and one label per trial: {counts.shape}, {labels.shape}"
        )
    if len(counts) < 2:
        raise BadInput(f"a raster sorts units on one half of the trials and shows the other: found {len(counts)}")
    edges = window_start + bin_width * np.arange(counts.shape[1] + 1)

    seconds, name = (bin_width, "rate") if summed else (1.0, "signal")
    figure = blank(5.2, title)
    grid = figure.add_gridspec(2, 2, width_ratios=[1.15, 1])
    _unit_map(figure, figure.add_subplot(grid[:, 0]), counts, edges, event, name)
    shown = _commonest(labels, classes)
    top = figure.add_subplot(grid[0, 1])
    _psth(top, counts.mean(axis=2) / seconds, labels, shown, edges, f"{name} ({unit})")
    top.set_title(f"mean of all {counts.shape[2]} units, ± s.e.m. over trials", fontsize=10, loc="left")
    heading = label if len(shown) == len(classes) else f"{label}: {len(shown)} commonest of {len(classes)}"
    top.legend(title=heading, frameon=False, fontsize=8, title_fontsize=8, loc="upper left", ncols=1 + len(shown) // 5)
    if len(shown) > 4:  # room for the legend above the lines
        low, high = top.get_ylim()
        top.set_ylim(low, high + 0.7 * (high - low))
    top.tick_params(labelbottom=False)
    best = most_selective_unit(counts, labels)
    bottom = figure.add_subplot(grid[1, 1], sharex=top)
    _psth(bottom, counts[:, :, best] / seconds, labels, shown, edges, f"{name} ({unit})")
    bottom.set_title(f"unit {best}, which differs most by {label}", fontsize=10, loc="left")
    bottom.set_xlabel(f"time from {event} (s)")
    return figure


def most_selective_unit(counts: np.ndarray, labels: np.ndarray) -> int:
    """The unit whose count per trial differs most between classes: largest F of a one-way analysis of variance."""
    totals = counts.sum(axis=1, dtype=np.float64)
    groups = [totals[labels == value] for value in np.unique(labels)]
    between = sum(len(group) * (group.mean(axis=0) - totals.mean(axis=0)) ** 2 for group in groups)
    within = sum(((group - group.mean(axis=0)) ** 2).sum(axis=0) for group in groups)
    ratio = np.divide(between, within, out=np.zeros_like(between), where=within > 0)
    return int(np.argmax(ratio))


def _unit_map(figure: "Figure", axes: "Axes", counts: np.ndarray, edges: np.ndarray, event: str, what: str) -> None:
    even, odd = counts[0::2].mean(axis=0), counts[1::2].mean(axis=0)
    varies = (np.ptp(even, axis=0) > 0) & (np.ptp(odd, axis=0) > 0)
    axes.set_xlabel(f"time from {event} (s)")
    axes.locator_params(axis="x", nbins=6)
    if not varies.any():
        axes.text(
            0.5, 0.5, f"no unit's {what} changes\nfrom bin to bin", ha="center", transform=axes.transAxes, color=GREY
        )
        axes.set(xlim=(edges[0], edges[-1]), yticks=[])
        return
    order = np.flatnonzero(varies)[np.argsort(np.argmax(_smooth(even[:, varies]), axis=0), kind="stable")]
    shown = _smooth(odd[:, order])
    spread = shown.std(axis=0)
    scores = (shown - shown.mean(axis=0)) / np.where(spread > 0, spread, 1)
    image = axes.imshow(
        scores.T, aspect="auto", cmap="RdBu_r", vmin=-2, vmax=2, extent=(edges[0], edges[-1], len(order), 0)
    )
    axes.axvline(0, color="black", linewidth=0.8, linestyle="--")
    axes.set(xlim=(edges[0], edges[-1]), ylabel="unit, by time of peak in the other half of trials")
    silent = counts.shape[2] - len(order)
    note = f" ({silent} near silent left out)" if silent else ""
    axes.set_title(f"{len(order)} units{note}", fontsize=10, loc="left")
    figure.colorbar(image, ax=axes, label=f"{what}, z-score over time", extend="both", pad=0.01, aspect=40)


def _smooth(activity: np.ndarray) -> np.ndarray:
    """Activity (bin, unit) averaged over time with weights 1 2 3 2 1, edges extended: one spike is no peak."""
    padded = np.pad(activity, ((2, 2), (0, 0)), mode="edge")
    lagged = (weight / 9 * padded[lag : lag + len(activity)] for lag, weight in enumerate((1, 2, 3, 2, 1)))
    return sum(lagged, np.zeros(activity.shape))


def _commonest(labels: np.ndarray, classes: Sequence) -> list:
    """The classes with most trials, in the order given: no more than there are colours."""
    trials = [-np.count_nonzero(labels == value) for value in classes]
    return [classes[index] for index in sorted(np.argsort(trials, kind="stable")[: len(PALETTE)])]


def _psth(axes: "Axes", rates: np.ndarray, labels: np.ndarray, classes: Sequence, edges: np.ndarray, what: str) -> None:
    """Mean and standard error over trials, one line per class; rates : (trial, bin), which are `what`."""
    centres = (edges[:-1] + edges[1:]) / 2
    for index, value in enumerate(classes):
        trials = rates[labels == value]
        if not len(trials):
            continue
        mean = trials.mean(axis=0)
        error = trials.std(axis=0, ddof=1) / np.sqrt(len(trials)) if len(trials) > 1 else np.zeros_like(mean)
        colour = PALETTE[index]
        axes.fill_between(centres, mean - error, mean + error, color=colour, alpha=0.25, linewidth=0)
        axes.plot(
            centres, mean, color=colour, linewidth=1.6, label=f"{value} (n = {len(trials)})",
            marker=MARKERS[index], markersize=3.5, markevery=max(1, len(mean) // 8),
        )  # fmt: skip
    axes.axvline(0, color="black", linewidth=0.8, linestyle="--")
    axes.set(xlim=(edges[0], edges[-1]), ylabel=what)
    axes.locator_params(axis="x", nbins=6)
    axes.spines[["top", "right"]].set_visible(False)
