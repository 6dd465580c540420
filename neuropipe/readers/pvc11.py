"""Reads V1's spikes while drifting gratings are shown, from the MATLAB files of CRCNS pvc-11 (Smith and Kohn 2008).

`spikes_gratings` files hold data, a struct whose EVENTS is a (neuron, grating, trial) cell array of spike times, from
the onset of the grating on; the directions of the gratings are evenly spaced from 0 degrees on. The form is that which
neuropacks (github.com/BouchardLab/neuropacks) reads, and 1.28 s, for which a grating lasts, stands on the page of the
data set (crcns.org/data-sets/vc/pvc-11/about).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import listed, only_file
from neuropipe.readers.matlab import open_variables
from neuropipe.recording import Recording, SpikeTrains
from neuropipe.registry import reader

PAUSE = 1.0  # s of the nominal clock between gratings


@reader("pvc11", tools=("scipy",))
def read(files: Mapping[str, Path], *, duration: float = 1.28, time_unit: float = 1.0) -> Recording:
    """Spike trains of all units with the direction of each grating.

    duration : s, of a grating; time_unit : s, in which the file counts spike times
    trials : start, stop, stimulus (s), direction (degrees), repeat (from 1). When a grating was shown is not published,
    so the clock is made up: all gratings once, then all again, a second apart.
    """
    path, file = only_file(files, "a MATLAB file"), next(iter(files))
    if not (np.isfinite(duration) and duration > 0 and np.isfinite(time_unit) and time_unit > 0):
        raise BadInput(f"{file}: duration {duration} and time_unit {time_unit} must be seconds above 0")
    events = _events(open_variables(path, file, {"data"})["data"], file)
    n_units, n_gratings, n_trials = events.shape
    starts = np.arange(n_trials * n_gratings) * (duration + PAUSE)
    trains = []
    for unit in range(n_units):
        in_order = events[unit].T.ravel()  # all gratings of the first trial, then those of the second, ...
        pieces = [_times(cell, f"{file}: EVENTS of unit {unit + 1}") * time_unit for cell in in_order]
        latest = max((piece[-1] for piece in pieces if len(piece)), default=0.0)
        earliest = min((piece[0] for piece in pieces if len(piece)), default=0.0)
        if latest > duration + PAUSE / 2 or earliest < -PAUSE / 2:
            raise BadInput(
                f"{file}: unit {unit + 1} has spikes from {earliest:g} to {latest:g} s of a grating of {duration:g} s; "
                "give `duration` and, where times are not in s, `time_unit`"
            )
        trains.append(np.concatenate([start + piece for start, piece in zip(starts, pieces, strict=True)]))
    return Recording(
        units=pd.DataFrame({"unit": np.arange(n_units)}),
        trials=pd.DataFrame(
            {
                "start": starts,
                "stop": starts + duration,
                "stimulus": starts,
                "direction": np.tile(np.arange(n_gratings) * 360 / n_gratings, n_trials),
                "repeat": np.repeat(np.arange(1, n_trials + 1), n_gratings),
            }
        ),
        spikes=SpikeTrains.from_list(trains),
    )


def _events(data: Any, file: str) -> np.ndarray:
    """(neuron, grating, trial) arrays of spike times."""
    known = getattr(getattr(data, "dtype", None), "names", None) or ()
    if "EVENTS" not in known or data.size != 1:
        raise BadInput(f"{file}: data lacks EVENTS; it has {listed(known)}")
    events = data.ravel()[0]["EVENTS"]
    if not isinstance(events, np.ndarray) or events.dtype != object or events.ndim != 3 or 0 in events.shape:
        raise BadInput(f"{file}: EVENTS must be a cell array with the axes neuron, grating and trial")
    return events


def _times(cell: Any, where: str) -> np.ndarray:
    """(spike,) ascending"""
    if not isinstance(cell, np.ndarray) or cell.dtype.kind not in "iufb":
        raise BadInput(f"{where} holds something that is no spike times")
    times = np.sort(cell.ravel().astype(np.float64))
    if not np.isfinite(times).all():
        raise BadInput(f"{where} holds spike times that are not finite")
    return times
