"""Small files in the formats in which public data sets are published: what their authors' code would have written."""

import io
import zipfile
from pathlib import Path

import numpy as np

RNG = np.random.default_rng(20)
N_NEURONS, N_SAMPLES = 3, 60


def spikefinder_tables(seed: int = 0, n_neurons: int = 2, n_samples: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """(calcium, spikes), (time, neuron): an exponential answer to each spike; the last neuron ends early, in NaN."""
    rng = np.random.default_rng(seed)
    spikes = rng.poisson(0.02, (n_samples, n_neurons)).astype(float)
    kernel = np.exp(-np.arange(200) / 50)
    calcium = np.stack([np.convolve(column, kernel)[:n_samples] for column in spikes.T], axis=1)
    calcium += rng.normal(0, 0.05, calcium.shape)
    calcium[int(0.9 * n_samples) :, -1] = np.nan
    spikes[int(0.9 * n_samples) :, -1] = np.nan
    return calcium, spikes


def spikefinder_csv(values: np.ndarray) -> str:
    """A table as the challenge has it: neurons by number, empty fields where a neuron was not recorded."""
    lines = [",".join(map(str, range(values.shape[1])))]
    lines += [",".join("" if np.isnan(value) else repr(float(value)) for value in row) for row in values]
    return "\n".join(lines) + "\n"


def spikefinder(folder: Path, **changed: str | None) -> Path:
    """spikefinder.train.zip with data sets 1 and 10. changed : name of a table -> its text, or None to leave it out"""
    tables = {}
    for number in (1, 10):
        calcium, spikes = spikefinder_tables(number)
        tables[f"{number}.train.calcium.csv"] = spikefinder_csv(calcium)
        tables[f"{number}.train.spikes.csv"] = spikefinder_csv(spikes)
    path = folder / "spikefinder.train.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (tables | changed).items():
            if text is not None:
                archive.writestr(f"spikefinder.train/{name}", text)
        archive.writestr("__MACOSX/spikefinder.train/._1.train.calcium.csv", "junk")
    return path


def orientations(n_neurons: int = 5, n_stimuli: int = 40, seed: int = 0) -> dict:
    """Neurons tuned to the direction, as Neuromatch's dictionary."""
    rng = np.random.default_rng(seed)
    direction = rng.uniform(0, 2 * np.pi, n_stimuli)
    preferred = np.linspace(0, 2 * np.pi, n_neurons, endpoint=False)
    tuned = np.exp(2 * np.cos(direction - preferred[:, None]))
    return {
        "sresp": tuned + rng.normal(0, 0.1, tuned.shape) ** 2,
        "istim": direction,
        "run": rng.gamma(2.0, 5.0, n_stimuli).astype(np.float32),
        "xyz": rng.uniform(0, 500, (3, n_neurons)),
        "stat": np.array([{"npix": np.int64(n), "ypix": np.arange(n)} for n in range(3, 3 + n_neurons)], object),
        "info": "responses of neurons to static gratings",
    }


def spontaneous(n_neurons: int = 6, n_bins: int = 80, seed: int = 0) -> dict:
    """Neurons that follow running, as Neuromatch's dictionary."""
    rng = np.random.default_rng(seed)
    run = np.convolve(rng.gamma(0.5, 4.0, n_bins + 20), np.ones(10) / 10, "same")[:n_bins]
    response = np.maximum(rng.uniform(0.5, 1.5, (n_neurons, 1)) * run + rng.normal(0, 0.3, (n_neurons, n_bins)), 0)
    pupil = run[:, None] + 3
    pupil[3] = np.nan
    return {
        "sresp": response.astype(np.float32),
        "run": run[:, None],
        "beh_svd_time": rng.normal(size=(n_bins, 20)) + run[:, None],
        "beh_svd_mask": rng.normal(size=(4, 5, 20)).astype(np.float32),
        "stat": np.array([{"npix": n} for n in range(n_neurons)], object),
        "pupilArea": pupil,
        "pupilCOM": rng.normal(size=(n_bins, 2)),
        "xyz": rng.uniform(0, 500, (3, n_neurons)),
    }


def pickled(path: Path, content: dict, leave_out: str = "", **changed: object) -> Path:
    """`numpy.save(path, {...})`, as the publishers save: an array without axes that holds a pickled dictionary."""
    held = {name: value for name, value in (content | changed).items() if name != leave_out}
    np.save(path, np.array(held, dtype=object), allow_pickle=True)
    return path


def stringer_orientations(folder: Path) -> Path:
    return pickled(folder / "stringer_orientations.npy", orientations())


def stringer_spontaneous(folder: Path) -> Path:
    return pickled(folder / "stringer_spontaneous.npy", spontaneous())


def stringer_spontaneous_mat(folder: Path, leave_out: str = "") -> Path:
    """The same recording as the authors' MATLAB files have it."""
    from scipy.io import savemat

    held = spontaneous()
    behaviour = {
        "runSpeed": held["run"],
        "pupil": {"area": held["pupilArea"], "com": held["pupilCOM"]},
        "face": {"motionSVD": held["beh_svd_time"], "motionMask": held["beh_svd_mask"]},
    }
    behaviour.pop(leave_out, None)
    path = folder / "spont_M150824_MP019_2016-04-05.mat"
    savemat(path, {"Fsp": held["sresp"], "med": held["xyz"].T, "beh": behaviour, "stat": {"npix": 3}})
    return path


IMAGES = np.array([3, 1, 2801, 2, 3, 2, 1])


def stringer_images(folder: Path, **changed: np.ndarray) -> Path:
    """Three images, each shown twice, and a blank screen; one response is missing."""
    from scipy.io import savemat

    responses = np.arange(len(IMAGES) * N_NEURONS, dtype=np.float32).reshape(len(IMAGES), N_NEURONS)
    responses[1, 2] = np.nan
    stim = {"resp": responses, "istim": IMAGES[:, None].astype(float), "spont": np.zeros((4, N_NEURONS))} | changed
    path = folder / "natimg2800_M160825_MP027_2016-12-14.mat"
    savemat(path, {"stim": stim, "med": np.arange(3.0 * N_NEURONS).reshape(N_NEURONS, 3)})
    return path


def steinmetz_session(counts: np.ndarray, choice: np.ndarray, **changed: object) -> dict:
    """A session as Neuromatch has it. counts : (trial, bin, unit); choice : (trial,) -1, 0 or 1"""
    n_trials, _, n_units = counts.shape
    return {
        "spks": counts.transpose(2, 0, 1).astype(np.int8),
        "wheel": np.zeros((1, n_trials, 3), np.int8),
        "response": choice.astype(float),
        "response_time": np.full((n_trials, 1), 0.9),
        "bin_size": 0.01,
        "stim_onset": 0.5,
        "contrast_right": np.resize([0.0, 0.25, 1.0], n_trials),
        "contrast_left": np.resize([0.5, 0.0], n_trials),
        "brain_area": np.resize(["VISp", "CA1", "root"], n_units),
        "feedback_time": np.full((n_trials, 1), 0.95),
        "feedback_type": np.where(choice == 0, -1.0, 1.0),
        "gocue": np.linspace(0.5, 0.8, n_trials)[:, None],
        "mouse_name": "Cori",
        "date_exp": "2016-12-14",
        "trough_to_peak": np.arange(n_units),
        "brain_area_lfp": ["VISp", "CA1"],
    } | changed


def steinmetz_part(path: Path, *sessions: dict) -> Path:
    """`numpy.savez_compressed(path, dat=[...])`, as the publisher's notebook saves a part."""
    held = np.empty(len(sessions), object)
    held[:] = sessions
    np.savez_compressed(path, dat=held)
    return path


def kay(n_images: int = 12, n_validation: int = 4, n_voxels: int = 5, seed: int = 0) -> dict[str, np.ndarray]:
    """Voxels of which those of V4 tell animals from artifacts."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n_images + n_validation) % 2
    labels = np.stack([np.resize([f"{name} {row}", f"other {row}"], len(codes)) for row, name in enumerate("abcd")])
    labels = labels.astype("U20")
    labels[0] = np.where(codes == 1, "animal", "artifact")
    regions = np.arange(n_voxels) % 2
    responses = rng.normal(0, 0.3, (len(codes), n_voxels)) + np.outer(2 * codes - 1, regions)
    return {
        "stimuli": np.zeros((n_images, 4, 4), np.float32),
        "stimuli_test": np.zeros((n_validation, 4, 4), np.float32),
        "responses": responses[:n_images].astype(np.float32),
        "responses_test": responses[n_images:].astype(np.float32),
        "roi": regions.astype(np.int8),
        "roi_names": np.array(["V1", "V4"]),
        "kay_labels": labels[:, :n_images],
        "kay_labels_val": labels[:, n_images:],
    }


def kay_images(folder: Path, **changed: object) -> Path:
    arrays = {name: value for name, value in (kay() | changed).items() if value is not None}
    for name in ("kay_labels", "kay_labels_val"):
        np.save(folder / f"{name}.npy", arrays.pop(name))
    path = folder / "kay_images.npz"
    np.savez(path, **arrays)
    return path


def saved(content: dict) -> bytes:
    """The bytes of `numpy.save` of a dictionary."""
    buffer = io.BytesIO()
    np.save(buffer, np.array(content, dtype=object), allow_pickle=True)
    return buffer.getvalue()


def neuroscope(folder: Path, **changed: str | None) -> Path:
    """Two groups of channels with three units at 20 kHz, and where the animal was. changed : file -> text, or None"""
    files = {
        "ec013.527.res.1": "200\n400\n1000\n5000\n20000\n",
        "ec013.527.clu.1": "4\n2\n1\n3\n2\n0\n",
        "ec013.527.res.2": "100\n100\n40000\n",
        "ec013.527.clu.2": "1\n2\n2\n2\n",
        "ec013.527.xml": "<?xml version='1.0'?>\n<parameters>\n <acquisitionSystem>\n  <nBits>16</nBits>\n"
        "  <samplingRate>20000</samplingRate>\n </acquisitionSystem>\n <video><samplingRate>30</samplingRate></video>\n"
        "</parameters>\n",
        "ec013.527.whl": "1 2 3 4\n-1 -1 5 6\n7 8 -1 -1\n",
    } | changed
    for name, text in files.items():
        if text is not None:
            (folder / name).write_text(text)
    return folder / "ec013.527.res.1"


NEUROSCOPE_BESIDE = ("ec013.527.clu.1", "ec013.527.res.2", "ec013.527.clu.2", "ec013.527.xml", "ec013.527.whl")


def pvc11_spikes() -> list[list[list[list[float]]]]:
    """Spike times of 2 units, 4 gratings, 3 trials."""
    rng = np.random.default_rng(7)
    return [[[sorted(rng.uniform(0, 1.28, rng.integers(0, 5)).tolist()) for _ in range(3)] for _ in range(4)]
            for _ in range(2)]  # fmt: skip


def pvc11(folder: Path, scale: float = 1.0, **changed: object) -> Path:
    from scipy.io import savemat

    spikes = pvc11_spikes()
    events = np.empty((2, 4, 3), object)
    for place in np.ndindex(events.shape):
        unit, grating, trial = place
        events[place] = np.array(spikes[unit][grating][trial]).reshape(-1, 1) * scale
    path = folder / "data_monkey1_gratings.mat"
    savemat(path, {"data": {"EVENTS": events, "CHANNELS": np.zeros((2, 2))} | changed})
    return path
