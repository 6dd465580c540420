"""Recording: what every reader and simulator returns, whatever the format, and what later stages start from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput


@dataclass(frozen=True)
class SpikeTrains:
    """Spike times of all units, one after another.

    times : (spike,) float64, s, ascending within each unit, on the recording's own clock
    offsets : (n_units + 1,) int64; unit u owns times[offsets[u]:offsets[u + 1]]
    """

    times: np.ndarray
    offsets: np.ndarray

    @classmethod
    def from_list(cls, trains: list[np.ndarray]) -> "SpikeTrains":
        """Gather one array of spike times a unit."""
        offsets = np.concatenate([[0], np.cumsum([len(train) for train in trains])]).astype(np.int64)
        times = np.concatenate(trains) if trains else np.empty(0)
        return cls(np.ascontiguousarray(times, np.float64), offsets)

    @property
    def n_units(self) -> int:
        return len(self.offsets) - 1


@dataclass(frozen=True)
class TrialCounts:
    """Spike counts that were published already binned.

    counts : (trial, bin, unit) unsigned integers; bin_width : s;
    start : s, left edge of the first bin relative to the event that trials are aligned to
    """

    counts: np.ndarray
    bin_width: float
    start: float


@dataclass(frozen=True)
class TimeCounts:
    """Spike counts of a continuous session that were published already binned.

    counts : (time, unit) unsigned integers; bin_width : s; start : s, left edge of the first bin
    """

    counts: np.ndarray
    bin_width: float
    start: float


@dataclass(frozen=True)
class TimeSeries:
    """A behavioural signal. times : (time,) s, ascending; values : (time,) or (time, k); columns : names of the k."""

    times: np.ndarray
    values: np.ndarray
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One session in standard form.

    units : one row a unit, in the order of every unit axis (columns are free: brain_area, quality, ...)
    trials : one row a trial in time order; event columns in s (`start`, `stop`, `stimulus`, `response`, ...) and
        label columns (`choice`, `feedback`, ...); None for continuous sessions
    spikes or counts : exactly one of them
    epochs : stretches of the recording, one row each: name, start, stop (s), such as wake and sleep
    behaviour : named signals; truth : what a simulation knows (named arrays)
    """

    units: pd.DataFrame
    trials: pd.DataFrame | None = None
    spikes: SpikeTrains | None = None
    counts: TrialCounts | TimeCounts | None = None
    epochs: pd.DataFrame | None = None
    behaviour: Mapping[str, TimeSeries] = field(default_factory=dict)
    truth: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.spikes is None) == (self.counts is None):
            raise BadInput("a recording holds either spike times or published counts")
        n_units = self.spikes.n_units if self.spikes is not None else self.counts.counts.shape[-1]
        if len(self.units) != n_units:
            raise BadInput(f"the unit table has {len(self.units)} rows, the data {n_units} units")
        if self.counts is not None:
            _check_counts(self.counts, self.trials)
        else:
            _check_spikes(self.spikes)


def _check_counts(published: TrialCounts | TimeCounts, trials: pd.DataFrame | None) -> None:
    n_trials = len(trials) if trials is not None else 0
    if isinstance(published, TrialCounts) and published.counts.shape[0] != n_trials:
        raise BadInput(f"{published.counts.shape[0]} trials of counts but {n_trials} rows of labels")
    if published.counts.dtype.kind != "u":
        raise BadInput(f"counts must be unsigned integers, found {published.counts.dtype}")


def _check_spikes(spikes: SpikeTrains) -> None:
    if spikes.offsets[0] != 0 or spikes.offsets[-1] != len(spikes.times) or np.any(np.diff(spikes.offsets) < 0):
        raise BadInput(f"offsets must rise from 0 to the number of spikes ({len(spikes.times)})")
    for unit in range(spikes.n_units):
        train = spikes.times[spikes.offsets[unit] : spikes.offsets[unit + 1]]
        if not np.all(np.isfinite(train)):
            raise BadInput(f"unit {unit} has spike times that are not finite")
        if np.any(np.diff(train) < 0):
            raise BadInput(f"the spike times of unit {unit} are not sorted; sort them within each unit")
