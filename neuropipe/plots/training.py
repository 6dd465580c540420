"""Figures of training: how well networks fit what they learn from, and what was held out, as epochs go by."""

from typing import TYPE_CHECKING

import pandas as pd

from neuropipe.plots import PALETTE, WIDTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def learning_curves(curves: pd.DataFrame, *, title: str = "") -> "Figure":
    """Loss against epoch, one panel a scheme, one colour a fold; the epoch that was chosen is marked.

    curves : scheme, fold, part, epoch, train_loss, validation_loss, the last NaN for networks trained on all training
    samples. Lines are means over the networks that hold a block out (solid: that block, dashed: what they learn from),
    or over all networks where none does. As many epochs as the other networks were trained were chosen.
    """
    from matplotlib.figure import Figure

    schemes = list(dict.fromkeys(curves["scheme"]))
    figure = Figure(figsize=(WIDTH, 0.7 + 2.6 * len(schemes)), layout="constrained")
    if title:
        figure.suptitle(title, fontsize=11, x=0.01, ha="left")
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
