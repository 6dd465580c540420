"""Writes a small two-photon experiment in the layout that allensdk's BrainObservatoryNwbDataSet reads (NWB 1).

allensdk has no writer of these files: the paths are those that its reader names. Needs h5py only.
"""

from pathlib import Path

import h5py
import numpy as np

EXPERIMENT = 900000100
N_CELLS, N_FRAMES, RATE = 5, 900, 30.0
PIPELINE = "processing/brain_observatory_pipeline"


def presentations() -> dict[str, dict[str, np.ndarray]]:
    rng = np.random.default_rng(3)
    scenes = rng.permutation(np.repeat(np.arange(-1, 7), 5)).astype(np.int64)
    first = 100 + 8 * np.arange(len(scenes))
    gratings = 500 + 20 * np.arange(10)
    features = np.array([[2.0, 45.0 * (at % 4), 0.0] for at in range(10)])
    features[3] = np.nan, np.nan, 1.0
    movie = 750 + np.arange(60)
    return {
        # Not in the order in which they were shown: the tables are sorted by whoever reads them.
        "natural_scenes_stimulus": {"data": scenes[::-1], "frame_duration": np.stack([first, first + 7], 1)[::-1]},
        "drifting_gratings_stimulus": {
            "data": features,
            "frame_duration": np.stack([gratings, gratings + 15], 1),
            "features": np.array([b"temporal_frequency", b"orientation", b"blank_sweep"]),
        },
        "natural_movie_one_stimulus": {
            "data": np.tile(np.arange(30), 2),
            "frame_duration": np.stack([movie, movie + 1], 1),
        },
        "spontaneous_stimulus": {
            "data": np.array([1, -1]),
            "frame_duration": np.array([[0, 0], [90, 90]]),
        },
    }


def write(path: Path) -> Path:
    rng = np.random.default_rng(2)
    times = 3.0 + np.arange(N_FRAMES) / RATE
    speed = rng.normal(5.0, 2.0, N_FRAMES - 10)  # the wheel began after the microscope
    with h5py.File(path, "w") as file:
        file["nwb_version"] = "NWB-1.0.5"
        file["general/generated_by"] = np.array([b"pipeline_version", b"2.0"])
        for name in ("DfOverF", "Fluorescence"):
            file[f"{PIPELINE}/{name}/imaging_plane_1/data"] = rng.normal(0.1, 0.3, (N_CELLS, N_FRAMES)).astype("f4")
            file[f"{PIPELINE}/{name}/imaging_plane_1/timestamps"] = times
        file[f"{PIPELINE}/ImageSegmentation/cell_specimen_ids"] = 500 + np.arange(N_CELLS)
        file[f"{PIPELINE}/ImageSegmentation/roi_ids"] = 700 + np.arange(N_CELLS)
        file[f"{PIPELINE}/BehavioralTimeSeries/running_speed/data"] = speed
        file[f"{PIPELINE}/BehavioralTimeSeries/running_speed/timestamps"] = times[10:]
        for stimulus, arrays in presentations().items():
            for name, values in arrays.items():
                file[f"stimulus/presentation/{stimulus}/{name}"] = values
    return path
