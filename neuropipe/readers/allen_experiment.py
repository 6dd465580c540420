"""A two-photon experiment of the Allen Brain Observatory in standard form, however its tables were come by.

Both ways to an experiment share it: allen_ophys (its NWB file) and allensdk_experiment (what allensdk read).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import listed
from neuropipe.recording import Fluorescence, Recording, TimeSeries

BLANK_FRAME = -1
PLACES = ("stimulus_name", "start", "end")  # columns of presentations that are no labels


@dataclass(frozen=True)
class AllenExperiment:
    """units : a row per ROI; dff : (time, roi); frame_times : (time,) s

    presentations : stimulus_name, start and end (the first and the last frame of each), and labels, NaN where a
    stimulus has none; running : speed, cm/s, NaN where it was not recorded
    """

    units: pd.DataFrame
    dff: np.ndarray
    frame_times: np.ndarray
    presentations: pd.DataFrame
    running: TimeSeries | None = None

    def recording(self, stimulus: str, *, blank: bool = False) -> Recording:
        """The presentations of one stimulus as trials, from the time of the first frame to that after the last.

        blank : whether presentations of nothing (frame -1, or blank_sweep) are trials, too
        """
        shown = self.presentations
        missing = [name for name in PLACES if name not in shown]
        if missing:
            raise BadInput(f"the table of presentations has no column {listed(missing)}; it has {listed(shown)}")
        trials = shown[shown["stimulus_name"] == stimulus].sort_values(["start", "end"], kind="stable")
        if trials.empty:
            known = listed(set(shown["stimulus_name"]))
            raise BadInput(f"no stimulus is called {stimulus!r}; this experiment has {known}: name one as `stimulus`")
        labels = [name for name in shown if name not in PLACES and trials[name].notna().any()]
        nothing = trials[labels].isna().all(axis=1) if labels else pd.Series(False, index=trials.index)
        for name, value in (("frame", BLANK_FRAME), ("blank_sweep", 1)):
            nothing |= trials[name] == value if name in labels else False
        n_blank = 0 if blank else int(nothing.sum())
        trials = trials if blank else trials[~nothing]
        table = {"start": self._times(trials["start"]), "stop": self._times(trials["end"] + 1)}
        table["stimulus_name"] = trials["stimulus_name"].to_numpy()
        for name in labels:
            values = trials[name].to_numpy(np.float64)
            whole = bool(np.isfinite(values).all()) and np.array_equal(values, np.round(values))
            table[name] = values.astype(np.int64) if whole else values
        return Recording(
            units=self.units,
            fluorescence=Fluorescence(np.ascontiguousarray(self.dff, np.float32), self.frame_times),
            trials=pd.DataFrame(table),
            behaviour={} if self.running is None else {"running_speed": _recorded(self.running)},
            notes={"blank_trials_left_out": n_blank},
        )

    def _times(self, frames: pd.Series) -> np.ndarray:
        """s, of frames; those after the last one go on at the same rate."""
        at, last = frames.to_numpy(np.int64), len(self.frame_times) - 1
        if len(at) and (at.min() < 0 or at.max() > last + 1):
            raise BadInput(f"a stimulus was shown in frame {at.max()}, and the traces have {last + 1} frames")
        step = float(np.median(np.diff(self.frame_times)))
        return self.frame_times[np.minimum(at, last)] + np.maximum(at - last, 0) * step


def _recorded(series: TimeSeries) -> TimeSeries:
    known = np.isfinite(series.values)
    return TimeSeries(series.times[known], series.values[known])
