"""Small files in the layouts of the Allen Brain Observatory, and what allensdk's environment writes of them."""

from pathlib import Path

import numpy as np

from tests.allen.write_experiment import N_CELLS, write

N_TRIALS = 12
FRAMES = np.array([4, -1, 0, 2, 2, 0, 4, 1, -1, 1, 3, 3])
STARTS = 10.0 + 0.25 * np.arange(N_TRIALS)
# Spikes of units 7, 8, 9 and 6, one after another.
TRAINS = ([0.5, 10.1, 12.9], [10.3], [1.0, 11.05, 11.1], [2.0])


def text(*values: str) -> np.ndarray:
    import h5py

    return np.array([value.encode() for value in values]).astype(h5py.string_dtype())


def allen_ecephys(folder: Path, **changed: np.ndarray | None) -> Path:
    """Four units: 7 and 9 are good, 8 is outside the brain, 6 misses spikes. Scenes, of which some are invalid."""
    import h5py

    electrodes, scenes = "general/extracellular_ephys/electrodes", "intervals/natural_scenes_presentations"
    gratings, invalid = "intervals/static_gratings_presentations", "intervals/invalid_times"
    arrays = {
        "units/id": np.array([7, 8, 9, 6]),
        "units/peak_channel_id": np.array([31, 30, 10, 31]),
        "units/quality": text("good", "good", "good", "good"),
        "units/amplitude_cutoff": np.array([0.1, 0.01, 0.02, 0.3]),
        "units/presence_ratio": np.array([0.95, 0.99, 0.99, 0.99]),
        "units/isi_violations": np.array([0.5, 0.0, 0.0, 0.0]),
        "units/l_ratio": np.array([0.3, 0.2, 0.1, 0.0]),
        "units/spike_times": np.concatenate(TRAINS),
        "units/spike_times_index": np.cumsum([len(train) for train in TRAINS]).astype(np.uint8),
        f"{electrodes}/id": np.array([10, 30, 31]),
        f"{electrodes}/location": text("LGd", "None", "VISp"),
        f"{electrodes}/group_name": text("probeA", "probeC", "probeC"),
        f"{electrodes}/valid_data": np.array([True, True, True]),
        f"{electrodes}/probe_vertical_position": np.array([100, 40, 20]),
        f"{electrodes}/x": np.array([8000.0, np.nan, 7000.0]),
        f"{scenes}/start_time": STARTS,
        f"{scenes}/stop_time": STARTS + 0.25,
        f"{scenes}/frame": FRAMES.astype(float),
        f"{scenes}/stimulus_block": np.repeat([2.0, 4.0], N_TRIALS // 2),
        f"{gratings}/start_time": np.array([2.0, 2.25]),
        f"{gratings}/stop_time": np.array([2.25, 2.5]),
        f"{gratings}/Ori": np.array([30.0, np.nan]),
        f"{gratings}/phase": text("0.25", "N/A"),
        f"{gratings}/size": text("[250.0, 250.0]", "N/A"),
        f"{invalid}/start_time": np.array([11.05, 12.0]),
        f"{invalid}/stop_time": np.array([11.1, 13.0]),
        f"{invalid}/tags": text("EcephysSession", "1", "all_probes", "EcephysSession", "1", "optotagging"),
        f"{invalid}/tags_index": np.array([3, 6], np.uint8),
        "processing/running/running_speed/timestamps": np.array([0.0, 1.0]),
        "processing/running/running_speed/data": np.array([3.0, 4.0]),
    } | changed
    path = folder / "session_1.nwb"
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            if values is not None:
                file[name] = values
    return path


def allen_ophys(folder: Path) -> Path:
    return write(folder / "900000100.nwb")


def allensdk_session(folder: Path) -> Path:
    """Two units, and three presentations of which allensdk masked the second."""
    path = folder / "session_1.npz"
    np.savez(
        path,
        **{
            "units.unit_id": np.array([5, 4]),
            "units.probe_description": np.array(["probeB", "probeB"]),
            "units.ecephys_structure_acronym": np.array(["CA1", "VISp"]),
            "units.peak_channel_id": np.array([1, 2]),
            "units.probe_vertical_position": np.array([40, 20]),
            "units.snr": np.array([2.0, 3.0]),
            "spikes.times": np.array([1.0, 10.1, 10.2]),
            "spikes.offsets": np.array([0, 2, 3]),
            "spikes.units_in_file": np.array([9]),
            "presentations.stimulus_name": np.array(["natural_scenes", "invalid_presentation", "natural_scenes"]),
            "presentations.start_time": np.array([10.0, 10.25, 10.5]),
            "presentations.stop_time": np.array([10.25, 10.5, 10.75]),
            "presentations.frame": np.array(["3.0", "nan", "1.0"]),
            "presentations.stimulus_block": np.array(["1.0", "nan", "True"]),
            "invalid.start": np.array([10.3]),
            "invalid.stop": np.array([10.4]),
            "invalid.tags": np.array(["EcephysSession\n1\nstimulus"]),
        },
    )
    return path


def allensdk_experiment(folder: Path) -> Path:
    path = folder / "experiment_1.npz"
    np.savez(
        path,
        **{
            "units.cell_specimen_id": 500 + np.arange(N_CELLS),
            "units.roi_id": 700 + np.arange(N_CELLS),
            "traces.dff": np.zeros((40, N_CELLS), np.float32),
            "traces.frame_times": 1.0 + np.arange(40) / 30,
            "presentations.stimulus_name": np.array(["natural_scenes"] * 3),
            "presentations.start": np.array([8, 16, 24]),
            "presentations.end": np.array([15, 23, 31]),
            "presentations.frame": np.array([1, -1, 0]),
        },
    )
    return path
