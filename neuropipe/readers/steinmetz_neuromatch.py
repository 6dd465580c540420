"""Reads the 39 sessions of Steinmetz et al. (2019) as Neuromatch Academy teaches them: binned around the stimulus.

`steinmetz_part0.npz` to `part2.npz` hold an array of pickled dictionaries each, one a session, of which plain data are
read and no code is run: spks, (neuron, trial, bin) spike counts; bin_size and stim_onset, s; response, feedback_type,
contrast_left, contrast_right, response_time, feedback_time and gocue, one value a trial; brain_area, one per neuron.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import as_labels, as_trial_counts, only_file
from neuropipe.readers.numpy_pickles import load_object_npy_member
from neuropipe.readers.responses import column, fields_of
from neuropipe.recording import Recording
from neuropipe.registry import reader

FIELDS = ("spks", "brain_area", "response", "feedback_type", "contrast_left", "contrast_right")
TIMES = ("gocue", "response_time", "feedback_time")
MEMBER = "dat.npy"


@reader("steinmetz_neuromatch")
def read(
    files: Mapping[str, Path], *, session: int | None = None, bin_width: float = 0.01, start: float = -0.5
) -> Recording:
    """Counts around the stimulus of one session, with choice, feedback, contrasts and the brain area of each neuron.

    session : its place in the file, from 0; bin_width, start : s, of the bins and of the first one's left edge after
    stimulus onset, where the file doesn't say them (bin_size, stim_onset)
    units : brain_area (Allen acronym), trough_to_peak (samples) where it is known; trials, in the order of the file :
    response (1 left, -1 right, 0 none), feedback (1 reward, -1 white noise), contrast_left, contrast_right,
    contrast_difference (right minus left), and gocue_after, response_after, feedback_after (s after stimulus onset).
    The times of the stimuli themselves are not published.
    """
    path, file = only_file(files, "an .npz file"), next(iter(files))
    sessions = load_object_npy_member(path, MEMBER)
    n_sessions = sessions.size if isinstance(sessions, np.ndarray) and sessions.ndim == 1 else 0
    if type(session) is not int or not 0 <= session < n_sessions:
        raise BadInput(f"{file} holds {n_sessions} sessions; give `session: ` from 0 on, found {session!r}")
    where = f"{file}: dat[{session}]"
    found = fields_of(sessions[session], FIELDS, where)
    spikes = np.asarray(found["spks"])
    if spikes.ndim != 3:
        raise BadInput(f"{where}: spks has shape {spikes.shape}; expected three axes: neuron, trial, bin")
    bin_width = _seconds(found.get("bin_size", bin_width), f"{where}: bin_size")
    start = -_seconds(found.get("stim_onset", -start), f"{where}: stim_onset")
    counts = as_trial_counts(spikes.transpose(1, 2, 0), bin_width=bin_width, start=start, where=f"{where}: spks")
    n_trials, _, n_units = counts.counts.shape

    def label(name: str) -> np.ndarray:
        return as_labels(np.asarray(found[name]), n_trials, f"{where}: {name}")

    left, right = label("contrast_left").astype(float), label("contrast_right").astype(float)
    trials = {
        "response": label("response"),
        "feedback": label("feedback_type"),
        "contrast_left": left,
        "contrast_right": right,
        "contrast_difference": right - left,
    }
    for name in TIMES:
        if name in found:
            trials[f"{name.removesuffix('_time')}_after"] = column(found[name], n_trials, f"{where}: {name}")
    areas = as_labels(np.asarray(found["brain_area"]), n_units, f"{where}: brain_area", per="neuron")
    units = pd.DataFrame({"brain_area": areas})
    if "trough_to_peak" in found:
        units["trough_to_peak"] = column(found["trough_to_peak"], n_units, f"{where}: trough_to_peak")
    return Recording(units=units, trials=pd.DataFrame(trials), counts=counts)


def _seconds(value: Any, where: str) -> float:
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise BadInput(f"{where} must be one number of seconds, found {value!r}")
    return float(array.reshape(())[()])
