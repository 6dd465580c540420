"""Plots of training: loss on training data and on held-out blocks, by epoch."""

from typing import TYPE_CHECKING

import pandas as pd

from neuropipe.plots.style import PALETTE, blank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def learning_curves(curves: pd.DataFrame, *, title: str = "") -> "Figure":
    """Loss against epoch, one panel per scheme, one colour per fold; a dot marks the chosen epoch.

    curves : scheme, fold, part, epoch, train_loss, validation_loss, the last NaN for networks trained on all training
    samples. Lines are means over the networks that hold a block out (solid: that block, dashed: training data), or
    over all networks where none does. The chosen epoch is the last one of the networks trained on all samples.
    """
    schemes = list(dict.fromkeys(curves["scheme"]))
    figure = blank(0.7 + 2.6 * len(schemes), title)
    panels = figure.subplots(len(schemes), 1, sharex=True, squeeze=False)[:, 0]
    for axes, scheme in zip(panels, schemes, strict=True):
        of_scheme = curves[curves["scheme"] == scheme]
        for number, (fold, rows) in enumerate(of_scheme.groupby("fold")):
            _fold(axes, rows, PALETTE[number % len(PALETTE)], f"fold {fold}")
        axes.set_title(scheme, fontsize=10, loc="left")
        axes.set(ylabel="loss")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8, ncols=3)
    panels[-1].set(xlabel="epoch (solid: held-out block, dashed: training, dot: where training on everything stops)")
    return figure


def _fold(axes: "Axes", rows: pd.DataFrame, colour: str, name: str) -> None:
    held_out = rows["validation_loss"].notna()
    shown = rows[held_out] if held_out.any() else rows
    mean = shown.groupby("epoch")[["train_loss", "validation_loss"]].mean()
    if not held_out.any():
        axes.plot(mean.index, mean["train_loss"], "--", color=colour, label=name)
        return
    axes.plot(mean.index, mean["train_loss"], "--", color=colour, linewidth=1)
    axes.plot(mean.index, mean["validation_loss"], color=colour, label=name)
    chosen = rows.loc[~held_out, "epoch"].max()
    if chosen in mean.index:
        axes.plot(chosen, mean.loc[chosen, "validation_loss"], "o", color=colour)
