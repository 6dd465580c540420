"""Plots by subject: each function takes arrays or tables and returns a matplotlib Figure that no global state knows.

Plots take data, never sessions; a title is given where the plot is shown. `save` writes a figure as PNG, the same bytes
for the same figure.
"""

from neuropipe.plots.style import save

__all__ = ["save"]
