"""Spike counts that were published already binned: in trials, or of a continuous session."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuropipe.errors import BadInput


@dataclass(frozen=True)
class _Counts:
    """counts : unsigned integers, the last axis is units; bin_width, start : s."""

    axes: ClassVar[tuple[str, ...]]

    counts: np.ndarray
    bin_width: float
    start: float

    @property
    def n_units(self) -> int:
        """Number of units."""
        return self.counts.shape[-1]

    def check(self) -> None:
        """Refuse (BadInput) counts with other axes or of another type, and bins that are not seconds."""
        if self.counts.ndim != len(self.axes):
            raise BadInput(f"counts must have the axes {', '.join(self.axes)}; found the shape {self.counts.shape}")
        if self.counts.dtype.kind != "u":
            raise BadInput(f"counts must be unsigned integers, found {self.counts.dtype}")
        if not (np.isfinite(self.bin_width) and self.bin_width > 0 and np.isfinite(self.start)):
            raise BadInput(f"bin_width {self.bin_width} and start {self.start} must be s, and bin_width above 0")


@dataclass(frozen=True)
class TrialCounts(_Counts):
    """Spike counts in trials.

    counts : (trial, bin, unit) unsigned integers; bin_width : s
    start : s, left edge of the first bin relative to the event that trials are aligned to
    """

    axes: ClassVar = ("trial", "bin", "unit")


@dataclass(frozen=True)
class TimeCounts(_Counts):
    """Spike counts of a continuous session.

    counts : (time, unit) unsigned integers; bin_width : s; start : s, left edge of the first bin
    """

    axes: ClassVar = ("time", "unit")
