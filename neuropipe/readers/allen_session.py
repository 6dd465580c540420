"""A Neuropixels session of the Allen Brain Observatory in standard form, however its tables were come by.

Both ways to a session share it: readers.allen_ecephys (its NWB file), readers.allensdk_session (what allensdk read).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import listed
from neuropipe.recording import Recording, SpikeTrains, TimeSeries

# Numbers of a unit that are kept, by the names that allensdk gives them.
UNIT_NUMBERS = (
    "firing_rate",
    "amplitude_cutoff",
    "presence_ratio",
    "isi_violations",
    "snr",
    "isolation_distance",
    "L_ratio",
    "d_prime",
    "nn_hit_rate",
    "nn_miss_rate",
    "silhouette_score",
    "max_drift",
    "cumulative_drift",
    "waveform_duration",
    "waveform_halfwidth",
    "waveform_amplitude",
    "waveform_PT_ratio",
    "anterior_posterior_ccf_coordinate",
    "dorsal_ventral_ccf_coordinate",
    "left_right_ccf_coordinate",
)
# Parameters of a stimulus that may become labels of its trials.
LABELS = (
    "frame",
    "orientation",
    "temporal_frequency",
    "spatial_frequency",
    "contrast",
    "phase",
    "color",
    "x_position",
    "y_position",
    "Speed",
    "Dir",
    "coherence",
)
MASKED = "invalid_presentation"  # name that allensdk gives a presentation in an interval that is invalid
# What these intervals lack is no spike and no stimulus: responses to light, of which no trial is made.
HARMLESS = "optotagging"
BLANK_FRAME = -1


@dataclass(frozen=True)
class AllenSession:
    """units : unit, probe, brain_area, peak_channel, vertical_position (um) and numbers, of units that count, in order
    spikes : of these units; presentations : stimulus_name, start, stop (s), stimulus_block and labels, NaN where a
    stimulus has no such parameter; invalid : start, stop (s) and tags; running : speed, cm/s
    units_in_file : number of units before any filter; notes : as in Recording
    """

    units: pd.DataFrame
    spikes: SpikeTrains
    presentations: pd.DataFrame
    invalid: Sequence[tuple[float, float, tuple[str, ...]]]
    units_in_file: int
    running: TimeSeries | None = None
    notes: Mapping[str, int | float | str] = field(default_factory=dict)

    def recording(self, stimulus: str, *, blank: bool = False) -> Recording:
        """The presentations of one stimulus as trials; those during an interval that is invalid are left out.

        stimulus : its name, e.g. natural_scenes; blank : whether presentations of nothing (frame -1, or a grating
        without orientation) are trials, too
        """
        shown = self.presentations.sort_values("start", kind="stable", ignore_index=True)
        invalid = _overlapping(shown["start"], shown["stop"], [each[:2] for each in self.invalid if _harms(each[2])])
        # A masked presentation lies in the midst of others of its stimulus.
        names = shown["stimulus_name"].mask(shown["stimulus_name"] == MASKED).ffill()
        invalid |= (shown["stimulus_name"] == MASKED).to_numpy()
        meant = (names == stimulus).to_numpy()
        trials = shown[meant & ~invalid]
        if trials.empty:
            raise BadInput(
                f"no valid presentation of a stimulus called {stimulus!r}; this session has "
                f"{listed(set(names.dropna()))}: name one as `stimulus` in the parameters"
            )
        trials, n_blank = _without_blanks(trials) if not blank else (trials, 0)
        notes = {
            "units_in_file": self.units_in_file,
            "units_left_out": self.units_in_file - len(self.units),
            "trials_in_invalid_times": int((meant & invalid).sum()),
            "blank_trials_left_out": n_blank,
            "spikes_in_invalid_times": self._spikes_in_invalid_times(),
        }
        return Recording(
            units=self.units,
            spikes=self.spikes,
            trials=_trials(trials),
            epochs=self._epochs(shown[~invalid]),
            behaviour={"running_speed": self.running} if self.running is not None else {},
            notes=notes | dict(self.notes),
        )

    def _spikes_in_invalid_times(self) -> int:
        """They are kept, as allensdk does: no trial is near them."""
        times, found = self.spikes.times, 0
        for start, stop, tags in self.invalid:
            found += int(((times >= start) & (times <= stop)).sum()) if _harms(tags) else 0
        return found

    def _epochs(self, shown: pd.DataFrame) -> pd.DataFrame:
        """Blocks of each stimulus, and the intervals that are invalid as `invalid: <tags>`."""
        block = shown["stimulus_block"].fillna(-1.0)
        changes = (shown["stimulus_name"] != shown["stimulus_name"].shift()) | (block != block.shift())
        blocks = shown.groupby(changes.cumsum().to_numpy(), sort=True)
        rows = pd.DataFrame(
            {"name": blocks["stimulus_name"].first(), "start": blocks["start"].min(), "stop": blocks["stop"].max()}
        )
        invalid = [
            {"name": f"invalid: {', '.join(tags)}", "start": start, "stop": stop} for start, stop, tags in self.invalid
        ]
        return pd.concat([rows, pd.DataFrame(invalid)], ignore_index=True) if invalid else rows.reset_index(drop=True)


def in_order(units: pd.DataFrame) -> pd.DataFrame:
    """Units by probe, depth and number."""
    order = np.lexsort([units["unit"], units["vertical_position"], units["probe"]])
    return units.iloc[order].reset_index(drop=True)


def sorted_trains(times: np.ndarray, offsets: np.ndarray) -> SpikeTrains:
    """Spike times of units, one after another, each in order; sorted in place where they are not."""
    for first, last in pairwise(offsets.tolist()):
        train = times[first:last]
        if np.any(train[1:] < train[:-1]):
            train.sort()
    return SpikeTrains(times, offsets)


def numbers_in(values: Sequence | np.ndarray) -> np.ndarray:
    """float64, NaN for what is no number: '', 'null', N/A, a list of two numbers."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return values.astype(np.float64)
    found = np.full(len(values), np.nan)
    for at, value in enumerate(values):
        try:
            found[at] = float(value)
        except (TypeError, ValueError):
            continue
    return found


def _harms(tags: Sequence[str]) -> bool:
    return HARMLESS not in tags


def _overlapping(starts: pd.Series, stops: pd.Series, intervals: Sequence[tuple[float, float]]) -> np.ndarray:
    """Which of them share an instant with an interval; as in allensdk, touching counts."""
    found = np.zeros(len(starts), bool)
    for start, stop in intervals:
        found |= np.maximum(starts, start).to_numpy() <= np.minimum(stops, stop).to_numpy()
    return found


def _without_blanks(trials: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Trials in which there was something to see, and the number of the others."""
    used = [name for name in LABELS if name in trials and trials[name].notna().any()]
    blank = np.zeros(len(trials), bool)
    if used:
        blank |= trials[used].isna().all(axis=1).to_numpy()
    if "frame" in used:
        blank |= (trials["frame"] == BLANK_FRAME).to_numpy()
    return trials[~blank], int(blank.sum())


def _trials(shown: pd.DataFrame) -> pd.DataFrame:
    """start, stop, stimulus_name, stimulus_block and the labels that this stimulus has; whole numbers as int64."""
    table = shown[["start", "stop", "stimulus_name"]].reset_index(drop=True)
    for name in ("stimulus_block", *LABELS):
        if name in shown and shown[name].notna().any():
            values = shown[name].to_numpy(np.float64)
            whole = bool(np.isfinite(values).all()) and np.array_equal(values, np.round(values))
            table[name] = values.astype(np.int64) if whole else values
    return table
