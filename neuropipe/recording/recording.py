"""The standard form of a session, whatever the format that it was read from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.recording.counts import TimeCounts, TrialCounts
from neuropipe.recording.fluorescence import Fluorescence
from neuropipe.recording.movie import Movie
from neuropipe.recording.signals import Signals
from neuropipe.recording.spike_trains import SpikeTrains
from neuropipe.recording.time_series import TimeSeries
from neuropipe.recording.voltage import Voltage


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One session in standard form.

    units : one row per unit, ROI, channel or voxel, in the order of every unit axis (columns are free: brain_area,
        quality, ...); no row for a movie or voltage
    trials : one row per trial in time order; event columns in s (`start`, `stop`, `stimulus`, `response`, ...) and
        label columns (`choice`, `feedback`, ...); None for continuous sessions
    spikes, counts, fluorescence, movie, signals or voltage : exactly one of them
    epochs : stretches of the recording such as wake and sleep, one row each: name, start, stop (s)
    behaviour : named signals
    truth : named arrays of what a simulation, a second instrument or a person knows. Spikes of ROIs, of the cells of
        a movie or of the units in voltage: spike_times, (spike,) s, and spike_offsets, (n + 1,), as in SpikeTrains.
        Cells of a movie: footprint_pixels, footprint_weights and footprint_offsets, as in neuropipe.calcium.footprints
    notes : what a reader left out and why, e.g. numbers of units that fail a filter; shown with the recording
    """

    units: pd.DataFrame
    trials: pd.DataFrame | None = None
    spikes: SpikeTrains | None = None
    counts: TrialCounts | TimeCounts | None = None
    fluorescence: Fluorescence | None = None
    movie: Movie | None = None
    signals: Signals | None = None
    voltage: Voltage | None = None
    epochs: pd.DataFrame | None = None
    behaviour: Mapping[str, TimeSeries] = field(default_factory=dict)
    truth: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: Mapping[str, int | float | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kinds = (self.spikes, self.counts, self.fluorescence, self.movie, self.signals, self.voltage)
        recorded = [data for data in kinds if data is not None]
        if len(recorded) != 1:
            raise BadInput(
                "a recording holds either spike times, published counts, fluorescence, a movie, signals or voltage: "
                f"one, not {len(recorded)}"
            )
        (data,) = recorded
        data.check()
        if isinstance(data, TrialCounts) and len(data.counts) != self.n_trials:
            raise BadInput(f"{len(data.counts)} trials of counts but {self.n_trials} rows of labels")
        if len(self.units) != data.n_units:
            raise BadInput(f"the unit table has {len(self.units)} rows, the data {data.n_units} units")
        for name, series in self.behaviour.items():
            series.check(name)
        if self.fluorescence is not None and "spike_times" in self.truth:
            self._check_true_spikes(self.fluorescence.n_units)

    @property
    def n_trials(self) -> int:
        """Number of trials; 0 for a continuous session."""
        return 0 if self.trials is None else len(self.trials)

    def _check_true_spikes(self, n_roi: int) -> None:
        spikes = SpikeTrains(self.truth["spike_times"], self.truth["spike_offsets"])
        if spikes.n_units != n_roi:
            raise BadInput(f"there are true spikes of {spikes.n_units} ROIs, and dF/F of {n_roi}; give both of each")
        spikes.check()
