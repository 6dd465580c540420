"""Deconvolution: scores on recordings with true spikes, and how long a large recording takes.

    python -m benchmarks.deconvolution truth METHOD [NAME=VALUE ...]   every data set below NEUROPIPE_MIRROR
    python -m benchmarks.deconvolution speed METHOD [NAME=VALUE ...]   1,000 ROIs x 30 minutes at 30 Hz, from disk

Scores are means over cells (every stretch that was recorded with its electrode counts as one) with 95 % intervals over
cells; the correlation is that of true spike counts and events in bins of 40 ms, both smoothed by a Gaussian of 80 ms.
"""

import ast
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from neuropipe import calcium
from neuropipe.calcium.preprocessing import frame_rate_of
from neuropipe.calcium.scores import score, summary

DATASETS = ("DS09", "DS10", "DS12", "DS14", "DS15", "DS16")
SHOWN = ("correlation", "error_rate", "bias", "lag")
N_ROIS, SECONDS, FRAME_RATE = 1000, 1800, 30.0


def recordings(dataset: str) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(dff (time,), frame_times (time,), spike_times) of every stretch of a data set of the ground truth."""
    from scipy.io import loadmat

    files = sorted(Path(os.environ["NEUROPIPE_MIRROR"]).glob(f"*/*/*/*/Ground_truth/{dataset}-*/*.mat"))
    for path in files:
        for cell in loadmat(path)["CAttached"].ravel():
            fields = {name: np.asarray(cell[name][0, 0], np.float64).ravel() for name in cell.dtype.names}
            spikes = fields["events_AP"] * 1e-4
            yield fields["fluo_mean"], fields["fluo_time"], np.sort(spikes[np.isfinite(spikes)])


def truth(method: str, **parameters) -> None:
    for dataset in DATASETS:
        show(dataset, method, parameters)


def show(dataset: str, method: str, parameters: dict) -> None:
    in_spikes = calcium.available()[method].facts["units"].startswith("expected spikes")
    tables = []
    for dff, frame_times, spikes in recordings(dataset):
        events = calcium.deconvolve(dff[:, None], frame_rate_of(frame_times), method, **parameters)
        tables.append(score(events, frame_times, spikes, np.array([0, len(spikes)]), in_spikes=in_spikes))
    cells = summary(pd.concat(tables))
    rows = cells[cells.smoothing == 0.08].set_index("metric")
    shown = [
        f"{name} {rows.value[name]:.3f} [{rows.low[name]:.3f}, {rows.high[name]:.3f}]"
        for name in SHOWN
        if name in rows.index
    ]
    print(f"{dataset} ({len(tables)})  " + "   ".join(shown), flush=True)


def speed(method: str, **parameters) -> None:
    seconds, peak = measure_speed(method, **parameters)
    print(
        f"{method}: {N_ROIS} ROIs x {SECONDS / 60:g} min at {FRAME_RATE:g} Hz in {seconds:.1f} s, at most {peak:.2f} GB"
    )


def measure_speed(method: str, **parameters) -> tuple[float, float]:
    """Seconds, and GB at most, in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_speed_here, method, parameters).result()


def _speed_here(method: str, parameters: dict) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    shape = (int(SECONDS * FRAME_RATE), N_ROIS)
    with tempfile.TemporaryDirectory() as folder:
        traces = np.memmap(Path(folder) / "traces", np.float32, "w+", shape=shape)
        for start in range(0, N_ROIS, 50):
            traces[:, start : start + 50] = simulate(rng, shape[0], 50)
        events = np.memmap(Path(folder) / "events", np.float32, "w+", shape=shape)
        calcium.deconvolve(traces[:600, :2], FRAME_RATE, method, **parameters)  # compiles
        began = time.perf_counter()
        calcium.deconvolve(traces, FRAME_RATE, method, out=events, **parameters)
        seconds = time.perf_counter() - began
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def simulate(rng: np.random.Generator, n_frames: int, n_rois: int) -> np.ndarray:
    """(time, roi) transients with a decay of .7 s and a rise of .07 s, rates from .01 to 3 Hz, and noise."""
    from scipy.signal import lfilter

    slow, fast = np.exp(-1 / (np.array([0.7, 0.07]) * FRAME_RATE))
    spikes = rng.poisson(np.geomspace(0.01, 3, n_rois) / FRAME_RATE, (n_frames, n_rois))
    return 0.1 * lfilter([1.0], [1, -slow - fast, slow * fast], spikes, axis=0) + 0.1 * rng.standard_normal(
        spikes.shape
    )


def read(value: str):
    """A Python literal, else the text itself (a folder)."""
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return value


if __name__ == "__main__":
    what, *given = sys.argv[1:]
    names = [word for word in given if "=" not in word]
    settings = dict(word.split("=", 1) for word in given if "=" in word)
    measures = {"truth": truth, "speed": speed}
    measures[what](*names, **{name: read(value) for name, value in settings.items()})
