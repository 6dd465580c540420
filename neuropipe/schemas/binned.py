"""Binned: activity in bins with what is to be decoded from it, one schema per shape of the data."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neuropipe import tasks
from neuropipe.schemas.base import Schema, array, attribute, table


@dataclass(frozen=True, kw_only=True)
class Binned(Schema):
    """Activity in bins, of whichever task. task : its kind, which says how the artifact is read."""

    task: str = attribute(of="activity", default="")

    @classmethod
    def read(cls, artifact: Any) -> Any:
        if cls is not Binned:
            return super().read(artifact)
        return tasks.get(artifact.array("activity").attrs["task"]).load("binned").read(artifact)


@dataclass(frozen=True, kw_only=True)
class TrialBins(Binned):
    """activity : (trial, bin, unit), spike counts, summed events or mean signals; labels : (trial,) index into classes

    trials : row in the recording's table, label as people wrote it, start and stop (s, NaN where counts were published
    without a clock); units : rows of the unit table, where some were left out; window : (start, stop) s around align
    quantity : the unit of mean signals, None for counts and events
    """

    activity: Any = array("trial", "bin", "unit", kinds="uf", finite=True)
    labels: Any = array("trial", kinds="i")
    trials: pd.DataFrame = table("trial", "trial", "label", "start", "stop")
    units: Any = array("unit", kinds="i", optional=True)
    bin_width: float = attribute(of="activity")
    window: tuple[float, float] = attribute(of="activity")
    align: str = attribute(of="activity")
    quantity: str | None = attribute(of="activity", default=None)
    label: str = attribute(of="activity")
    classes: tuple[str, ...] = attribute(of="activity")

    @property
    def starts(self) -> np.ndarray | None:
        """(trial,) s; None where counts were published without a clock: they come in time order."""
        starts = self.trials["start"].to_numpy()
        return starts if np.isfinite(starts).all() else None


@dataclass(frozen=True, kw_only=True)
class TimeBins(Binned):
    """activity : (time, unit), spike counts, summed events or mean signals; targets : (time, target), NaN if unknown

    segments : (segment, 2) first bin and the bin after the last; samples : bin, start and stop (s) of each sample's
    window; names : of the targets; circular : they are angles in radians; history : bins of a sample, the current last
    """

    activity: Any = array("time", "unit", kinds="uf", finite=True)
    targets: Any = array("time", "target")
    segments: Any = array("segment", "edge", kinds="i")
    samples: pd.DataFrame = table("sample", "bin", "start", "stop")
    units: Any = array("unit", kinds="i", optional=True)
    bin_width: float = attribute(of="activity")
    history: int = attribute(of="activity")
    names: tuple[str, ...] = attribute(of="targets")
    circular: bool = attribute(of="targets")
