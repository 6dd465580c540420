"""Small files of every format, for tests of readers, and what each reader is given."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from neuropipe import readers
from neuropipe.recording import Recording
from tests.readers import public_sets
from tests.readers.allen_files import allen_ecephys, allen_ophys, allensdk_experiment, allensdk_session
from tests.readers.signal_files import alf_spikes, eeglab, nifti, signals_npy

N_TRIALS, N_BINS, N_UNITS = 6, 4, 3
COUNTS = np.random.default_rng(0).poisson(1.0, (N_TRIALS, N_BINS, N_UNITS))
CHOICE = np.array([1, -1, 0, 1, 1, -1])
BINNED = {"axes": ["trial", "unit", "bin"], "labels": {"choice": "choices.npy"}, "bin_width": 0.02, "start": -1.0}


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def write_zip(path: Path, **arrays: np.ndarray) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, np.asarray(values))
    return path


def binned_zip(folder: Path, **changed: np.ndarray) -> Path:
    arrays = {"counts": COUNTS.transpose(0, 2, 1).astype(float), "choices": CHOICE.astype(float)}
    return write_zip(folder / "Binned_data.zip", **arrays | changed)


def r_session() -> dict:
    starts = 10.0 + 2.5 * np.arange(N_TRIALS)
    return {
        "contrast_left": np.array([0, 0.25, 0.5, 1, 0, 0.5])[:, None],
        "contrast_right": np.array([0.5, 0, 0.5, 0, 0.25, 1])[:, None],
        "feedback_type": np.array([1.0, -1, 1, 1, -1, 1])[:, None],
        "mouse_name": np.array(["Cori"]),
        "brain_area": np.array(["VISp", "CA1", "root"]),
        "spks": [trial.T.astype(float) for trial in COUNTS],
        "time": [start + 0.01 * (np.arange(N_BINS) + 0.5) for start in starts],
    }


def steinmetz_rds(folder: Path, **changed: object) -> Path:
    import rdata

    path = folder / "session3.rds"
    rdata.write_rds(path, {name: value for name, value in (r_session() | changed).items() if value is not None})
    return path


def npz(folder: Path, **arrays: np.ndarray) -> Path:
    path = folder / "mine.npz"
    np.savez(path, **arrays or {"counts": COUNTS, "bin_width": 0.02, "start": 0.0, "choice": CHOICE})
    return path


TIME_COUNTS = COUNTS.reshape(-1, N_UNITS)
BIN_STARTS = 5.0 + 0.05 * np.arange(len(TIME_COUNTS))


def matlab(folder: Path, **changed: np.ndarray) -> Path:
    from scipy.io import savemat

    velocity = np.stack([np.sin(BIN_STARTS), np.cos(BIN_STARTS), BIN_STARTS])
    path = folder / "m1.mat"
    savemat(path, {"spikes": TIME_COUNTS.T, "time": BIN_STARTS[None], "vel": velocity} | changed)
    return path


def nwb(folder: Path, **changed: np.ndarray) -> Path:
    """A file as pynwb lays it out: two units, epochs with tags, a series with timestamps and one with a rate."""
    import h5py

    arrays = {
        "units/id": np.arange(2),
        "units/spike_times": np.array([0.5, 1.5, 0.2, 0.1, 2.0]),
        "units/spike_times_index": np.array([2, 5], np.uint8),
        "units/location": np.array([b"adn", b"ca1"]).astype(h5py.string_dtype()),
        "intervals/epochs/start_time": np.array([0.0, 10.0]),
        "intervals/epochs/stop_time": np.array([10.0, 20.0]),
        "intervals/epochs/tags": np.array([b"sleep", b"rest", b"wake"]).astype(h5py.string_dtype()),
        "intervals/epochs/tags_index": np.array([2, 3], np.uint8),
        "acquisition/heading/data": np.array([1.0, 2.0, 3.0]),
        "acquisition/heading/timestamps": np.array([0.0, 0.1, 0.3]),
        "acquisition/speed/data": np.array([1.0, 2.0, 3.0]),
        "acquisition/speed/starting_time": np.array(4.0),
    } | changed
    path = folder / "mouse.nwb"
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
        file["acquisition/speed/starting_time"].attrs["rate"] = 2.0
        file["acquisition/speed/data"].attrs["conversion"] = 0.01
    return path


def changed(values: np.ndarray, at: object, to: object) -> np.ndarray:
    """A copy of an array in which some values differ."""
    copy = values.copy()
    copy[at] = to
    return copy


N_FRAMES, N_ROI = 40, 3
DFF = np.random.default_rng(1).normal(0.1, 0.2, (N_FRAMES, N_ROI)).astype(np.float32)
FRAME_TIMES = 2.0 + np.arange(N_FRAMES) / 30


def cell(**changed: np.ndarray) -> dict[str, np.ndarray]:
    """One recording as the CASCADE ground truth holds it: 40 frames at 60 Hz and three spikes."""
    return {
        "fluo_time": np.arange(N_FRAMES)[:, None] / 60 + 0.008,
        "fluo_mean": DFF[:, :1].astype(float).T,
        "events_AP": np.array([[1000.0, 2500.0, 2600.0, np.nan]]).T,
    } | changed


def calcium_ground_truth(folder: Path, *cells: dict[str, np.ndarray]) -> Path:
    from scipy.io import savemat

    held = np.empty((1, len(cells or [1])), object)
    held[0] = cells or (cell(),)
    path = folder / "neuron.mat"
    savemat(path, {"CAttached": held})
    return path


def traces_npz(folder: Path, **changed: object) -> Path:
    path = folder / "traces.npz"
    arrays = {"dff": DFF, "frame_times": FRAME_TIMES, "roi_x": np.arange(N_ROI)} | changed
    np.savez(path, **{name: values for name, values in arrays.items() if values is not None})
    return path


def traces_csv(folder: Path, times: np.ndarray | None = FRAME_TIMES, **columns: np.ndarray) -> Path:
    table = pd.DataFrame(columns or dict(zip("abc", DFF.T, strict=True)))
    if times is not None:
        table.insert(0, "time", times)
    path = folder / "traces.csv"
    table.to_csv(path, index=False)
    return path


def suite2p(folder: Path, **changed: np.ndarray) -> Path:
    """F.npy of a folder with its companions: the second of three ROIs is no cell."""
    surround = np.full((N_ROI, N_FRAMES), 50.0, np.float32)
    arrays = {"F": 100 + DFF.T, "Fneu": surround, "iscell": np.array([[1, 0.9], [0, 0.2], [1, 0.8]])} | changed
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values)
    return folder / "F.npy"


def steinmetz_neuromatch(folder: Path) -> Path:
    session = public_sets.steinmetz_session(COUNTS, CHOICE)
    return public_sets.steinmetz_part(folder / "steinmetz_part0.npz", {"spks": np.zeros((1, 1, 1))}, session)


def tif(folder: Path) -> Path:
    import tifffile

    path = folder / "movie.tif"
    tifffile.imwrite(
        path, np.arange(N_FRAMES * 6 * 7, dtype=np.uint16).reshape(N_FRAMES, 6, 7), photometric="minisblack"
    )
    return path


@dataclass(frozen=True)
class Example:
    """has_trials, imaged : what the recording is (has_trials: of counts); beside : further files of the session;

    in_parts : of any number; of_several : how two files that are no parts are refused
    """

    write: Callable[..., Path]
    parameters: dict
    has_trials: bool = True
    imaged: bool = False
    beside: tuple[str, ...] = ()
    in_parts: bool = False
    of_several: str = "found 2: a, b"


EXAMPLES = {
    "binned_zip": Example(binned_zip, BINNED | {"counts": "counts.npy"}),
    "steinmetz_rds": Example(steinmetz_rds, {}),
    "npz": Example(npz, {}),
    "matlab": Example(matlab, {"behaviour": {"velocity": {"variable": "vel", "rows": {"x": 0, "y": 1}}}}, False),
    "nwb": Example(
        nwb, {"behaviour": {"heading": "acquisition/heading", "speed": "acquisition/speed"}}, has_trials=False
    ),
    "calcium_ground_truth": Example(calcium_ground_truth, {}, False, imaged=True),
    "traces_npz": Example(traces_npz, {}, False, imaged=True),
    "traces_csv": Example(traces_csv, {}, False, imaged=True),
    "suite2p": Example(
        suite2p,
        {"frame_rate": 10.0},
        False,
        imaged=True,
        beside=("Fneu.npy", "iscell.npy"),
        of_several="no F.npy, Fneu.npy among a, b",
    ),
    "tif": Example(tif, {"frame_rate": 15.0}, False, in_parts=True),
    "alf": Example(
        alf_spikes,
        {},
        False,
        beside=("spikes.clusters.npy", "clusters._phy_annotation.npy"),
        of_several="a is no ALF file",
    ),
    "eeglab": Example(eeglab, {}, False, beside=("sample.fdt",)),
    "signals_npy": Example(signals_npy, {"sampling_rate": 100.0}, False, in_parts=True),
    "nifti": Example(
        nifti,
        {"mask": "mask.nii.gz", "labels": "labels.txt"},
        False,
        beside=("mask.nii.gz", "labels.txt"),
        of_several="no file bold.nii.gz among a, b",
    ),
    "spikefinder": Example(public_sets.spikefinder, {"dataset": 1, "truth": True}, False, imaged=True),
    "stringer_orientations": Example(public_sets.stringer_orientations, {}, False),
    "stringer_spontaneous": Example(public_sets.stringer_spontaneous, {"bin_width": 1.2}, False),
    "stringer_images": Example(public_sets.stringer_images, {}, False),
    "steinmetz_neuromatch": Example(steinmetz_neuromatch, {"session": 1}),
    "kay_images": Example(
        public_sets.kay_images,
        {},
        False,
        beside=("kay_labels.npy", "kay_labels_val.npy"),
        of_several="no file kay_images.npz among a, b",
    ),
    "pvc11": Example(public_sets.pvc11, {}, False),
    "neuroscope": Example(
        public_sets.neuroscope, {}, False, beside=public_sets.NEUROSCOPE_BESIDE, of_several="a is none of <session>"
    ),
    "allen_ecephys": Example(allen_ecephys, {}, False),
    "allen_ophys": Example(allen_ophys, {}, False, imaged=True),
    "allensdk_session": Example(allensdk_session, {}, False),
    "allensdk_experiment": Example(allensdk_experiment, {}, False, imaged=True),
}


def read(kind: str, path: Path, **changed: object) -> Recording:
    files = {path.name: path} | {name: path.parent / name for name in EXAMPLES[kind].beside}
    return readers.get(kind).load()(files, **EXAMPLES[kind].parameters | changed)
