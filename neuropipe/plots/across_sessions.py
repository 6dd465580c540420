"""Plot of models compared across sessions: one dot per session, since a session is the unit of evidence."""

from typing import TYPE_CHECKING

import pandas as pd

from neuropipe.plots.style import GREY, PALETTE, blank

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def across_sessions(
    scores: pd.DataFrame, compared: pd.DataFrame, rival: str, *, metric: str, title: str = ""
) -> "Figure":
    """Left: every session's score of every model; right: its difference to `rival` in the same session.

    scores : columns session, model, score; compared : of `compare_across_sessions`, whose order is kept
    """
    models = list(compared["model"])
    wide = scores.pivot(index="session", columns="model", values="score")[models]
    figure = blank(1.6 + 0.3 * len(models), title)
    left, right = figure.subplots(1, 2, sharey=True)
    rows = range(len(models))
    for number, (session, values) in enumerate(wide.iterrows()):
        colour, short = PALETTE[number % len(PALETTE)], str(session).partition(".")[2]
        left.plot(values, rows, "o", markersize=4, color=colour, alpha=0.8, label=short)
        right.plot(values - values[rival], rows, "o", markersize=4, color=colour, alpha=0.8)
    left.plot(wide.mean(), rows, "|", markersize=14, markeredgewidth=2, color="black", label="mean; right: median")
    gains = wide.sub(wide[rival], axis=0).median()
    right.plot(gains, rows, "|", markersize=14, markeredgewidth=2, color="black")
    right.axvline(0, color=GREY, linestyle="--", linewidth=1)
    for row, p_holm in enumerate(compared["p_holm"]):
        if pd.notna(p_holm):
            where = {"xytext": (4, 0), "textcoords": "offset points", "va": "center", "fontsize": 7, "color": GREY}
            right.annotate(f"p {p_holm:.2f}", (1, row), xycoords=("axes fraction", "data"), **where)
    left.set(xlabel=metric, yticks=list(rows), ylim=(len(models) - 0.5, -0.5))
    left.set_yticklabels(models, fontsize=8)
    right.set(xlabel=f"difference to {rival}\np: signed ranks over sessions, Holm's correction")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=7, frameon=False, fontsize=7)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure
