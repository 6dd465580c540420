"""Plots of sortings compared: with the truth, and with each other."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from neuropipe.plots.style import GREY, MARKERS, PALETTE, blank

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def accuracy_of_units(units: pd.DataFrame, *, title: str = "") -> "Figure":
    """Accuracy with its interval, recall and precision of each true unit, the best first."""
    order = units.sort_values("accuracy", ascending=False, kind="stable").reset_index(drop=True)
    figure = blank(3.6, title)
    axes = figure.subplots()
    at = np.arange(len(order))
    below, above = order["accuracy"] - order["accuracy_low"], order["accuracy_high"] - order["accuracy"]
    spread = np.clip([below, above], 0, None)
    axes.errorbar(at, order["accuracy"], spread, fmt=MARKERS[0], color=PALETTE[0], markersize=5, label="accuracy")
    axes.plot(at - 0.15, order["recall"], MARKERS[1], color=PALETTE[1], markersize=4, label="recall")
    axes.plot(at + 0.15, order["precision"], MARKERS[2], color=PALETTE[2], markersize=4, label="precision")
    axes.axhline(0.8, color=GREY, linewidth=0.8, linestyle="--")
    labels = [f"{unit}\n{count}" for unit, count in zip(order["unit"], order["n_true"], strict=True)]
    axes.set_xticks(at, labels, fontsize=7)
    axes.set(ylim=(-0.03, 1.05), xlabel="true unit and its number of spikes", ylabel="score")
    axes.legend(frameon=False, fontsize=8, loc="lower left")
    found = int((order["accuracy"] >= 0.8).sum())
    axes.set_title(f"{found} of {len(order)} true units with accuracy of .8 or more", fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def agreement(
    matrix: np.ndarray, partner: np.ndarray, *, first: str = "first", second: str = "second", title: str = ""
) -> "Figure":
    """Agreement of every unit of one sorting with every unit of another, partners along the diagonal.

    matrix : (first unit, second unit); partner : (first unit,) the second unit that is the same, -1 for none
    """
    rows = np.argsort(-np.where(partner >= 0, matrix[np.arange(len(matrix)), partner], -1), kind="stable")
    taken = [int(partner[row]) for row in rows if partner[row] >= 0]
    columns = [*taken, *(column for column in range(matrix.shape[1]) if column not in taken)]
    figure = blank(4.6, title, 6.0)
    axes = figure.subplots()
    image = axes.imshow(matrix[rows][:, columns], vmin=0, vmax=1, cmap="viridis", aspect="auto")
    figure.colorbar(image, ax=axes, label="agreement")
    axes.set(xlabel=f"unit of {second}", ylabel=f"unit of {first}")
    if matrix.shape[1] <= 40:
        axes.set_xticks(range(len(columns)), [str(unit) for unit in columns], fontsize=7)
    if matrix.shape[0] <= 40:
        axes.set_yticks(range(len(rows)), [str(unit) for unit in rows], fontsize=7)
    axes.set_title(f"{len(taken)} units in both", fontsize=10, loc="left")
    return figure
