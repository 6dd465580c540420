"""Figures that people would rather look at: activity of a binned session, and how well decoders do, with chance beside.

Each function takes arrays or tables and returns a matplotlib Figure that no global state knows of; `save` writes it as
PNG, the same bytes for the same figure. Colours are Okabe and Ito's, told apart by colour-blind readers; no meaning
rests on colour alone.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")
GREY = "#666666"
MOST_NAMED = 12  # classes whose names and numbers fit into a confusion matrix
WIDTH = 9.0  # inches at 100 dots each: readable 900 pixels wide
BASELINES = {
    "accuracy_majority": "majority class",
    "accuracy_previous": "previous label",
    "accuracy_rate_logistic": "rate-only logistic regression",
}


def save(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG without the metadata that would make its bytes depend on when and by what it was made."""
    figure.savefig(path, format="png", dpi=100, metadata={"Software": None, "Creation Time": None})


def raster_and_psth(
    counts: np.ndarray,
    labels: Sequence,
    classes: Sequence,
    bin_width: float,
    window_start: float,
    *,
    event: str = "event",
    label: str = "class",
    unit: str = "Hz",
    title: str = "",
) -> "Figure":
    """Activity of every unit through the trial, the population's rate by class, and the unit that tells classes best.

    counts : (trial, bin, unit); labels : (trial,); bin_width, window_start : s, relative to `event` at 0; unit : of
    what is counted, per second

    The map shows each unit's mean response as z-score over time, units in order of their peak. The order comes from
    even trials, the colours from odd ones, so that a diagonal is a reproducible sequence: sorted and shown on the
    same trials, noise makes one too.
    """
    counts, labels = np.asarray(counts), np.asarray(labels)
    if counts.ndim != 3 or len(counts) != len(labels):
        raise BadInput(f"a raster needs counts (trial, bin, unit) and a label a trial: {counts.shape}, {labels.shape}")
    if len(counts) < 2:
        raise BadInput(f"a raster sorts units on one half of the trials and shows the other: found {len(counts)} trial")
    edges = window_start + bin_width * np.arange(counts.shape[1] + 1)

    figure = blank(5.2, title)
    grid = figure.add_gridspec(2, 2, width_ratios=[1.15, 1])
    _unit_map(figure, figure.add_subplot(grid[:, 0]), counts, edges, event)
    shown = _commonest(labels, classes)
    top = figure.add_subplot(grid[0, 1])
    _psth(top, counts.mean(axis=2) / bin_width, labels, shown, edges, unit)
    top.set_title(f"mean of all {counts.shape[2]} units, ± s.e.m. over trials", fontsize=10, loc="left")
    heading = label if len(shown) == len(classes) else f"{label}: {len(shown)} commonest of {len(classes)}"
    top.legend(title=heading, frameon=False, fontsize=8, title_fontsize=8, loc="upper left", ncols=1 + len(shown) // 5)
    top.tick_params(labelbottom=False)
    best = most_selective_unit(counts, labels)
    bottom = figure.add_subplot(grid[1, 1], sharex=top)
    _psth(bottom, counts[:, :, best] / bin_width, labels, shown, edges, unit)
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


def accuracy_with_baselines(table: pd.DataFrame, *, chance: float | None = None, title: str = "") -> "Figure":
    """Accuracy with its interval, one row a scheme, in the table's order, against the baselines a decoder must beat.

    table : an evaluation (scheme, metric, value, ci_low, ci_high, p_value, n); BASELINES are drawn where it has them
    chance : accuracy of guessing, drawn as a line
    """
    model = _rows(table, "accuracy").iloc[::-1]
    positions = {scheme: row for row, scheme in enumerate(model["scheme"])}
    figure = blank(1.6 + 0.55 * len(model), title)
    axes = figure.add_subplot()
    _intervals(axes, model, list(positions.values()), PALETTE[0], MARKERS[0], "this model, 95 % interval")
    names = [name for name in BASELINES if name in set(table["metric"])]
    for shown, name in enumerate(names):
        rows = _rows(table, name)
        rows = rows[rows["scheme"].isin(positions)]
        axes.plot(
            rows["value"], [positions[scheme] for scheme in rows["scheme"]], linestyle="none", markersize=8,
            marker=MARKERS[1 + shown % 7], markerfacecolor="white", markeredgecolor=PALETTE[(1 + shown) % 8],
            markeredgewidth=1.6, label=BASELINES[name], zorder=2,
        )  # fmt: skip
    if chance is not None:
        axes.axvline(chance, color=GREY, linestyle=":", linewidth=1.2, label=f"chance ({chance:.2f})")
    axes.set_yticks(list(positions.values()), model["scheme"])
    for row, entry in enumerate(model.itertuples()):
        p_value = "" if pd.isna(entry.p_value) else f"\np {_p_value(entry.p_value)}"
        axes.annotate(
            f"{entry.value:.3f}{p_value}", (1.01, row), xycoords=("axes fraction", "data"), va="center", fontsize=8
        )
    _accuracy_axis(axes, [*table.loc[table["metric"].isin(["accuracy", *names]), "value"], *model["ci_low"]], chance)
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


def leaderboard(table: pd.DataFrame, *, title: str = "") -> "Figure":
    """Accuracy and 95 % interval of every model: one panel a session, one marker a fold scheme.

    Models are ranked by the lowest of their schemes, so that a split that leaks can't lift one.
    table : session, model, variant, scheme, accuracy, ci_low, ci_high; a row without accuracy (missing, failed) keeps
    its place and says so. A column accuracy_majority, when there, is drawn as the line to beat.
    """
    if table.empty:
        raise BadInput("the leaderboard is empty: run a decoder first")
    table = table.assign(entry=[_entry(row) for row in table.to_dict("records")])
    sessions = list(dict.fromkeys(table["session"]))
    schemes = sorted(table["scheme"].dropna().unique())
    heights = [table.loc[table["session"] == session, "entry"].nunique() + 1.0 for session in sessions]
    figure = blank(1.2 + 0.42 * sum(heights), title)
    panels = figure.subplots(len(sessions), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axes, session in zip(panels, sessions, strict=True):
        _session_panel(axes, table[table["session"] == session], schemes)
        axes.set_title(session, fontsize=10, loc="left")
    columns = table.columns.intersection(["accuracy", "ci_low", "accuracy_majority"])
    _accuracy_axis(panels[-1], table[columns].to_numpy(float).ravel(), None)
    for axes in panels[:-1]:
        axes.tick_params(labelbottom=False)
    handles = {text: handle for axes in panels for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside upper right", ncols=4, frameon=False, fontsize=8)
    return figure


def blank(height: float, title: str, width: float = WIDTH) -> "Figure":
    """An empty figure, its size in inches, under its title."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    if title:
        figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    return figure


def _unit_map(figure: "Figure", axes: "Axes", counts: np.ndarray, edges: np.ndarray, event: str) -> None:
    even, odd = counts[0::2].mean(axis=0), counts[1::2].mean(axis=0)
    varies = (np.ptp(even, axis=0) > 0) & (np.ptp(odd, axis=0) > 0)
    axes.set_xlabel(f"time from {event} (s)")
    axes.locator_params(axis="x", nbins=6)
    if not varies.any():
        axes.text(
            0.5, 0.5, "no unit's rate changes\nfrom bin to bin", ha="center", transform=axes.transAxes, color=GREY
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
    figure.colorbar(image, ax=axes, label="rate, z-score over time", extend="both", pad=0.01, aspect=40)


def _smooth(activity: np.ndarray) -> np.ndarray:
    """Activity (bin, unit) averaged over time with weights 1 2 3 2 1, edges extended: one spike is no peak."""
    padded = np.pad(activity, ((2, 2), (0, 0)), mode="edge")
    return sum(weight / 9 * padded[lag : lag + len(activity)] for lag, weight in enumerate((1, 2, 3, 2, 1)))


def _commonest(labels: np.ndarray, classes: Sequence) -> list:
    """The classes with most trials, in the order given: no more than there are colours."""
    trials = [-np.count_nonzero(labels == value) for value in classes]
    return [classes[index] for index in sorted(np.argsort(trials, kind="stable")[: len(PALETTE)])]


def _psth(axes: "Axes", rates: np.ndarray, labels: np.ndarray, classes: Sequence, edges: np.ndarray, unit: str) -> None:
    """Mean rate and standard error over trials, one line a class; rates : (trial, bin) in `unit`."""
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
    axes.set(xlim=(edges[0], edges[-1]), ylabel=f"rate ({unit})")
    axes.locator_params(axis="x", nbins=6)
    axes.spines[["top", "right"]].set_visible(False)


def _rows(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    rows = table[table["metric"] == metric]
    if rows.empty:
        raise BadInput(f"the evaluation has no metric {metric!r}; it has {', '.join(sorted(set(table['metric'])))}")
    return rows


def _intervals(axes: "Axes", rows: pd.DataFrame, at: Sequence[float], colour: str, marker: str, text: str) -> None:
    """Points with intervals along x; columns value, ci_low, ci_high; a missing interval is a bare point."""
    reach = np.vstack([rows["value"] - rows["ci_low"], rows["ci_high"] - rows["value"]])
    axes.errorbar(
        rows["value"], at, xerr=np.clip(np.nan_to_num(reach), 0, None), fmt=marker, color=colour, markersize=7,
        linewidth=2, label=text, zorder=3,
    )  # fmt: skip


def _session_panel(axes: "Axes", table: pd.DataFrame, schemes: Sequence[str]) -> None:
    best = table.groupby("entry")["accuracy"].min().sort_values(kind="stable", na_position="first")
    positions = {entry: row for row, entry in enumerate(best.index)}
    for index, scheme in enumerate(schemes):
        rows = table[(table["scheme"] == scheme) & table["accuracy"].notna()].rename(columns={"accuracy": "value"})
        shift = 0.5 * ((len(schemes) - 1) / 2 - index) / max(len(schemes), 1)
        at = [positions[entry] + shift for entry in rows["entry"]]
        if at:
            _intervals(axes, rows, at, PALETTE[index % 8], MARKERS[index % 8], scheme)
    if "accuracy_majority" in table and table["accuracy_majority"].notna().any():
        majority = table["accuracy_majority"].max()
        axes.axvline(majority, color=GREY, linestyle=":", linewidth=1.2, label="majority class")
    for entry in best.index[best.isna()]:
        axes.annotate(
            "no result", (0.01, positions[entry]), xycoords=("axes fraction", "data"), va="center", fontsize=8,
            color=GREY, style="italic", bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )  # fmt: skip
    axes.set_yticks(range(len(best)), best.index)
    axes.set_ylim(-0.6, len(best) - 0.4)


def _entry(row: dict) -> str:
    variant = row.get("variant")
    return str(row["model"]) if pd.isna(variant) or variant in ("", "default") else f"{row['model']} [{variant}]"


def _accuracy_axis(axes: "Axes", values: Sequence[float], chance: float | None) -> None:
    """An axis from a little below the lowest value to 1: the right end always means perfect."""
    known = [value for value in [*values, chance] if value is not None and np.isfinite(value)]
    axes.set(xlim=(max(0.0, min(known, default=0.0) - 0.05), 1.0), xlabel="accuracy (fraction of trials)")


def _p_value(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"
