"""Figures of the networks that deconvolve: how they learned, and how far their uncertainty can be trusted."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from neuropipe.plots import PALETTE, WIDTH

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def learning_curves(curves: pd.DataFrame) -> "Figure":
    """Loss against step, one panel a rate, one colour a data set left out, one line a network.

    curves : left_out, rate (Hz), seed, step, loss
    """
    from matplotlib.figure import Figure

    rates = sorted(set(curves["rate"]), reverse=True)
    figure = Figure(figsize=(WIDTH, 0.7 + 2.6 * len(rates)), layout="constrained")
    figure.suptitle("networks for deconvolution", fontsize=11, x=0.01, ha="left")
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
    """Error against uncertainty, as found in `neuropipe.calcium.reliability.reliability`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(0.6 * WIDTH, 0.5 * WIDTH), layout="constrained")
    if title:
        figure.suptitle(title, fontsize=11)
    axes = figure.subplots()
    axes.plot(table["uncertainty"], table["error"], "o-", color=PALETTE[0], label="as found")
    ends = np.array([table["uncertainty"].min(), table["uncertainty"].max()])
    axes.plot(ends, ends, ":", color="black", linewidth=0.8, label="as said")
    axes.set(xlabel="uncertainty (spikes a bin)", ylabel="root mean square error (spikes a bin)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    return figure
