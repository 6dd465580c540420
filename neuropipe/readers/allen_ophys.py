"""Reads a two-photon experiment of the Allen Brain Observatory (Visual Coding) from its NWB 1 file, without allensdk.

de Vries SEJ et al. (2020) A large-scale standardized physiological survey reveals functional organization of the mouse
visual cortex. Nat Neurosci 23:138-151. doi:10.1038/s41593-019-0550-9. The layout is what allensdk's
BrainObservatoryNwbDataSet reads.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.allen_experiment import AllenExperiment
from neuropipe.readers.arrays import only_file
from neuropipe.readers.hdf5 import member, opened, values_of
from neuropipe.recording import Recording, TimeSeries
from neuropipe.registry import reader

PIPELINE = "processing/brain_observatory_pipeline"
TRACES = f"{PIPELINE}/DfOverF/imaging_plane_1"
SEGMENTS = f"{PIPELINE}/ImageSegmentation"
RUNNING = f"{PIPELINE}/BehavioralTimeSeries/running_speed"
STIMULI = "stimulus/presentation"
SPONTANEOUS = "spontaneous"


@reader("allen_ophys", tools=("h5py",))
def read(files: Mapping[str, Path], *, stimulus: str = "natural_scenes", blank: bool = False) -> Recording:
    """dF/F of all cells, and the presentations of one stimulus as trials.

    stimulus : e.g. natural_scenes (label `frame`), static_gratings, drifting_gratings (`orientation`, ...)
    blank : whether presentations of nothing are trials, too
    units : cell_specimen_id (the same cell in other sessions of its container), roi_id; behaviour : running_speed, cm/s
    """
    path, name = only_file(files, "an experiment's NWB file"), next(iter(files))
    with opened(path, name, "an NWB 1 (HDF5) file") as file:
        frame_times = member(file, f"{TRACES}/timestamps", name)[:].astype(np.float64)
        dff = member(file, f"{TRACES}/data", name)[:]
        ids = {
            key.removesuffix("s"): values_of(member(file, f"{SEGMENTS}/{key}", name))
            for key in ("cell_specimen_ids", "roi_ids")
        }
        if dff.ndim != 2 or dff.shape[1] != len(frame_times) or {len(of) for of in ids.values()} != {len(dff)}:
            raise BadInput(f"{name}/{TRACES} holds {dff.shape} values (cell, time) at {len(frame_times)} times")
        experiment = AllenExperiment(
            units=pd.DataFrame(ids),
            dff=dff.T,
            frame_times=frame_times,
            presentations=pd.concat(_presentations(file, name), ignore_index=True),
            running=_running(file),
        )
    return experiment.recording(stimulus, blank=blank)


def _presentations(file: Any, name: str) -> list[pd.DataFrame]:
    """A table per stimulus; what has no frames (`frame_duration`) is no presentation."""
    tables = []
    for key, group in member(file, STIMULI, name).items():
        if not hasattr(group, "keys") or "frame_duration" not in group or "data" not in group:
            continue
        stimulus, frames, data = key.removesuffix("_stimulus"), group["frame_duration"][:], group["data"][:]
        if len(frames) != len(data):
            raise BadInput(f"{name}/{STIMULI}/{key} shows {len(data)} things in {len(frames)} stretches of frames")
        if stimulus == SPONTANEOUS:  # 1 where it begins, -1 where it ends
            table = {"start": frames[data == 1, 0], "end": frames[data == -1, 0]}
        elif "features" in group:
            labels = [str(label) for label in values_of(group["features"])]
            table = {"start": frames[:, 0], "end": frames[:, 1], **dict(zip(labels, data.T, strict=True))}
        else:
            table = {"start": frames[:, 0], "end": frames[:, 1], "frame": data}
        columns = {column: np.asarray(values, np.float64) for column, values in table.items()}
        tables.append(pd.DataFrame({"stimulus_name": stimulus, **columns}))
    if not tables:
        raise BadInput(f"{name} has no stimulus with frames under {STIMULI}; is it an experiment's file?")
    return tables


def _running(file: Any) -> TimeSeries | None:
    if RUNNING not in file:
        return None
    times, speed = (file[f"{RUNNING}/{key}"][:].astype(np.float64) for key in ("timestamps", "data"))
    return TimeSeries(times, speed[:, 0] if speed.ndim == 2 else speed)  # early files hold a column
