"""Plot of a sweep: four curves of accuracy with 95 % intervals, chance dashed."""

from typing import TYPE_CHECKING

import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.plots.style import GREY, PALETTE, blank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AXES = {
    "n_bins": "bins in the trial",
    "window": "time from {event} (s)",
    "n_units": "units",
    "n_trials": "training trials",
}
HEADINGS = {
    "n_bins": "temporal resolution",
    "window": "time course",
    "n_units": "population size",
    "n_trials": "training data",
}


def decodability(summary: pd.DataFrame, rows: pd.DataFrame, *, event: str = "event", title: str = "") -> "Figure":
    """One panel per sweep: accuracy with its 95 % interval; small dots are single random subsets of units or trials.

    summary : (sweep, value, start, stop, accuracy, ci_low, ci_high, chance), rows : one per fit, both made by
    `sweep_scores`. The bar in the time course is the length of the window; points are at its centre.
    """
    sweeps = [name for name in AXES if name in set(summary["sweep"])]
    if not sweeps:
        raise BadInput(f"nothing to draw: the summary holds none of the sweeps {', '.join(AXES)}")
    n_columns = 1 if len(sweeps) == 1 else 2
    n_rows = -(-len(sweeps) // n_columns)
    figure = blank(0.5 + 2.9 * n_rows, title)
    panels = figure.subplots(n_rows, n_columns, sharey=True, squeeze=False).ravel()
    for letter, name, axes in zip("abcd", sweeps, panels, strict=False):
        curve = summary[summary["sweep"] == name].sort_values("value")
        _curve(axes, curve)
        _subsets(axes, rows[rows["sweep"] == name])
        _SCALES[name](axes, curve)
        axes.set_xlabel(AXES[name].format(event=event))
        axes.set_title(f"$\\bf{{{letter}}}$  {HEADINGS[name]}", loc="left", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[len(sweeps) :]:
        axes.set_visible(False)
    panels[0].set_ylim(max(0.0, panels[0].get_ylim()[0]), 1.0)  # the upper end always means perfect
    for axes in panels[::n_columns]:
        axes.set_ylabel("accuracy (fraction of test trials)")
    handles = {text: handle for axes in panels for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure


def _curve(axes: "Axes", curve: pd.DataFrame) -> None:
    axes.axhline(curve["chance"].iloc[0], color=GREY, linestyle="--", linewidth=1.2, label="always the commonest class")
    axes.fill_between(
        curve["value"],
        curve["ci_low"],
        curve["ci_high"],
        color=PALETTE[0],
        alpha=0.2,
        linewidth=0,
        label="95 % interval",
    )
    axes.plot(
        curve["value"], curve["accuracy"], color=PALETTE[0], linewidth=1.6, marker="o", markersize=4, label="accuracy"
    )


def _subsets(axes: "Axes", rows: pd.DataFrame) -> None:
    """The accuracy over all folds of each random subset, where there are several of a size."""
    rows = rows.assign(correct=rows["accuracy"] * rows["n_test"])
    each = rows.groupby(["value", "repeat"], as_index=False)[["correct", "n_test"]].sum()
    each = each[each.duplicated("value", keep=False)]
    if len(each):
        axes.plot(
            each["value"], each["correct"] / each["n_test"], linestyle="none", marker="o", markersize=3.2,
            markerfacecolor="white", markeredgecolor=GREY, markeredgewidth=0.8, label="one random subset", zorder=3,
        )  # fmt: skip


def _logarithmic(axes: "Axes", curve: pd.DataFrame) -> None:
    axes.set_xscale("log")
    axes.set_xticks(curve["value"], [f"{value:g}" for value in curve["value"]])
    axes.minorticks_off()


def _seconds(axes: "Axes", curve: pd.DataFrame) -> None:
    """Draw the alignment as a line where it is inside the axis, and the window's length as a bar."""
    first, last = curve["start"].min(), curve["stop"].max()
    margin = 0.02 * (last - first)
    axes.set_xlim(first - margin, last + margin)
    axes.locator_params(axis="x", nbins=6)
    if first <= 0 <= last:
        axes.axvline(0, color="black", linewidth=0.8, linestyle=":")
    length = curve["stop"].iloc[0] - curve["start"].iloc[0]
    height = axes.get_xaxis_transform()
    axes.plot(
        [first, first + length], [0.94, 0.94], transform=height, color="black", linewidth=2, solid_capstyle="butt"
    )
    axes.text(first + length + margin, 0.94, f"window, {1000 * length:g} ms", transform=height, va="center", fontsize=8)


_SCALES = {"n_bins": _logarithmic, "window": _seconds, "n_units": _logarithmic, "n_trials": _logarithmic}
