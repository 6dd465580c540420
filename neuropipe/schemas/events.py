"""Events: what a deconvolver found in dF/F, and the scores of it where the true spikes are known."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from neuropipe.schemas.base import Schema, array, attribute, table


@dataclass(frozen=True, kw_only=True)
class Events(Schema):
    """events, uncertainty : (time, unit) float32, NaN where an ROI was not recorded; frame_times : (time,) s

    units : what one event counts; frame_rate : Hz; method : the deconvolver; rois : a row per ROI
    """

    events: Any = array("time", "unit")
    frame_times: Any = array("time", finite=True)
    uncertainty: Any = array("time", "unit", optional=True)
    rois: pd.DataFrame = table("unit", "noise", "seconds", "events")
    units: str = attribute(of="events")
    frame_rate: float = attribute(of="events")
    method: str = attribute(of="events")


@dataclass(frozen=True, kw_only=True)
class DeconvolutionScores(Schema):
    """scores : a row per ROI and smoothing; summary : over ROIs; unmatched : ROIs that are no true cell;
    reliability : error against stated uncertainty, a row per ROI and tenth of its bins."""

    scores: pd.DataFrame = table("score", "roi", "smoothing", "correlation")
    summary: pd.DataFrame = table("summary", "metric", "value")
    unmatched: pd.DataFrame = table("unmatched", "roi")
    reliability: pd.DataFrame | None = table("reliability", optional=True)
