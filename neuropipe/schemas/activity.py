"""Activity: what units did, from whichever source a session names: recorded spikes or counts, or events of ROIs."""

from dataclasses import dataclass
from typing import Any

from neuropipe.schemas.base import Schema, array

IN_SPIKES = "expected spikes"  # how the unit of calibrated events begins


@dataclass(frozen=True, kw_only=True)
class Activity(Schema):
    """Exactly one of spike times, published counts and events; never written, since it is read from its source.

    times : (spike,) s; offsets : (unit + 1,); trial_counts : (trial, bin, unit); time_counts : (time, unit);
    events : (time, unit), NaN where an ROI was not recorded; frame_times : (time,) s
    """

    times: Any = array("spike", optional=True)
    offsets: Any = array("unit_edge", kinds="i", optional=True)
    trial_counts: Any = array("trial", "bin", "unit", kinds="u", optional=True)
    time_counts: Any = array("time", "unit", kinds="u", optional=True)
    events: Any = array("time", "unit", optional=True)
    frame_times: Any = array("time", optional=True)

    @property
    def published(self) -> tuple[float, float]:
        """bin_width and start (s) of counts that were published already binned."""
        counts = self.trial_counts if self.trial_counts is not None else self.time_counts
        return counts.attrs["bin_width"], counts.attrs["start"]

    @property
    def n_units(self) -> int:
        for counts in (self.trial_counts, self.time_counts, self.events):
            if counts is not None:
                return counts.shape[-1]
        return self.offsets.shape[0] - 1
