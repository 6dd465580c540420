"""Spike times of trials, for decoders that do not need bins."""

from dataclasses import dataclass

import numpy as np

from neuropipe.errors import BadInput


@dataclass(frozen=True)
class TrialSpikes:
    """Spike times of all trials, concatenated: those of trial i are times[offsets[i] : offsets[i + 1]].

    times : (spike,) s from the start of its trial, in any order; unit : (spike,) 0 .. n_units - 1;
    offsets : (trial + 1,); duration : of every trial, s
    """

    times: np.ndarray
    unit: np.ndarray
    offsets: np.ndarray
    n_units: int
    duration: float

    def __post_init__(self):
        times, unit, offsets = (np.asarray(values) for values in (self.times, self.unit, self.offsets))
        if times.ndim != 1 or times.shape != unit.shape:
            raise BadInput(f"times have shape {times.shape} and unit {unit.shape}; give one unit for each time")
        if offsets.ndim != 1 or offsets[:1] != 0 or offsets[-1] != len(times) or (np.diff(offsets) < 0).any():
            raise BadInput(f"offsets must rise from 0 to the number of spikes, which is {len(times)}")
        if len(times) and (unit.min() < 0 or unit.max() >= self.n_units):
            raise BadInput(f"units {unit.min()} to {unit.max()} were found; n_units = {self.n_units} has 0 to one less")
        if not ((times >= 0) & (times < self.duration)).all():
            raise BadInput(
                f"times must be from 0 to below duration = {self.duration} s, counted from the trial's start"
            )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def counts(self, n_bins: int) -> np.ndarray:
        """(trial, bin, unit) counts in equal bins from the start of the trials to their end."""
        trial = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        bins = np.minimum((np.asarray(self.times) / self.duration * n_bins).astype(int), n_bins - 1)
        place = np.ravel_multi_index((trial, bins, self.unit), (len(self), n_bins, self.n_units))
        return np.bincount(place, minlength=len(self) * n_bins * self.n_units).reshape(len(self), n_bins, self.n_units)
