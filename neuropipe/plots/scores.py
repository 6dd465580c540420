"""Plots of one model's scores: a metric beside the baselines to beat, and the confusion matrix."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.plots.style import GREY, MARKERS, PALETTE, WIDTH, blank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NAMED = 12  # classes whose names and numbers fit into a confusion matrix


def score_with_baselines(
    table: pd.DataFrame,
    metric: str,
    baselines: Mapping[str, str],
    *,
    label: str = "",
    bounds: tuple[float, float] = (-inf, inf),
    digits: int = 3,
    chance: float | None = None,
    title: str = "",
) -> "Figure":
    """One metric with its interval, one row per scheme in the table's order, and the baselines that have it.

    table : an evaluation (scheme, metric, value, ci_low, ci_high, p_value, n); baselines : name -> label, of which
    `<metric>_<name>` is drawn; label : of the axis; bounds : values that the metric can take; chance : drawn as a line
    """
    model = _rows(table, metric).iloc[::-1]
    positions = {scheme: row for row, scheme in enumerate(model["scheme"])}
    figure = blank(1.6 + 0.55 * len(model), title)
    axes = figure.add_subplot()
    draw_intervals(axes, model, list(positions.values()), PALETTE[0], MARKERS[0], "this model, 95 % interval")
    names = [name for name in baselines if f"{metric}_{name}" in set(table["metric"])]
    for shown, name in enumerate(names):
        rows = _rows(table, f"{metric}_{name}")
        rows = rows[rows["scheme"].isin(positions)]
        axes.plot(
            rows["value"], [positions[scheme] for scheme in rows["scheme"]], linestyle="none", markersize=8,
            marker=MARKERS[1 + shown % 7], markerfacecolor="white", markeredgecolor=PALETTE[(1 + shown) % 8],
            markeredgewidth=1.6, label=baselines[name], zorder=2,
        )  # fmt: skip
    if chance is not None:
        axes.axvline(chance, color=GREY, linestyle=":", linewidth=1.2, label=f"chance ({chance:.2f})")
    axes.set_yticks(list(positions.values()), model["scheme"])
    for row, entry in enumerate(model.itertuples()):
        p_value = "" if pd.isna(entry.p_value) else f"\np {_p_value(entry.p_value)}"
        axes.annotate(
            f"{entry.value:.{digits}f}{p_value}",
            (1.01, row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
        )
    drawn = table.loc[table["metric"].isin([metric, *(f"{metric}_{name}" for name in names)])]
    limit_axis(axes, [*drawn["value"], *model["ci_low"], *model["ci_high"], chance], bounds)
    axes.set_xlabel(label or metric)
    axes.set_ylim(-0.6, len(model) - 0.4)
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=5,
        frameon=False,
        fontsize=8,
        borderaxespad=0.2,
        columnspacing=1.4,
    )
    return figure


def confusion_matrix(matrix: np.ndarray, classes: Sequence, *, title: str = "") -> "Figure":
    """What was decoded when each class was true: colour and first line the fraction of the row, second line trials.

    With more than 12 classes the numbers are left out and every second, third, ... class is named.

    matrix : (true class, decoded class) numbers of trials
    """
    matrix = np.asarray(matrix)
    if matrix.shape != (len(classes), len(classes)):
        raise BadInput(f"a confusion matrix of {len(classes)} classes is square, found shape {matrix.shape}")
    totals = matrix.sum(axis=1, keepdims=True)
    fractions = np.divide(matrix, totals, out=np.zeros(matrix.shape), where=totals > 0)
    side = min(2.2 + 0.75 * max(len(classes), 2), WIDTH - 1)
    every = -(-len(classes) // MOST_NAMED)
    figure = blank(side, title, width=side + 1.0)
    axes = figure.add_subplot()
    # With equal aspect, constrained layout misjudges the width and cuts the label on the left.
    image = axes.imshow(fractions, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (true, decoded), trials in np.ndenumerate(matrix) if every == 1 else ():
        fraction = fractions[true, decoded]
        axes.text(
            decoded, true, f"{fraction:.2f}\n({int(trials)})", ha="center", va="center", fontsize=9,
            color="white" if fraction > 0.6 else "black",
        )  # fmt: skip
    rows = [f"{name}\nn = {int(trials)}" for name, trials in zip(classes, totals[:, 0], strict=True)]
    axes.set_xticks(range(0, len(classes), every), [str(name) for name in classes[::every]])
    axes.set_yticks(range(0, len(classes), every), rows if every == 1 else [str(name) for name in classes[::every]])
    axes.set(xlabel="decoded", ylabel="true")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, shrink=0.8, label="fraction of true class")
    return figure


def draw_intervals(
    axes: "Axes", rows: pd.DataFrame, at: Sequence[float], colour: str, marker: str, text: str | None
) -> None:
    """Points with intervals along x; columns value, ci_low, ci_high; a missing interval is a bare point."""
    reach = np.vstack([rows["value"] - rows["ci_low"], rows["ci_high"] - rows["value"]])
    axes.errorbar(
        rows["value"], at, xerr=np.clip(np.nan_to_num(reach, posinf=0), 0, None), fmt=marker, color=colour,
        markersize=7, linewidth=2, label=text, zorder=3,
    )  # fmt: skip


def limit_axis(axes: "Axes", values: Sequence[float | None], bounds: tuple[float, float]) -> None:
    """Limit the axis to the values; one that ends at an upper bound of 1 shows how far from perfect they are."""
    known = [value for value in values if value is not None and np.isfinite(value)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    bounded = np.isfinite(bounds[1])
    margin = 0.05 if bounded and bounds[1] <= 1 else 0.06 * ((high - low) or 1.0)
    right = bounds[1] if bounded and bounds[1] <= 1 else min(bounds[1], high + margin)
    axes.set_xlim(max(bounds[0], low - margin), right)


def _rows(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    rows = table[table["metric"] == metric]
    if rows.empty:
        raise BadInput(f"the evaluation has no metric {metric!r}; it has {', '.join(sorted(set(table['metric'])))}")
    return rows


def _p_value(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"
