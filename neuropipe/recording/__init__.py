"""Recording: what every reader and simulator returns, whatever the format, and what later stages start from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

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


class _Frames:
    """What is taken frame by frame, at `frame_times`."""

    frame_times: np.ndarray

    @property
    def frame_rate(self) -> float:
        """Hz, of the usual interval between frames."""
        return 1 / float(np.median(np.diff(self.frame_times)))

    @property
    def n_skipped(self) -> int:
        """Frames that are missing between those there are, at that rate."""
        return int(np.round(np.diff(self.frame_times) * self.frame_rate - 1).clip(0).sum())


@dataclass(frozen=True)
class Fluorescence(_Frames):
    """Fluorescence of all ROIs, relative to each one's baseline.

    dff : (time, roi) float32, dF/F; NaN where an ROI was not recorded
    frame_times : (time,) float64, s, ascending, on the recording's own clock
    """

    dff: np.ndarray
    frame_times: np.ndarray


class Frames(Protocol):
    """Images that can be sliced in time, as numpy, Zarr and memory-mapped arrays can; they need not be in memory."""

    shape: tuple[int, ...]
    dtype: np.dtype

    def __getitem__(self, frames: slice) -> np.ndarray: ...


@dataclass(frozen=True)
class Movie(_Frames):
    """A movie of which the ROIs are still to be found.

    frames : (time, y, x) integers of 8 or 16 bits; read in stretches of time, as they need not fit into memory
    frame_times : (time,) float64, s, ascending, on the recording's own clock
    """

    frames: Frames
    frame_times: np.ndarray


@dataclass(frozen=True)
class TimeSeries:
    """A behavioural signal. times : (time,) s, ascending; values : (time,) or (time, k); columns : names of the k."""

    times: np.ndarray
    values: np.ndarray
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One session in standard form.

    units : one row a unit or ROI, in the order of every unit axis (columns are free: brain_area, quality, ...); none
        for a movie
    trials : one row a trial in time order; event columns in s (`start`, `stop`, `stimulus`, `response`, ...) and
        label columns (`choice`, `feedback`, ...); None for continuous sessions
    spikes, counts, fluorescence or movie : exactly one of them
    epochs : stretches of the recording, one row each: name, start, stop (s), such as wake and sleep
    behaviour : named signals; truth : what a simulation or a second instrument knows (named arrays); the true spikes
        of ROIs, or of the cells of a movie, are spike_times, (spike,) s, and spike_offsets, (n_roi + 1,), as in
        SpikeTrains
    """

    units: pd.DataFrame
    trials: pd.DataFrame | None = None
    spikes: SpikeTrains | None = None
    counts: TrialCounts | TimeCounts | None = None
    fluorescence: Fluorescence | None = None
    movie: Movie | None = None
    epochs: pd.DataFrame | None = None
    behaviour: Mapping[str, TimeSeries] = field(default_factory=dict)
    truth: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        recorded = [data for data in (self.spikes, self.counts, self.fluorescence, self.movie) if data is not None]
        if len(recorded) != 1:
            raise BadInput(
                "a recording holds either spike times, published counts, fluorescence or a movie: one, not "
                f"{len(recorded)}"
            )
        if self.spikes is not None:
            n_units = self.spikes.n_units
            _check_spikes(self.spikes)
        elif self.counts is not None:
            n_units = self.counts.counts.shape[-1]
            _check_counts(self.counts, self.trials)
        elif self.movie is not None:
            n_units = 0
            _check_movie(self.movie)
        else:
            n_units = self.fluorescence.dff.shape[-1]
            _check_fluorescence(self.fluorescence)
            _check_true_spikes(self.truth, n_units)
        if len(self.units) != n_units:
            raise BadInput(f"the unit table has {len(self.units)} rows, the data {n_units} units")


def _check_fluorescence(fluorescence: Fluorescence) -> None:
    dff, times = fluorescence.dff, fluorescence.frame_times
    if dff.ndim != 2 or dff.dtype != np.float32 or dff.shape[1] == 0 or times.shape != dff.shape[:1]:
        raise BadInput(
            f"dF/F must be float32 (time, roi) with a time for every frame and at least one ROI; found {dff.dtype} "
            f"{dff.shape} and {times.shape} frame times"
        )
    _check_frame_times(times)
    if np.any(np.isinf(dff)):
        frame, roi = (int(index) for index in np.argwhere(np.isinf(dff))[0])
        raise BadInput(f"dF/F of ROI {roi} is infinite at frame {frame}: was it divided by a baseline of 0?")
    empty = np.flatnonzero(np.isnan(dff).all(axis=0))
    if len(empty):
        raise BadInput(f"ROI {empty[0]} holds no dF/F but NaN ({len(empty)} such of {dff.shape[1]}); leave it out")


def _check_movie(movie: Movie) -> None:
    shape, dtype, times = tuple(movie.frames.shape), np.dtype(movie.frames.dtype), movie.frame_times
    if len(shape) != 3 or 0 in shape or times.shape != shape[:1]:
        raise BadInput(
            f"a movie must be (time, y, x) with a time for every frame; found {shape} and {times.shape} frame times"
        )
    if dtype.kind not in "iu" or dtype.itemsize > 2:
        raise BadInput(f"a movie must hold integers of 8 or 16 bits, as cameras and detectors give; found {dtype}")
    _check_frame_times(times)


def _check_frame_times(times: np.ndarray) -> None:
    if len(times) < 2:
        raise BadInput(f"the recording has {len(times)} frame; it takes two or more to be a recording in time")
    if not np.all(np.isfinite(times)):
        frame = int(np.argmin(np.isfinite(times)))
        raise BadInput(f"the time of frame {frame} is {times[frame]}; give every frame a time, in s")
    if np.any(np.diff(times) <= 0):
        frame = int(np.argmax(np.diff(times) <= 0)) + 1
        raise BadInput(
            f"frame times run backwards: frame {frame} is at {times[frame]:.9g} s, the one before it at "
            f"{times[frame - 1]:.9g} s; put the frames in the order in which they were taken, each once"
        )


def _check_true_spikes(truth: Mapping[str, np.ndarray], n_roi: int) -> None:
    if "spike_times" not in truth:
        return
    spikes = SpikeTrains(truth["spike_times"], truth["spike_offsets"])
    if spikes.n_units != n_roi:
        raise BadInput(f"there are true spikes of {spikes.n_units} ROIs, and dF/F of {n_roi}; give both of each")
    _check_spikes(spikes)


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
