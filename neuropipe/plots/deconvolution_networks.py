"""Plots of deconvolution networks: learning curves, and their error against their uncertainty."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from neuropipe.plots.style import PALETTE, WIDTH, blank

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def learning_curves(curves: pd.DataFrame, *, title: str = "") -> "Figure":
    """Loss against step, one panel per rate, one colour per data set left out, one line per network.

    curves : left_out, rate (Hz), seed, step, loss
    """
    rates = sorted(set(curves["rate"]), reverse=True)
    figure = blank(0.7 + 2.6 * len(rates), title)
    colours = dict(zip(dict.fromkeys(curves["left_out"]), PALETTE * 9, strict=False))
    panels = figure.subplots(len(rates), 1, squeeze=False)[:, 0]
    for axes, rate in zip(panels, rates, strict=True):
        for (left_out, seed), rows in curves[curves["rate"] == rate].groupby(["left_out", "seed"], sort=False):
            first = seed == curves["seed"].min()
            axes.plot(
                rows["step"], rows["loss"], color=colours[left_out], linewidth=1, label=left_out if first else None
            )
        axes.set_title(f"{rate:g} Hz", fontsize=10, loc="left")
        axes.set(ylabel="loss", yscale="log")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8, ncols=4, title="left out", title_fontsize=8)
    panels[-1].set(xlabel="step")
    return figure


def reliability(table: pd.DataFrame, *, title: str = "") -> "Figure":
    """Error against uncertainty. table : of `neuropipe.calcium.reliability.reliability`"""
    figure = blank(0.5 * WIDTH, title, width=0.6 * WIDTH)
    axes = figure.subplots()
    axes.plot(table["uncertainty"], table["error"], "o-", color=PALETTE[0], label="measured")
    ends = np.array([table["uncertainty"].min(), table["uncertainty"].max()])
    axes.plot(ends, ends, ":", color="black", linewidth=0.8, label="error = uncertainty")
    axes.set(xlabel="uncertainty (spikes per bin)", ylabel="root mean square error (spikes per bin)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    return figure
