"""Connectivity: the estimated influence of every unit on every other one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.schemas.base import Schema, array, attribute, document, table


@dataclass(frozen=True, kw_only=True)
class ConnectivityReliability(Schema):
    """reliability : a row per measure, see neuropipe.connectivity.reliability; limits : a sentence on what a matrix can
    mean, given how finely the activity is resolved in time."""

    reliability: pd.DataFrame = table("measurement", "measure", "value", "ci_low", "ci_high", "n")
    limits: str = document()


@dataclass(frozen=True, kw_only=True)
class ConnectivityGraph(Schema):
    """units : a row per unit: in_degree, out_degree, in_strength, out_strength (sums of |weight|) and module, -1 where
    nothing was estimated; measures : of the whole graph, see neuropipe.connectivity.graph_measures

    areas : a row per ordered pair of areas, see neuropipe.connectivity.regions; threshold : what counts as found
    """

    units: pd.DataFrame = table("unit", "in_degree", "out_degree", "in_strength", "out_strength", "module")
    measures: pd.DataFrame = table("measure", "measure", "value", "random", "random_sd")
    areas: pd.DataFrame | None = table(
        "pair", "source_area", "target_area", "possible", "found", "fraction", optional=True
    )
    threshold: str = document()


@dataclass(frozen=True, kw_only=True)
class ConnectivityAgreement(Schema):
    """agreement : a row per session and pair of methods, see neuropipe.connectivity.agreement."""

    agreement: pd.DataFrame = table("pair", "session", "first", "second", "rank_correlation", "top_overlap")


@dataclass(frozen=True, kw_only=True)
class Connectivity(Schema):
    """weights : (source, target), influence of the source on the target, 0 on the diagonal; p_values, delays (s)
    likewise, NaN where unknown.

    units : a row per unit, with the columns of the recording's unit table and `left_out`, why nothing was estimated for
    a unit, "" for most; method : that made it; directed, signed, calibrated : as the method declares
    parameters : of the method, and epoch and label, which say what of the session was looked at
    """

    weights: Any = array("source", "target", finite=True)
    p_values: Any = array("source", "target", optional=True)
    delays: Any = array("source", "target", optional=True)
    weights_std: Any = array("source", "target", optional=True)
    units: pd.DataFrame = table("source", "left_out")
    method: str = attribute(of="weights", default="")
    directed: bool = attribute(of="weights", default=True)
    signed: bool = attribute(of="weights", default=True)
    calibrated: bool = attribute(of="weights", default=False)
    parameters: Mapping[str, Any] = attribute(of="weights", default=None)

    def to_pandas(self) -> pd.DataFrame:
        """The pairs that have a weight, the largest first: source, target, weight, p_value, delay (s)."""
        weights = self.weights[:]
        source, target = np.nonzero(weights)
        order = np.argsort(-np.abs(weights[source, target]), kind="stable")
        source, target = source[order], target[order]

        def of(values: Any) -> np.ndarray:
            return np.full(len(source), np.nan) if values is None else values[:][source, target]

        columns = {"weight": of(self.weights), "p_value": of(self.p_values), "delay": of(self.delays)}
        return pd.DataFrame({"source": source, "target": target, **columns})
