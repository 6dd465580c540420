"""Plots of estimated connectivity."""

from typing import TYPE_CHECKING, Any

import numpy as np

from neuropipe.plots.style import blank

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def of_connectivity(made: Any) -> "dict[str, Figure]":
    """Name -> plot of one estimate. made : Connectivity"""
    return {"matrix": matrix(made.weights[:])}


def matrix(weights: np.ndarray, title: str = "") -> "Figure":
    """Weights of all pairs, (source, target); red excites, blue inhibits."""
    figure = blank(7.0, title)
    axes = figure.subplots()
    limit = max(float(np.quantile(np.abs(weights), 0.995)), 1e-12)
    image = axes.imshow(weights, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    axes.set_xlabel("target unit")
    axes.set_ylabel("source unit")
    figure.colorbar(image, ax=axes, label="weight", shrink=0.8)
    return figure
