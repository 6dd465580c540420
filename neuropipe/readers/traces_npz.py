"""Reads a user's own dF/F from one numpy .npz file (`np.savez("mine.npz", dff=..., frame_rate=30.0)`).

dff : (time, roi), NaN where an ROI was not recorded; with either
    frame_times : (time,) s, ascending, or
    frame_rate : one number, Hz (it may be given in the catalogue's parameters as well)
roi_<name> : (roi,) a property of the ROIs: roi_x, roi_indicator, ...
spike_times, spike_offsets : true spikes, where they are known: ROI r fired at
    spike_times[spike_offsets[r]:spike_offsets[r + 1]], s, ascending; say `truth: true` in the parameters
optionally, on the clock of the frames: trial_start and trial_<event>, (trial,) s, with labels, (trial,); or time,
    (sample,) s, with behaviour_<name>, (sample,) or (sample, k)
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.annotations import annotate, n_trials_of
from neuropipe.readers.archives import npz_arrays, npz_members
from neuropipe.readers.arrays import listed, only_file
from neuropipe.readers.frames import as_dff, as_frame_times, frame_times_at
from neuropipe.recording import Fluorescence, Recording
from neuropipe.registry import reader

DATA, TRUTH = {"dff", "frame_times", "frame_rate"}, {"spike_times", "spike_offsets"}


@reader("traces_npz", adds=(".npz",), recognises="holds_traces")
def read(files: Mapping[str, Path], *, frame_rate: float | None = None, truth: bool = False) -> Recording:
    """A user's own dF/F in one numpy .npz file (names: see the module).

    frame_rate : Hz, if the file has neither frame_times nor frame_rate; truth : whether it holds true spikes
    """
    path, file = only_file(files, "a numpy .npz file"), next(iter(files))
    arrays = npz_arrays(path)
    if "dff" not in arrays:
        raise BadInput(f"{file} must hold dff, with frame_times or frame_rate; it has {listed(arrays)}")
    dff = as_dff(arrays["dff"], f"{file}: dff")
    rois = pd.DataFrame({"roi": np.arange(dff.shape[1])})
    beside = annotate(arrays, rois, n_trials_of(arrays), file, placed=DATA | TRUTH, prefix="roi_")
    return Recording(
        units=beside.units,
        trials=beside.trials,
        fluorescence=Fluorescence(dff, _frame_times(arrays, len(dff), frame_rate, file)),
        behaviour=beside.behaviour,
        truth=_true_spikes(arrays, truth, file),
    )


def holds_traces(path: Path) -> bool:
    """Whether an .npz file holds dF/F, so that this is the reader for it."""
    return "dff.npy" in npz_members(path)


def _frame_times(arrays: Mapping[str, np.ndarray], n_frames: int, stated: float | None, file: str) -> np.ndarray:
    given = [name for name in ("frame_times", "frame_rate") if name in arrays]
    given += ["frame_rate in the parameters"] if stated is not None else []
    if len(given) != 1:
        raise BadInput(
            f"{file}: {' and '.join(given)} both say when frames were taken; keep one"
            if given
            else f"{file} does not say when its frames were taken: save frame_times, s, or frame_rate, Hz, with them, "
            "or give `frame_rate: ` in the parameters"
        )
    if "frame_times" in arrays:
        return as_frame_times(arrays["frame_times"], n_frames, f"{file}: frame_times")
    rate = arrays["frame_rate"].item() if "frame_rate" in arrays and arrays["frame_rate"].size == 1 else stated
    return frame_times_at(n_frames, arrays["frame_rate"] if rate is None else rate, file)


def _true_spikes(arrays: Mapping[str, np.ndarray], wanted: bool, file: str) -> dict[str, np.ndarray]:
    found = sorted(TRUTH & set(arrays))
    if found and not wanted:
        raise BadInput(f"{file} holds {listed(found)}: say `truth: true` in the parameters, or leave them out")
    if not wanted:
        return {}
    if len(found) < len(TRUTH):
        raise BadInput(f"{file} must hold {listed(TRUTH)}, as `truth: true` says; it has {listed(arrays)}")
    times, offsets = arrays["spike_times"], arrays["spike_offsets"]
    if times.dtype.kind not in "iuf" or offsets.dtype.kind not in "iu":
        raise BadInput(
            f"{file}: spike_times are seconds and spike_offsets integers; found {times.dtype}, {offsets.dtype}"
        )
    return {"spike_times": times.astype(np.float64), "spike_offsets": offsets.astype(np.int64)}
