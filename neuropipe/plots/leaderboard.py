"""Plots of the leaderboard: the primary metric of every model with its interval, one panel per session."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.evaluation import families
from neuropipe.plots.scores import draw_intervals, limit_axis
from neuropipe.plots.style import GREY, MARKERS, PALETTE, blank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from neuropipe.evaluation.families import Metric


def pictures(table: pd.DataFrame) -> "dict[str, Figure]":
    """`leaderboard_<family>_<metric>` -> plot, for each family and primary metric of a ranked leaderboard."""
    scored = table[table["score"].notna()]
    found = {}
    for name, metric in dict.fromkeys(zip(scored["family"], scored["metric"], strict=True)):
        sessions = set(scored.loc[(scored["family"] == name) & (scored["metric"] == metric), "session"])
        own = table["session"].isin(sessions) & (table["family"] == name)
        rows = table[own & ((table["metric"] == metric) | table["score"].isna())]
        family = families.get(name)
        found[f"leaderboard_{name}_{metric}"] = ranking(rows, family.metric(metric), family.baselines)
    return found


def ranking(
    table: pd.DataFrame, metric: "Metric", baselines: Mapping[str, str] | None = None, *, title: str = ""
) -> "Figure":
    """Score and 95 % interval of every model: one panel per session, one marker per fold scheme.

    Models are ranked by the worst of their schemes, so that a split that leaks can't lift one.
    table : session, model, variant, scheme, score, ci_low, ci_high; a row without score (missing, failed) keeps its
    place and says so. baselines : column -> label; a column that is there is drawn as a line to beat.
    """
    if table.empty:
        raise BadInput("the leaderboard is empty: run a decoder first")
    table = table.assign(entry=[_entry(row) for row in table.to_dict("records")])
    sessions = list(dict.fromkeys(table["session"]))
    schemes = sorted(table["scheme"].dropna().unique())
    lines = {name: label for name, label in (baselines or {}).items() if name in table and table[name].notna().any()}
    heights = [table.loc[table["session"] == session, "entry"].nunique() + 1.0 for session in sessions]
    figure = blank(1.2 + 0.42 * sum(heights), title)
    panels = figure.subplots(len(sessions), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axes, session in zip(panels, sessions, strict=True):
        _session_panel(axes, table[table["session"] == session], schemes, metric, lines)
        axes.set_title(session, fontsize=10, loc="left")
    drawn = table[table.columns.intersection(["score", "ci_low", "ci_high", *lines])].to_numpy(float).ravel()
    limit_axis(panels[-1], list(drawn), (metric.lower_bound, metric.upper_bound))
    panels[-1].set_xlabel(metric.axis_label)
    for axes in panels[:-1]:
        axes.tick_params(labelbottom=False)
    handles = {text: handle for axes in panels for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside upper right", ncols=4, frameon=False, fontsize=8)
    return figure


def _session_panel(
    axes: "Axes", table: pd.DataFrame, schemes: Sequence[str], metric: "Metric", lines: Mapping[str, str]
) -> None:
    goodness = table["score"].astype(float) * (-1 if metric.lower_is_better else 1)
    worst = goodness.groupby(table["entry"]).min().sort_values(kind="stable", na_position="first")
    positions = {entry: row for row, entry in enumerate(worst.index)}
    for index, scheme in enumerate(schemes):
        rows = table[(table["scheme"] == scheme) & table["score"].notna()].rename(columns={"score": "value"})
        shift = 0.5 * ((len(schemes) - 1) / 2 - index) / max(len(schemes), 1)
        at = [positions[entry] + shift for entry in rows["entry"]]
        if at:
            draw_intervals(axes, rows, at, PALETTE[index % 8], MARKERS[index % 8], scheme)
    for style, (name, label) in zip((":", "--", "-.", (0, (1, 4))) * 2, lines.items(), strict=False):
        if table[name].notna().any():
            value = table[name].min() if metric.lower_is_better else table[name].max()
            axes.axvline(value, color=GREY, linestyle=style, linewidth=1.2, label=label)
    for entry in worst.index[worst.isna()]:
        axes.annotate(
            "no result", (0.01, positions[entry]), xycoords=("axes fraction", "data"), va="center", fontsize=8,
            color=GREY, style="italic", bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )  # fmt: skip
    axes.set_yticks(range(len(worst)), worst.index)
    axes.set_ylim(-0.6, len(worst) - 0.4)


def _entry(row: dict) -> str:
    variant = row.get("variant")
    return str(row["model"]) if pd.isna(variant) or variant in ("", "default") else f"{row['model']} [{variant}]"
