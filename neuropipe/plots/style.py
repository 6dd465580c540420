"""Shared style of all plots: colours, markers, page width, an empty figure, and saving as PNG.

Colours are Okabe and Ito's, which colour-blind readers tell apart; no meaning rests on colour alone.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")
GREY = "#666666"
WIDTH = 9.0  # inches at 100 dots each: readable 900 pixels wide


def save(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG without metadata that depends on when and by what it was made."""
    figure.savefig(path, format="png", dpi=100, metadata={"Software": None, "Creation Time": None})


def blank(height: float, title: str, width: float = WIDTH) -> "Figure":
    """An empty figure of this size in inches, with its title if there is one."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    if title:
        figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    return figure
