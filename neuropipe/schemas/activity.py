"""Activity: what units did, from whichever source a session names: spikes, counts, events of ROIs, or signals."""

from dataclasses import dataclass
from typing import Any

from neuropipe.schemas.base import Schema, array, attribute

IN_SPIKES = "expected spikes"  # how the unit of calibrated events begins


@dataclass(frozen=True, kw_only=True)
class Activity(Schema):
    """Exactly one of spike times, published counts, events and signals; never written: it is read from its source.

    times : (spike,) s; offsets : (unit + 1,); trial_counts : (trial, bin, unit); time_counts : (time, unit);
    events : (time, unit), NaN where an ROI was not recorded; frame_times : (time,) s
    signals : (time, unit), averaged in bins, where spikes and events are summed; quantity : their unit (uV, ...);
    sampling_rate : Hz; segments, segment_starts as in Recording
    """

    times: Any = array("spike", optional=True)
    offsets: Any = array("unit_edge", kinds="i", optional=True)
    trial_counts: Any = array("trial", "bin", "unit", kinds="u", optional=True)
    time_counts: Any = array("time", "unit", kinds="u", optional=True)
    events: Any = array("time", "unit", optional=True)
    frame_times: Any = array("time", optional=True)
    signals: Any = array("time", "unit", optional=True)
    segments: Any = array("segment", "edge", kinds="i", optional=True)
    segment_starts: Any = array("segment", optional=True)
    sampling_rate: float | None = attribute(of="signals", default=None)
    quantity: str | None = attribute(of="signals", default=None)

    @property
    def published(self) -> tuple[float, float]:
        """bin_width and start (s) of counts that were published already binned."""
        counts = self.trial_counts if self.trial_counts is not None else self.time_counts
        return counts.attrs["bin_width"], counts.attrs["start"]

    @property
    def n_units(self) -> int:
        for counts in (self.trial_counts, self.time_counts, self.events, self.signals):
            if counts is not None:
                return counts.shape[-1]
        return self.offsets.shape[0] - 1
