"""Plots by subject: each function takes arrays or tables and returns a matplotlib Figure that no global state knows.

Plots take data, never sessions; a title is given where the plot is shown. `save` writes a figure as PNG, the same bytes
for the same figure.
"""

from neuropipe.plots.scores import confusion_matrix, score_with_baselines
from neuropipe.plots.style import save
from neuropipe.plots.trials import raster_and_psth

__all__ = ["confusion_matrix", "raster_and_psth", "save", "score_with_baselines"]
