"""Features, Spectra, Evoked: what is made of continuous signals (field potentials, BOLD)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.recording import Signals, sample_times
from neuropipe.schemas.base import Schema, array, attribute, table
from neuropipe.schemas.chunks import roi_chunks


def signal_fields(made: Signals) -> dict[str, Any]:
    """Signals as the fields of the schemas that hold them."""
    return {
        "signals": made.values,
        "segments": made.segments,
        "segment_starts": made.starts,
        "sampling_rate": made.sampling_rate,
        "quantity": made.unit,
    }


def signal_facts(made: Signals) -> dict[str, Any]:
    """What people want to know of signals."""
    return {
        "channels": made.n_units,
        "samples": len(made.values),
        "sampling_rate": round(made.sampling_rate, 6),
        "seconds": round(len(made.values) / made.sampling_rate, 3),
        "segments": len(made.segments),
        "quantity": made.unit,
    }


@dataclass(frozen=True, kw_only=True)
class Features(Schema):
    """signals : (time, unit), one or more features of every channel; segments, segment_starts as in Recording

    units : a row per feature: channel, feature, and what the recording says of the channel; sampling_rate : Hz;
    quantity : that the values are in; method : what made them
    """

    signals: Any = array("time", "unit", finite=True)
    segments: Any = array("segment", "edge", kinds="i")
    segment_starts: Any = array("segment", finite=True)
    units: pd.DataFrame = table("unit", "channel", "feature")
    sampling_rate: float = attribute(of="signals")
    quantity: str = attribute(of="signals")
    method: str = attribute(of="signals")

    @property
    def times(self) -> np.ndarray:
        """(time,) s"""
        return sample_times(self.segments[:], self.segment_starts[:], self.sampling_rate)

    def chunks(self, name: str) -> tuple[int, ...] | None:
        return roi_chunks(self.signals.shape) if name == "signals" else None


@dataclass(frozen=True, kw_only=True)
class Spectra(Schema):
    """power : (frequency, unit), quantity squared per Hz; coherence : (frequency, pair), magnitude squared, 0 to 1

    frequencies : (frequency,) Hz; pairs : channels of each pair (empty where there are too many channels); peaks : a
    row per band and channel, the frequency of its rhythm (Hz, NaN where there is none) and its power;
    chance : coherence that independent signals stay under in 95 % of frequencies
    """

    frequencies: Any = array("frequency", finite=True)
    power: Any = array("frequency", "unit", finite=True)
    coherence: Any = array("frequency", "pair", finite=True)
    channels: pd.DataFrame = table("unit", "channel")
    pairs: pd.DataFrame = table("pair", "first", "second")
    peaks: pd.DataFrame = table("peak", "band", "low", "high", "channel", "frequency", "power")
    quantity: str = attribute(of="power")
    method: str = attribute(of="power")
    windows: int = attribute(of="power")
    chance: float = attribute(of="coherence")


@dataclass(frozen=True, kw_only=True)
class Evoked(Schema):
    """mean, error : (class, sample, unit), mean and standard error over trials, relative to the baseline

    times : (sample,) s relative to `align`; classes : a row per class, with its number of trials; channels : as in the
    recording; baseline : (start, stop) s, None where nothing was subtracted
    """

    mean: Any = array("class", "sample", "unit", finite=True)
    error: Any = array("class", "sample", "unit", finite=True)
    times: Any = array("sample", finite=True)
    classes: pd.DataFrame = table("class", "label", "trials")
    channels: pd.DataFrame = table("unit", "channel")
    quantity: str = attribute(of="mean")
    align: str = attribute(of="mean")
    label: str = attribute(of="mean")
    baseline: tuple[float, float] | None = attribute(of="mean", default=None)
