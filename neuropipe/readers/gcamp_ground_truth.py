"""dF/F of a neuron with its true spikes, in the MATLAB files of the CASCADE ground truth (Rupprecht et al. 2021).

`CAttached` is a row of structs, one a recording of the same neuron, imaged and recorded from cell-attached at the same
time: fluo_time, s; fluo_mean, dF/F; events_AP, the times of its action potentials in 1e-4 s, filled up with NaN.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import listed, only_file
from neuropipe.readers.matlab import open_variables
from neuropipe.recording import Fluorescence, Recording, SpikeTrains
from neuropipe.registry import reader

VARIABLE, FIELDS = "CAttached", ("fluo_time", "fluo_mean", "events_AP")
EVENT_UNIT = 1e-4  # s


@reader("gcamp_ground_truth", truth=True)
def read(files: Mapping[str, Path]) -> Recording:
    """One neuron: each of its recordings is an ROI of its own, with the true spikes beside it.

    Every recording has a clock of its own, which begins with its first frame. All are moved, each with its spikes, to
    the frame times of the longest: by less than a frame; shorter ones end in NaN.
    """
    path, file = only_file(files, "a MATLAB file"), next(iter(files))
    pieces = _pieces(open_variables(path, file, {VARIABLE})[VARIABLE], f"{file}: {VARIABLE}")
    frame_times = max((times for times, _, _ in pieces), key=len)
    interval = abs(float(np.median(np.diff(frame_times))))
    dff = np.full((len(frame_times), len(pieces)), np.nan, np.float32)
    trains = []
    for column, (times, values, spikes) in enumerate(pieces):
        moved = frame_times[0] - times[0]
        apart = np.abs(times + moved - frame_times[: len(times)]).max()
        if not (abs(moved) < interval and apart < interval / 2):
            raise BadInput(
                f"{file}: {VARIABLE}{{{column + 1}}} starts at {times[0]:g} s, its frames run {apart:g} s apart from "
                f"those of the longest recording, every {interval:g} s: save recordings of one frame rate together"
            )
        dff[: len(values), column] = values
        trains.append(spikes + moved)
    truth = SpikeTrains.from_list(trains)
    return Recording(
        units=pd.DataFrame(
            {"neuron": Path(file).stem, "recording": np.arange(len(pieces)), "true_spikes": np.diff(truth.offsets)}
        ),
        fluorescence=Fluorescence(dff, frame_times),
        truth={"spike_times": truth.times, "spike_offsets": truth.offsets},
    )


def _pieces(cells: Any, where: str) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Frame times, dF/F and spike times, s, of each recording."""
    if not isinstance(cells, np.ndarray) or cells.dtype != object or cells.size == 0:
        raise BadInput(f"{where} is no cell array of structs, one a recording")
    pieces = []
    for index, cell in enumerate(cells.ravel()):
        here = f"{where}{{{index + 1}}}"
        known = getattr(getattr(cell, "dtype", None), "names", None) or ()
        missing = [name for name in FIELDS if name not in known]
        if missing or cell.size != 1:
            raise BadInput(f"{here} lacks {listed(missing)}; it has {listed(known)}")
        times, values, events = (_numbers(cell.ravel()[0][name], f"{here}.{name}") for name in FIELDS)
        if len(times) != len(values) or len(times) < 2:
            raise BadInput(f"{here} has {len(values)} values of fluo_mean at {len(times)} times; give one a frame")
        pieces.append((times, values, np.sort(events[~np.isnan(events)]) * EVENT_UNIT))
    return pieces


def _numbers(values: Any, where: str) -> np.ndarray:
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "buif":
        raise BadInput(f"{where} is no array of numbers")
    return values.ravel().astype(np.float64)
