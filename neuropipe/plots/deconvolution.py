"""Plots of deconvolution: a trace with its true spikes and estimated events, and the scores of all cells."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.plots.style import PALETTE, blank

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 40.0  # s of the recording that are drawn
SCORES = {"correlation": "correlation", "error_rate": "error rate (1 − F1)", "lag": "lag (s)"}


def trace_truth_and_events(
    dff: np.ndarray,
    frame_times: np.ndarray,
    events: Mapping[str, np.ndarray],
    spike_times: np.ndarray | None = None,
    *,
    unit: str = "expected spikes / s",
    title: str = "",
) -> "Figure":
    """The most active stretch of a trace, true spikes below it where they are known, and the events of each method.

    dff, each of events : (time,); frame_times : (time,) s; spike_times : (n,) s; unit : of the events as rates
    """
    if any(len(values) != len(frame_times) for values in (dff, *events.values())):
        raise BadInput("trace and events must have one value per frame each")
    shown = most_active(dff, frame_times)
    seconds = frame_times[shown]
    heights = [3, *([0.6] if spike_times is not None else []), *[1.6] * len(events)]
    figure = blank(1.0 + 0.9 * sum(heights), title)
    rows = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    rows[0].plot(seconds, dff[shown], linewidth=0.8, color="black")
    rows[0].set(ylabel="ΔF/F")
    if spike_times is not None:
        inside = spike_times[(spike_times >= seconds[0]) & (spike_times <= seconds[-1])]
        rows[1].vlines(inside, 0, 1, color="black", linewidth=0.8)
        rows[1].set(ylabel="spikes", yticks=[])
    width = np.median(np.diff(frame_times))
    for axes, (name, values), colour in zip(rows[len(heights) - len(events) :], events.items(), PALETTE, strict=False):
        axes.plot(seconds, values[shown] / width, linewidth=0.8, color=colour)
        axes.set_title(name, loc="left", fontsize=9)
        axes.set(ylabel=unit)
    rows[-1].set(xlabel="time in the recording (s)", xlim=(seconds[0], seconds[-1]))
    return figure


def scores(table: pd.DataFrame, *, smoothing: float = 0.08, title: str = "") -> "Figure":
    """Correlation, error rate and lag of every cell with intervals, cells in order of their correlation.

    table : rows of `neuropipe.calcium.scores.score`, of which those of `smoothing` (s) are drawn
    """
    cells = table[np.isclose(table["smoothing"], smoothing)].sort_values("correlation")
    if cells.empty:
        raise BadInput(f"no score has a smoothing of {smoothing} s; there are {sorted(set(table['smoothing']))}")
    figure = blank(1.2 + 0.16 * max(8, len(cells)), title)
    at = np.arange(len(cells))
    for axes, (metric, label), colour in zip(
        figure.subplots(1, len(SCORES), sharey=True), SCORES.items(), PALETTE, strict=False
    ):
        axes.hlines(at, cells[f"{metric}_low"], cells[f"{metric}_high"], color=colour, linewidth=1.5)
        axes.plot(cells[metric], at, "o", markersize=4, color=colour)
        axes.axvline(cells[metric].mean(), color="black", linewidth=0.8, linestyle=":")
        axes.set(xlabel=label)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_yticks(at, [f"ROI {roi}" for roi in cells["roi"]], fontsize=7)
    figure.axes[0].set(title=f"smoothed by {1000 * smoothing:g} ms; dotted: mean")
    return figure


def most_active(dff: np.ndarray, frame_times: np.ndarray) -> slice:
    """The stretch of 40 s (one starts every 5 s) in which the trace varies most."""
    n = min(len(dff), max(2, round(SHOWN / np.median(np.diff(frame_times)))))
    starts = range(0, len(dff) - n + 1, max(1, n // 8))
    best = max(starts, key=lambda start: np.nan_to_num(np.nanstd(dff[start : start + n])))
    return slice(best, best + n)
