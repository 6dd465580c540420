"""Plots of connectivity: the matrix in order of areas and modules, the graph, distances, areas, and the truth."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from neuropipe.connectivity.graph_measures import found_edges, modules, threshold_in_words
from neuropipe.connectivity.regions import areas_of
from neuropipe.plots.style import GREY, MARKERS, PALETTE, WIDTH, blank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POSITIONS = (("x", "y", "z"), ("x", "y"), ("depth",))
EXCITES, INHIBITS = PALETTE[5], PALETTE[0]
OF_AREAS = tuple(PALETTE[colour] for colour in (2, 3, 1, 4, 7))  # with the eight markers, 40 areas differ
MOST_ARROWS = 150


def of_connectivity(made: Any) -> "dict[str, Figure]":
    """Name -> plot of one estimate. made : Connectivity"""
    weights = made.weights[:]
    p_values = None if made.p_values is None else made.p_values[:]
    estimated = (made.units["left_out"] == "").to_numpy()
    if estimated.sum() < 2:
        return {}
    areas = areas_of(made.units)
    found = found_edges(weights, p_values, estimated=estimated)
    threshold = threshold_in_words(p_values)
    drawn = {
        "connectivity_matrix": matrix(weights, areas=areas, module=modules(found), estimated=estimated),
        "connectivity_graph": graph(weights, found, areas=areas, threshold=threshold),
    }
    positions = positions_of(made.units)
    if positions is not None:
        drawn["connectivity_distance"] = distance(weights, positions, found, threshold=threshold, estimated=estimated)
    return drawn


def positions_of(units: pd.DataFrame) -> np.ndarray | None:
    """(unit, axis); None where the unit table has no positions."""
    for columns in POSITIONS:
        if set(columns) <= set(units):
            return units[list(columns)].to_numpy(float)
    return None


def matrix(
    weights: np.ndarray,
    *,
    areas: np.ndarray | None = None,
    module: np.ndarray | None = None,
    estimated: np.ndarray | None = None,
    title: str = "",
) -> "Figure":
    """Weights of all pairs, in order of area and, within it, of module; units that were left out are not shown.

    weights : (source, target); areas, module : (unit,); estimated : (unit,) bool, by default all. Colours end at the
    99.5 % quantile of |weight|.
    """
    kept = np.flatnonzero(np.ones(len(weights), bool) if estimated is None else estimated)
    areas = np.full(len(weights), "") if areas is None else np.asarray(areas)
    module = np.zeros(len(weights), np.int64) if module is None else module
    order = kept[np.lexsort((kept, module[kept], areas[kept]))]
    shown = weights[np.ix_(order, order)]
    sizes = np.abs(shown[shown != 0])
    limit = float(np.quantile(sizes, 0.995)) if len(sizes) else 1.0
    signed = bool((shown < 0).any())
    figure = blank(7.6, title, width=8.4)
    axes = figure.add_subplot()
    image = axes.imshow(
        shown, cmap="RdBu_r" if signed else "Reds", vmin=-limit if signed else 0, vmax=limit, interpolation="nearest",
        aspect="auto",
    )  # fmt: skip
    names, first = np.unique(areas[order], return_index=True)
    if len(names) > 1:
        edges = np.append(first, len(order))
        for edge in first[1:]:
            axes.axhline(edge - 0.5, color=GREY, linewidth=0.7)
            axes.axvline(edge - 0.5, color=GREY, linewidth=0.7)
        middles = (edges[:-1] + edges[1:] - 1) / 2
        wide = np.diff(edges) >= 0.02 * len(order)
        axes.set_xticks(middles[wide], names[wide], rotation=90, fontsize=8)
        axes.set_yticks(middles[wide], names[wide], fontsize=8)
        axes.tick_params(length=0)
    left_out = len(weights) - len(order)
    axes.set_title(f"{len(order)} units" + (f", {left_out} left out" if left_out else ""), loc="left", fontsize=10)
    axes.set(xlabel="target unit", ylabel="source unit")
    figure.colorbar(image, ax=axes, label="weight", extend="both" if signed else "max")
    return figure


def graph(
    weights: np.ndarray,
    found: np.ndarray,
    *,
    areas: np.ndarray | None = None,
    threshold: str = "",
    title: str = "",
) -> "Figure":
    """The strongest connections as arrows between the units that have any; at most 150 are drawn.

    Units stand on a circle, in order of area and, within it, of module of the graph; their size is their number of
    connections, their colour and marker their area. Where both directions are the same, a line stands for both.
    """
    import networkx as nx

    sizes = np.where(found, np.abs(weights), 0.0)
    directed = not np.array_equal(weights, weights.T)
    if not directed:
        sizes = np.triu(sizes)
    n_found = int(np.count_nonzero(sizes))
    strongest = np.argsort(-sizes, axis=None, kind="stable")[: min(MOST_ARROWS, n_found)]
    pairs = np.column_stack(np.unravel_index(strongest, sizes.shape))
    figure = blank(7.2, title)
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set_aspect("equal")
    said = f"strongest {len(pairs)} of {n_found} connections" + (f" ({threshold})" if threshold else "")
    axes.set_title(said, loc="left", fontsize=10)
    if not len(pairs):
        return figure
    nodes, area = np.unique(pairs), np.full(len(weights), "") if areas is None else np.asarray(areas)
    nodes = nodes[np.lexsort((nodes, modules(found)[nodes], area[nodes]))]
    place = {node: (float(x), float(y)) for node, (x, y) in nx.circular_layout(nodes.tolist()).items()}
    xy, area = np.array([place[node] for node in nodes.tolist()]), area[nodes]
    degree = (found.sum(axis=0) + found.sum(axis=1))[nodes]
    dots = 25 + 150 * degree / degree.max()
    names = np.unique(area)
    for at, name in enumerate(names):
        of = area == name
        axes.scatter(
            xy[of, 0], xy[of, 1], s=dots[of], color=GREY if len(names) == 1 else OF_AREAS[at % len(OF_AREAS)],
            marker=MARKERS[at % 8], edgecolor="white", linewidth=0.8, label=name or None, zorder=3,
        )  # fmt: skip
    largest = sizes.max()
    for source, target in pairs[::-1]:
        size = sizes[source, target] / largest
        excites = weights[source, target] > 0
        axes.annotate(
            "", place[int(target)], place[int(source)], zorder=2,
            arrowprops={
                "arrowstyle": "-|>" if directed else "-", "color": EXCITES if excites else INHIBITS,
                "linewidth": 0.5 + 1.8 * size, "alpha": 0.3 + 0.65 * size, "shrinkA": 5, "shrinkB": 6,
                "connectionstyle": "arc3,rad=0.12", "linestyle": "-" if excites else "--",
            },
        )  # fmt: skip
    axes.plot([], [], color=EXCITES, label="excites" if directed else "positive")
    if (weights[pairs[:, 0], pairs[:, 1]] < 0).any():
        axes.plot([], [], color=INHIBITS, linestyle="--", label="inhibits" if directed else "negative")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8)
    axes.margins(0.06)
    return figure


def distance(
    weights: np.ndarray,
    positions: np.ndarray,
    found: np.ndarray | None = None,
    *,
    unit: str = "",
    threshold: str = "",
    estimated: np.ndarray | None = None,
    n_bins: int = 10,
    title: str = "",
) -> "Figure":
    """Share of pairs that are connected, and mean |weight|, against the distance of the units; bars are 95 %.

    positions : (unit, axis), NaN where unknown; bins hold equally many pairs. Bars take pairs as independent.
    """
    known = np.isfinite(positions).all(axis=1) & (np.ones(len(weights), bool) if estimated is None else estimated)
    apart = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    pairs = np.outer(known, known) & ~np.eye(len(weights), dtype=bool)
    figure = blank(3.6, title)
    panels = [("mean |weight|", np.abs(weights))]
    if found is not None:
        panels.insert(0, ("share of pairs connected", found.astype(float)))
    edges = np.unique(np.quantile(apart[pairs], np.linspace(0, 1, n_bins + 1))) if pairs.any() else np.zeros(1)
    place = np.clip(np.searchsorted(edges, apart[pairs], side="right") - 1, 0, max(0, len(edges) - 2))
    for axes, (label, values) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for each in np.unique(place):
            own = values[pairs][place == each]
            half = 1.96 * own.std() / np.sqrt(len(own))
            middle = apart[pairs][place == each].mean()
            axes.errorbar(middle, own.mean(), yerr=half, color=PALETTE[0], marker="o", markersize=5, linewidth=1.5)
        axes.set(xlabel=f"distance ({unit})" if unit else "distance", ylabel=label)
        axes.set_ylim(bottom=0)
    if found is not None and threshold:
        figure.axes[0].set_title(f"connected: {threshold}", loc="left", fontsize=9)
    return figure


def regions(table: pd.DataFrame, *, alpha: float = 0.05, title: str = "") -> "Figure":
    """Share of the possible connections found from each area (rows) to each other one; found / possible in the cells.

    table : of connectivity.regions.by_region; * : p < alpha against permuted areas, not corrected
    """
    share = table.pivot(index="source_area", columns="target_area", values="fraction")
    texts = {
        (row["source_area"], row["target_area"]): f"{row['found']}/{row['possible']}"
        + ("*" if row["p_value"] < alpha else "")
        for row in table.to_dict("records")
    }
    return _heat_map(share, texts, label="share of possible that is found", title=title)


def subspace(table: pd.DataFrame, *, title: str = "") -> "Figure":
    """R2 with which each area (rows) predicts each other one, as colour; in the cells R2 and the rank.

    table : of connectivity.communication_subspace
    """
    r2 = table.pivot(index="source_area", columns="target_area", values="r2")
    texts = {
        (row["source_area"], row["target_area"]): f"{row['r2']:.3f}\nrank {row['rank']}"
        for row in table.to_dict("records")
    }
    return _heat_map(r2.clip(lower=0), texts, label="R2 of held-out trials", title=title, lines=2)


def true_and_estimated(weights: np.ndarray, truth: np.ndarray, *, title: str = "") -> "Figure":
    """Left: estimated against true weights of all pairs. Right: precision against recall of |weight|, and chance.

    weights, truth : (source, target); truth is 0 where there is no connection
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    pairs = ~np.eye(len(weights), dtype=bool)
    own, true = weights[pairs], truth[pairs]
    figure = blank(4.4, title)
    scatter, curve = figure.subplots(1, 2)
    for name, of, colour in (
        ("not connected", true == 0, GREY), ("excites", true > 0, EXCITES), ("inhibits", true < 0, INHIBITS)
    ):  # fmt: skip
        if of.any():
            scatter.plot(
                true[of], own[of], linestyle="none", marker=".", markersize=4, color=colour, alpha=0.6,
                label=f"{name} ({of.sum()})", rasterized=True,
            )  # fmt: skip
    scatter.axhline(0, color=GREY, linewidth=0.6)
    scatter.axvline(0, color=GREY, linewidth=0.6)
    scatter.set(xlabel="true weight", ylabel="estimated weight")
    scatter.legend(frameon=False, fontsize=8, markerscale=2)
    if (true != 0).any():
        precision, recall, _ = precision_recall_curve(true != 0, np.abs(own))
        average = average_precision_score(true != 0, np.abs(own))
        curve.plot(
            recall, precision, color=PALETTE[0], drawstyle="steps-post", label=f"average precision {average:.3f}"
        )
        density = float((true != 0).mean())
        curve.axhline(density, color=GREY, linestyle=":", label=f"chance {density:.3f}")
        curve.legend(frameon=False, fontsize=8)
    curve.set(xlabel="recall (share of connections found)", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.02))
    return figure


def agreement(table: pd.DataFrame, *, label: str = "rank correlation of |weight|", title: str = "") -> "Figure":
    """How far methods agree: a heat map with numbers. table : (method, method), of connectivity.agreement.as_matrix"""
    texts = {(row, column): f"{table.loc[row, column]:.2f}" for row in table.index for column in table.columns}
    return _heat_map(table, texts, label=label, title=title, axis="", limits=(0, 1))


def _heat_map(
    values: pd.DataFrame,
    texts: dict,
    *,
    label: str,
    title: str,
    axis: str = "area",
    limits: tuple[float, float] | None = None,
    lines: int = 1,
) -> "Figure":
    n = len(values)
    side = min(2.6 + 0.62 * n, WIDTH)
    figure = blank(max(3.2, 2.1 + max(0.42, 0.3 * lines) * n), title, width=min(max(side + 1.6, 5.5), WIDTH + 1))
    axes: Axes = figure.add_subplot()
    low, high = limits or (0.0, max(float(np.nanmax(values.to_numpy())), 1e-9))
    image = axes.imshow(values, cmap="Blues", vmin=low, vmax=high, aspect="auto")
    for i, row in enumerate(values.index):
        for j, column in enumerate(values.columns):
            dark = values.iloc[i, j] > low + 0.6 * (high - low)
            axes.text(
                j, i, texts.get((row, column), ""), ha="center", va="center", fontsize=7,
                color="white" if dark else "black",
            )  # fmt: skip
    axes.set_xticks(
        range(len(values.columns)), values.columns, rotation=45, ha="right", rotation_mode="anchor", fontsize=8
    )
    axes.set_yticks(range(n), values.index, fontsize=8)
    axes.set(xlabel=f"target {axis}" if axis else "", ylabel=f"source {axis}" if axis else "")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes).set_label(label, fontsize=9)
    return figure
