"""Scores of sorted units against the true ones."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from neuropipe.evaluation.families.family import Metric, ScoreFamily
from neuropipe.registry import score_family

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@score_family("sorting")
def sorting() -> ScoreFamily:
    """How well a sorter finds the true units: the median over them of shared over all spikes of either."""
    fraction: dict[str, Any] = {"lower_bound": 0.0, "upper_bound": 1.0}
    return ScoreFamily(
        name="sorting",
        title="units sorted",
        schemes="{}",
        metrics={
            "median_accuracy": Metric(label="accuracy", unit="median over true units", **fraction),
            "well_found": Metric(label="found", unit="fraction of true units with accuracy of .8 or more", **fraction),
            "mean_accuracy": Metric(label="mean", unit="accuracy, mean over true units", **fraction),
            "recall": Metric(label="recall", unit="median over true units", **fraction),
            "precision": Metric(label="precision", unit="median over true units", **fraction),
            "false_units": Metric(label="false", unit="fraction of sorted units", lower_is_better=True, **fraction),
        },
        judged=(),
        columns=("well_found", "recall", "precision", "false_units"),
        explanation=(
            "Accuracy of a true unit is the number of spikes that it shares with its sorted partner over all spikes of "
            "either, 0 where it was missed; found are units with .8 or more, false are sorted units whose accuracy "
            "with any true unit is below .5. Intervals of 95 % are by bootstrap over units."
        ),
        draw=draw_units,
    )


def draw_units(scores: pd.DataFrame, primary: str, details: Mapping[str, Any]) -> "dict[str, Figure]":
    """Accuracy, recall and precision of each true unit. details : units, a column -> values"""
    from neuropipe.plots.sortings import accuracy_of_units

    return {"units": accuracy_of_units(pd.DataFrame(details["units"]))} if "units" in details else {}
