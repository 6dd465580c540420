"""Plot of the reliability of connectivity, with the null beside each measure that has one."""

from typing import TYPE_CHECKING

import pandas as pd

from neuropipe.plots.scores import draw_intervals
from neuropipe.plots.style import GREY, MARKERS, PALETTE, blank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# panel -> label of the axis, chance, and its rows: measure -> (label, the same without interactions)
PANELS = {
    "correlation": (
        "correlation of the weights",
        0.0,
        {
            "split_half": ("halves, |weight|", "null_split_half"),
            "split_half_over_null": ("halves, |weight|, more than the null", None),
            "split_half_full": ("halves, |weight|, for all", None),
            "split_half_signed": ("halves, signed weight", "null_split_half_signed"),
            "bin_width_half": ("half the bin width", None),
            "bin_width_double": ("double the bin width", None),
        },
    ),
    "share": ("share of pairs", 0.05, {"above_null": ("above the null's 95 % quantile", None)}),
    "bits": (
        "bits per spike",
        0.0,
        {
            "co_prediction": ("units predicted by their sources", "co_prediction_random"),
            "co_prediction_gain": ("more than by random units", None),
        },
    ),
}


def reliability(table: pd.DataFrame, *, title: str = "") -> "Figure":
    """Each measure with its 95 % interval (filled), the same without interactions or with random sources (open).

    table : measure, value, ci_low, ci_high, of connectivity.reliability; dotted: chance
    """
    rows = table.set_index("measure")
    rows = rows[rows["value"].notna()]
    panels = {
        name: (label, chance, {measure: row for measure, row in entries.items() if measure in rows.index})
        for name, (label, chance, entries) in PANELS.items()
    }
    panels = {name: panel for name, panel in panels.items() if panel[2]}
    heights = [len(entries) + 1 for _, _, entries in panels.values()]
    figure = blank(0.9 + 0.42 * sum(heights), title)
    if not panels:
        return figure
    drawn = figure.subplots(len(panels), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axes, (label, chance, entries) in zip(drawn, panels.values(), strict=True):
        _panel(axes, rows, entries)
        axes.axvline(chance, color=GREY, linestyle=":", linewidth=1.2)
        axes.set_xlabel(label, fontsize=9)
    handles = {text: handle for axes in drawn for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside upper right", ncols=3, frameon=False, fontsize=8)
    return figure


def _panel(axes: "Axes", rows: pd.DataFrame, entries: dict[str, tuple[str, str | None]]) -> None:
    at = {measure: len(entries) - 1 - row for row, measure in enumerate(entries)}
    for measure, (_, null) in entries.items():
        draw_intervals(
            axes, rows.loc[[measure]], [at[measure]], PALETTE[0], MARKERS[0], "this recording, 95 % interval"
        )
        if null is not None and null in rows.index:
            value = rows.loc[null, "value"]
            axes.plot(
                value, at[measure], linestyle="none", marker=MARKERS[1], markersize=8, markerfacecolor="white",
                markeredgecolor=PALETTE[5], markeredgewidth=1.6, zorder=4,
                label="random sources" if null.endswith("random") else "without fast interactions",
            )  # fmt: skip
    axes.set_yticks(list(at.values()), [label for label, _ in entries.values()], fontsize=9)
    axes.set_ylim(-0.6, len(entries) - 0.4)
    axes.margins(x=0.08)
