"""Plots of spike sorting: channels, motion of the probe, templates and their places, quality, spikes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from neuropipe.plots.style import GREY, PALETTE, blank
from neuropipe.recording import SpikeTrains

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOUND, TRUE, REJECTED = PALETTE[0], PALETTE[4], PALETTE[5]
SECONDS_SHOWN, SPIKES_SHOWN = 10.0, 20000
TEMPLATES_SHOWN, CHANNELS_SHOWN = 24, 6
HISTOGRAMS = {
    "snr": "signal to noise",
    "firing_rate": "firing rate (Hz)",
    "isi_violations_ratio": "ISI violations, ratio",
    "presence_ratio": "presence ratio",
    "amplitude_cutoff": "amplitude cutoff",
    "drift_ptp": "drift (um)",
}


def channels(table: pd.DataFrame, *, title: str = "") -> "Figure":
    """Noise of each channel where it lies on the probe; those that are left out are crossed, with the reason."""
    figure = blank(4.2, title, 6.0)
    axes = figure.subplots()
    bad = (table["bad"] != "").to_numpy()
    drawn = axes.scatter(table["x"], table["y"], c=table["noise"], cmap="viridis", s=60, edgecolors="none")
    figure.colorbar(drawn, ax=axes, label="noise (uV)")
    if bad.any():
        axes.scatter(table["x"][bad], table["y"][bad], marker="x", color=REJECTED, s=70)
        for _, row in table[bad].iterrows():
            axes.annotate(row["bad"], (row["x"], row["y"]), xytext=(8, 0), textcoords="offset points", fontsize=8)
    axes.set(xlabel="x (um)", ylabel="y, along the probe (um)")
    axes.margins(0.25, 0.05)
    axes.set_title(f"{len(table)} channels, {bad.sum()} left out", fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def motion(
    times: np.ndarray,
    depths: np.ndarray,
    moved: np.ndarray,
    true: tuple[np.ndarray, np.ndarray] | None = None,
    *,
    corrected: bool,
    title: str = "",
) -> "Figure":
    """Estimated motion along the probe over time, a line per depth, and the true one where it is known.

    times : (time,) s; depths : (depth,) um; moved : (time, depth) um; true : times (s) and motion (um)
    """
    figure = blank(3.2, title)
    axes = figure.subplots()
    if true is not None:
        axes.plot(true[0], true[1] - np.median(true[1]), color=TRUE, linewidth=3, alpha=0.7, label="true")
    rigid = np.ptp(moved, axis=1).max() == 0
    for at, depth in enumerate(depths[:1] if rigid else depths):
        label = "estimated" if rigid else f"estimated at {depth:.0f} um"
        axes.plot(times, moved[:, at], color=PALETTE[at % 4], linewidth=1.2, label=label)
    axes.set(xlabel="time (s)", ylabel="motion along the probe (um)")
    word = "corrected" if corrected else "too small to correct"
    axes.set_title(f"{np.ptp(moved):.1f} um, {word}", fontsize=10, loc="left")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def raster(spikes: SpikeTrains, *, title: str = "") -> "Figure":
    """Spikes of all units in the first seconds, a row per unit, and the firing rate of each over the recording."""
    figure = blank(4.0, title)
    left, right = figure.subplots(1, 2, width_ratios=[3, 1], sharey=True)
    first = spikes.times.min() if len(spikes.times) else 0.0
    unit = np.repeat(np.arange(spikes.n_units), np.diff(spikes.offsets))
    shown = np.flatnonzero(spikes.times < first + SECONDS_SHOWN)[:SPIKES_SHOWN]
    left.plot(spikes.times[shown], unit[shown], "|", color="black", markersize=max(1.5, 90 / (spikes.n_units + 5)))
    left.set(xlabel="time (s)", ylabel="unit", xlim=(first, first + SECONDS_SHOWN))
    left.locator_params(axis="y", integer=True)
    duration = max(float(np.ptp(spikes.times)), 1e-9) if len(spikes.times) else 1.0
    right.barh(np.arange(spikes.n_units), np.diff(spikes.offsets) / duration, color=FOUND)
    right.set(xlabel="firing rate (Hz)")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def templates(values: np.ndarray, layout: Mapping[str, Any], units: pd.DataFrame, *, title: str = "") -> "Figure":
    """Mean action potential of up to 24 units on their largest channels. values : (unit, sample, channel) uV"""
    shown = range(min(len(values), TEMPLATES_SHOWN))
    columns = min(8, max(1, len(shown)))
    rows = -(-len(shown) // columns)
    figure = blank(1.5 * rows + 0.6, title)
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True)
    ms = (np.arange(values.shape[1]) - layout["before"]) / layout["sampling_rate"] * 1000
    for axes in panels.ravel():
        axes.axis("off")
    for unit in shown:
        axes = panels.ravel()[unit]
        largest = np.argsort(-np.abs(values[unit]).max(axis=0), kind="stable")[:CHANNELS_SHOWN]
        axes.plot(ms, values[unit][:, largest[1:]], color=GREY, linewidth=0.6, alpha=0.7)
        axes.plot(ms, values[unit][:, largest[0]], color=FOUND, linewidth=1.4)
        size = units["amplitude"].iloc[unit]
        axes.set_title(f"{unit}: {size:.0f} uV", fontsize=8, loc="left")
    figure.supxlabel(f"{ms[0]:.1f} to {ms[-1]:.1f} ms around the trough; each panel to its own scale", fontsize=8)
    return figure


def places(
    units: pd.DataFrame, contacts: pd.DataFrame, truth: Mapping[str, Any] | None = None, *, title: str = ""
) -> "Figure":
    """Where units lie beside the probe; true units, where they are known, as rings."""
    figure = blank(5.0, title, 6.0)
    axes = figure.subplots()
    axes.plot(contacts["x"], contacts["y"], "s", color="#cccccc", markersize=6, label="contacts")
    if truth is not None and "unit_locations" in truth:
        true = truth["unit_locations"][:]
        axes.plot(true[:, 0], true[:, 1], "o", markerfacecolor="none", color=TRUE, markersize=11, label="true units")
    axes.scatter(units["x"], units["y"], s=8 + units["amplitude"] / 6, color=FOUND, label="sorted units")
    for unit, row in units.iterrows():
        axes.annotate(str(unit), (row["x"], row["y"]), xytext=(4, 4), textcoords="offset points", fontsize=7)
    axes.set(xlabel="x (um)", ylabel="y, along the probe (um)")
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def metrics(table: pd.DataFrame, *, title: str = "") -> "Figure":
    """Histograms of the quality metrics over units."""
    figure = blank(4.2, title)
    for axes, (name, label) in zip(figure.subplots(2, 3).ravel(), HISTOGRAMS.items(), strict=True):
        values = table[name].to_numpy(np.float64)
        known = values[np.isfinite(values)]
        _histogram(axes, known)
        axes.set(xlabel=label, ylabel="units")
        if len(known) < len(values):
            axes.set_title(f"{len(values) - len(known)} unknown", fontsize=8, loc="right", color=GREY)
    return figure


def kept(units: pd.DataFrame, rejected: pd.DataFrame, *, title: str = "") -> "Figure":
    """Signal to noise and violations of the units that are kept, and how many were rejected for what."""
    figure = blank(3.2, title)
    left, right = figure.subplots(1, 2)
    left.plot(units["snr"], units["isi_violations_ratio"], "o", color=FOUND, markersize=5)
    left.set(xlabel="signal to noise", ylabel="ISI violations, ratio")
    left.set_title(f"{len(units)} units kept", fontsize=10, loc="left")
    if len(rejected):
        reasons = rejected["why"].astype(str).str.split(" ").str[0].value_counts()
        right.barh(list(reasons.index), reasons.to_numpy(), color=REJECTED)
        right.set(xlabel="units")
        right.locator_params(axis="x", integer=True)
        right.set_title(f"{len(rejected)} units rejected for", fontsize=10, loc="left")
    else:
        right.axis("off")
        right.set_title("no unit rejected", fontsize=10, loc="left")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _histogram(axes: "Axes", values: np.ndarray) -> None:
    if len(values):
        axes.hist(values, bins=min(20, max(5, len(values) // 2)), color=FOUND)
    axes.spines[["top", "right"]].set_visible(False)
