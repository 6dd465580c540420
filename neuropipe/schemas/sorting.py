"""Spike sorting: what was found in voltage before it, the spikes of units, their templates, their quality."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from neuropipe.recording import SpikeTrains
from neuropipe.schemas.base import Schema, array, document, table
from neuropipe.sorting.preprocessing import Prepared

SPIKES_PER_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Preprocessing(Schema):
    """How voltage is made ready for sorting; the filtered voltage itself is computed wherever it is read.

    channels : a row per channel: x, y (um), bad ("" or why it is left out), noise (uV), clipped (fraction of samples)
    motion : (motion_time, depth) um along the probe; settings : of the filter, the reference, the motion
    """

    channels: pd.DataFrame = table("channel", "x", "y", "bad", "noise", "clipped")
    motion_times: Any = array("motion_time", finite=True)
    motion_depths: Any = array("depth", finite=True)
    motion: Any = array("motion_time", "depth", finite=True)
    settings: Mapping[str, Any] = document()

    @property
    def prepared(self) -> Prepared:
        """As the library's functions take it."""
        return Prepared.of(
            {
                **self.settings,
                **{name: self.channels[name].tolist() for name in ("bad", "noise", "clipped")},
                **{name: getattr(self, name)[:].tolist() for name in ("motion_times", "motion_depths", "motion")},
            }
        )

    @classmethod
    def of(cls, prepared: Prepared, channels: pd.DataFrame) -> Self:
        """What `prepare` found, with the table of channels of the voltage."""
        found = prepared.document()
        bad = pd.Series(prepared.bad)
        moved = float(np.ptp(prepared.motion)) if prepared.motion.size > 1 else None
        return cls(
            channels=channels.assign(bad=bad.to_numpy(str), noise=prepared.noise, clipped=prepared.clipped),
            motion_times=prepared.motion_times,
            motion_depths=prepared.motion_depths,
            motion=prepared.motion,
            settings={"settings": found["settings"], "corrected": prepared.corrected},
            facts={
                "channels": len(bad),
                "bad channels": {str(channel): str(bad[channel]) for channel in np.flatnonzero(bad != "")},
                "median noise (uV)": round(float(np.median(prepared.noise)), 2),
                "estimated motion (um)": None if moved is None else round(moved, 1),
                "motion corrected": prepared.corrected,
            },
        )


@dataclass(frozen=True, kw_only=True)
class Sorting(Schema):
    """Spikes of all units found by a sorter. times : (spike,) s, ascending within each unit; offsets : (unit + 1,)."""

    times: Any = array("spike", finite=True)
    offsets: Any = array("unit_edge", kinds="i")

    @property
    def trains(self) -> SpikeTrains:
        """The spike trains in memory."""
        return SpikeTrains(self.times[:], self.offsets[:])

    def chunks(self, name: str) -> tuple[int, ...] | None:
        return (min(SPIKES_PER_CHUNK, max(1, len(self.times))),) if name == "times" else None


@dataclass(frozen=True, kw_only=True)
class Templates(Schema):
    """Mean action potentials of all units, and of each spike its size and place.

    templates : (unit, sample, channel) uV, of good channels, 0 where a unit is not seen; channel_index : (channel,)
    their rows in the recording's table; amplitudes : (spike,) uV at the unit's largest channel, below 0 for a trough;
    depths : (spike,) um along the probe; units : a row per unit: x, y, z (um), channel (row of the recording's table),
    snr, amplitude (uV) and shape metrics; layout : sampling_rate (Hz), before (samples before the peak)
    """

    templates: Any = array("unit", "sample", "channel")
    channel_index: Any = array("channel", kinds="i")
    amplitudes: Any = array("spike")
    depths: Any = array("spike")
    units: pd.DataFrame = table("unit", "x", "y", "channel", "snr", "amplitude")
    layout: Mapping[str, Any] = document()


@dataclass(frozen=True, kw_only=True)
class UnitQuality(Schema):
    """metrics : a row per unit of the sorting: its quality metrics, and the labels of what rules were asked for."""

    metrics: pd.DataFrame = table("unit", "num_spikes", "firing_rate", "snr")


@dataclass(frozen=True, kw_only=True)
class SortedSpikes(Schema):
    """Spikes of the units that passed curation. times, offsets : as in Sorting; units : a row per kept unit, `unit` is
    its row in the sorting; rejected : a row per other unit, `why`."""

    times: Any = array("spike", finite=True)
    offsets: Any = array("unit_edge", kinds="i")
    units: pd.DataFrame = table("unit", "unit")
    rejected: pd.DataFrame = table("rejected", "unit", "why")

    @property
    def trains(self) -> SpikeTrains:
        """The spike trains in memory."""
        return SpikeTrains(self.times[:], self.offsets[:])

    def chunks(self, name: str) -> tuple[int, ...] | None:
        return (min(SPIKES_PER_CHUNK, max(1, len(self.times))),) if name == "times" else None


@dataclass(frozen=True, kw_only=True)
class SortingAgreement(Schema):
    """Two sortings of one recording. agreement : (first, second), shared over all spikes of two units; units : a
    row per unit of the first: partner (its row in the second, -1 for none), agreement with it; names : of both."""

    agreement: Any = array("first", "second", finite=True)
    units: pd.DataFrame = table("first", "unit", "partner", "agreement")
    names: Any = document()
