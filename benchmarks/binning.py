"""Binning beside what a user would pick instead; medians of several runs, taken in turns in one process.

    python -m benchmarks.binning           one moderate session: numpy, pynapple and torch_brain
    python -m benchmarks.binning --full    also 70 M spikes x 2,000 units x 5,950 trials x 25 bins, from Zarr to Zarr,
                                           against merely reading the spike times and writing the tensor

Where the rivals' edges differ from [start + k * bin_width, start + (k + 1) * bin_width): pynapple rounds all times to
1 ns, closes the last bin on the right and takes no overlapping windows; torch_brain bins by
floor((time - start) / bin_width). Spikes here lie half a sample of a 30 kHz clock off every edge, so that all four
tensors must be equal, and that is asserted. Converting spikes to a rival's own classes is not timed.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np

from neuropipe.binning import SpikeSource, bin_spikes
from neuropipe.binning.streaming import bin_to_zarr, spikes_in_windows
from neuropipe.recording import SpikeTrains

BIN_WIDTH, N_BINS, TRIAL_SPACING, CLOCK = 0.02, 25, 0.6, 30_000
READ_AT_ONCE = 4 << 20  # spikes, in whole chunks, as many as are read to be counted: what reads fastest


def simulate(n_units: int, n_spikes: int, n_trials: int) -> tuple[SpikeTrains, np.ndarray]:
    """Poisson units with log-normal rates, and evenly spaced trial starts; 83 % of the time lies in windows."""
    rng = np.random.default_rng(0)
    duration = 1.0 + n_trials * TRIAL_SPACING
    shares = rng.lognormal(size=n_units)
    counts = rng.multinomial(n_spikes, shares / shares.sum())
    offsets = np.concatenate([[0], np.cumsum(counts)])
    times = np.empty(n_spikes)
    for first, last in pairwise(offsets):
        times[first:last] = (np.sort(rng.integers(0, int(duration * CLOCK), last - first)) + 0.5) / CLOCK
    return SpikeTrains(times, offsets), 1.0 + np.arange(n_trials) * TRIAL_SPACING


def ours(spikes: SpikeTrains, starts: np.ndarray) -> Callable[[], np.ndarray]:
    return lambda: bin_spikes(spikes.times, spikes.offsets, starts, BIN_WIDTH, N_BINS)


def numpy_searchsorted(spikes: SpikeTrains, starts: np.ndarray) -> Callable[[], np.ndarray]:
    def count() -> np.ndarray:
        edges = starts[:, None] + np.arange(N_BINS + 1) * BIN_WIDTH
        counts = np.empty((len(starts), N_BINS, spikes.n_units), np.uint8)
        for unit in range(spikes.n_units):
            train = spikes.times[spikes.offsets[unit] : spikes.offsets[unit + 1]]
            counts[:, :, unit] = np.diff(np.searchsorted(train, edges), axis=1)
        return counts

    return count


def pynapple(spikes: SpikeTrains, starts: np.ndarray) -> Callable[[], np.ndarray]:
    import pynapple as nap

    trains = np.split(spikes.times, spikes.offsets[1:-1])
    group = nap.TsGroup({unit: nap.Ts(train) for unit, train in enumerate(trains)})
    epochs = nap.IntervalSet(starts, starts + N_BINS * BIN_WIDTH)
    return lambda: group.trial_count(epochs, BIN_WIDTH).transpose(1, 2, 0)


def torch_brain(spikes: SpikeTrains, starts: np.ndarray) -> Callable[[], np.ndarray]:
    from torch_brain.data import IrregularTimeSeries
    from torch_brain.utils.binning import bin_spikes as bin_one_trial

    order = np.argsort(spikes.times, kind="stable")
    unit = np.repeat(np.arange(spikes.n_units), np.diff(spikes.offsets))
    series = IrregularTimeSeries(spikes.times[order], unit_index=unit[order], domain="auto")

    def count() -> np.ndarray:
        trials = (series.slice(start, start + N_BINS * BIN_WIDTH) for start in starts)
        return np.stack([bin_one_trial(trial, spikes.n_units, BIN_WIDTH, dtype=np.uint8) for trial in trials])

    return count


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """(seconds by the clock, seconds of processor time): the second says more where other programs are busy."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def moderate(n_runs: int) -> dict[str, float]:
    """Print the comparison; name of a rival -> its time over ours."""
    spikes, starts = simulate(n_units=300, n_spikes=2_000_000, n_trials=1000)
    makers = (ours, numpy_searchsorted, pynapple, torch_brain)
    contenders = {make.__name__: make(spikes, starts) for make in makers}
    compile_seconds = timed(contenders["ours"])
    tensors = {name: count() for name, count in contenders.items()}
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(tensor, tensors["ours"], err_msg=name)
    seconds = {name: [] for name in contenders}
    for _ in range(n_runs):
        for name, count in contenders.items():
            seconds[name].append(timed(count))
    print(
        f"{len(spikes.times):,} spikes x {spikes.n_units} units x {len(starts)} trials x {N_BINS} bins, equal tensors"
    )
    print(f"(the first call also compiles: {compile_seconds[0]:.1f} s)")
    fastest = np.median(seconds["ours"], axis=0)
    ratios = {}
    for name, runs in seconds.items():
        wall, processor = np.median(runs, axis=0) / fastest
        ratios[name] = wall
        print(f"  {name:20} {np.median(runs, axis=0)[0]:8.3f} s   {wall:6.1f} x ours, {processor:6.1f} x in processor")
    return ratios


def full(n_runs: int) -> dict[str, float]:
    """Print the comparison; Zarr to Zarr over reading and writing alone, by the clock, and peak memory in GB."""
    import zarr

    with tempfile.TemporaryDirectory() as folder:
        spikes, starts = simulate(n_units=2000, n_spikes=70_000_000, n_trials=5950)
        by_numpy = timed(numpy_searchsorted(spikes, starts))[0]
        in_memory = np.median([timed(ours(spikes, starts)) for _ in range(n_runs)], axis=0)[0]
        session = zarr.open_group(Path(folder) / "session.zarr", mode="w")
        session.create_array("times", data=spikes.times, chunks=(1 << 20,))
        session.create_array("offsets", data=spikes.offsets)
        session.create_array("starts", data=starts)
        del spikes
        peak = subprocess.run(
            [sys.executable, __file__, "--stream", folder], capture_output=True, text=True, check=True
        ).stdout
        group = zarr.open_group(Path(folder) / "counts.zarr", mode="r+")
        tensor = group["counts"][:]
        streamed, transfer = [], []
        for _ in range(n_runs):
            del group["counts"]
            streamed.append(timed(lambda: stream(session, group)))
            transfer.append(timed(lambda: read_and_write(session, group, tensor)))
        np.testing.assert_array_equal(group["counts"][:], tensor)
    print(
        f"70 M spikes x 2,000 units x 5,950 trials x {N_BINS} bins, tensor {tensor.nbytes / 1e6:.0f} MB {tensor.dtype}"
    )
    print(f"  in memory            {in_memory:8.2f} s")
    print(f"  numpy_searchsorted   {by_numpy:8.2f} s   {by_numpy / in_memory:6.1f} x ours (one run)")
    print(f"  Zarr to Zarr         {np.median(streamed, axis=0)[0]:8.2f} s   peak memory {float(peak) / 1e9:.2f} GB")
    print(f"  read and write alone {np.median(transfer, axis=0)[0]:8.2f} s")
    ratios = np.array(streamed) / transfer
    for what, runs in zip(("clock", "processor time"), ratios.T, strict=True):
        print(f"  Zarr to Zarr / read and write, {what:14} {np.median(runs):.2f}   each run: {np.round(runs, 2)}")
    return {"over read and write": float(np.median(ratios[:, 0])), "peak GB": float(peak) / 1e9}


def stream(session, group) -> np.ndarray:
    where = (session["times"], session["offsets"][:], session["starts"][:], BIN_WIDTH, N_BINS)
    return bin_to_zarr(*where, group).spikes_per_unit


def read_and_write(session, group, tensor: np.ndarray) -> None:
    """What is left of binning if the counting costs nothing: the same reads and the same writes."""
    times, like = session["times"], group["counts"]
    for first in range(0, times.shape[0], READ_AT_ONCE):
        times[first : first + READ_AT_ONCE]
    shard = like.shards[0]
    layout = {"shape": like.shape, "dtype": like.dtype, "chunks": like.chunks, "shards": like.shards}
    array = group.create_array("plain", **layout, compressors=like.compressors, overwrite=True)
    for first in range(0, len(tensor), shard):
        array[first : first + shard] = tensor[first : first + shard]


def measure_peak(folder: str) -> None:
    """Print the peak memory (bytes) of a process that streams the session, and check what it counted."""
    import resource

    import zarr

    session = zarr.open_group(Path(folder) / "session.zarr", mode="r")
    counted = stream(session, zarr.open_group(Path(folder) / "counts.zarr", mode="w"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    source = SpikeSource.of(session["times"], session["offsets"][:])
    inside = spikes_in_windows(source.times, source.offsets, session["starts"][:], BIN_WIDTH, N_BINS)
    np.testing.assert_array_equal(counted, inside)
    print(peak)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--stream", metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stream:
        measure_peak(options.stream)
    else:
        moderate(options.runs)
        if options.full:
            full(options.runs)
