"""Runs a sorter in a process of its own, with a time limit, so that one that crashes or hangs costs one sentence."""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.recording import BinaryFile, SpikeTrains, Voltage
from neuropipe.registry import Plugin, check_parameters
from neuropipe.sorting.preprocessing import Prepared, preprocessed

CLONE = Path(__file__).resolve().parents[2]
BYTES_PER_SAMPLE = 4  # what sorters keep of each sample, as float32, where they write it
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
LONGEST_LINE = 300


def run_sorter(
    plugin: Plugin,
    voltage: Voltage,
    prepared: Prepared,
    folder: Path,
    *,
    seed: int = 0,
    time_limit: float = 3600.0,
    log: Callable[[str], None] = lambda line: None,
    **parameters: Any,
) -> SpikeTrains:
    """The spikes that a sorter finds, in s on the recording's clock, units by depth of probe as the sorter orders them.

    folder : for whatever the sorter writes; time_limit : s. Linear algebra runs in one thread, so that the same seed
    gives the same spikes however many cores there are. Raises BadInput where the sorter isn't installed, crashes,
    takes longer or finds nothing.
    """
    check_installed(plugin)
    check_parameters(plugin, {"seed": seed, **parameters})
    file = voltage.samples
    assert isinstance(file, BinaryFile)
    own = folder / plugin.name
    own.mkdir()
    job = {
        "sorter": f"{plugin.module}:{plugin.attribute}",
        "parameters": {"seed": seed, **parameters},
        "file": {"path": str(file.path), **file.address()},
        "sampling_rate": voltage.sampling_rate,
        "channels": {name: voltage.channels[name].tolist() for name in voltage.channels},
        "prepared": prepared.document(),
        "found": str(own / "found.npz"),
        "folder": str(own / "files"),
    }
    (own / "job.json").write_text(json.dumps(job), encoding="utf-8")
    log(f"{plugin.name} sorts {voltage.duration:.0f} s of {len(voltage.channels)} channels")
    started = time.perf_counter()
    _run(plugin.name, own, time_limit)
    log(f"{plugin.name} took {time.perf_counter() - started:.0f} s")
    with np.load(own / "found.npz", allow_pickle=False) as found:
        samples, offsets = found["samples"], found["offsets"]
    if len(offsets) < 2 or len(samples) == 0:
        raise BadInput(
            f"{plugin.name} found no unit in {voltage.duration:.0f} s of {len(voltage.channels)} channels: lower its "
            "detection threshold, try another sorter, or look whether the voltage holds spikes at all"
        )
    return SpikeTrains(voltage.start + samples / voltage.sampling_rate, offsets)


def check_installed(plugin: Plugin) -> None:
    """Refuse (BadInput) a sorter whose distributions are not installed, with the command that installs them."""
    missing = [tool for tool in plugin.facts.get("tools", ()) if not _is_installed(tool)]
    if missing:
        install = plugin.facts.get("install", " ".join(missing))
        raise BadInput(
            f"the sorter {plugin.name} needs {', '.join(missing)}, not installed here: run "
            f"`.venv/bin/python -m pip install {install}`, or choose another sorter"
        )


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _run(name: str, folder: Path, time_limit: float) -> None:
    """Run the job in a folder and wait for it; nothing that it started is left behind.

    It stays in the group of this process, and so ends with it where that is a child with a memory limit.
    """
    path = os.pathsep.join([str(CLONE), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, **dict.fromkeys(THREADS, "1")}
    code = f"from {work.__module__} import {work.__name__}; {work.__name__}({str(folder)!r})"
    with (folder / "log.txt").open("wb") as printed, _process(code, printed, environment) as process:
        try:
            process.wait(time_limit)
        except subprocess.TimeoutExpired:
            raise BadInput(
                f"{name} was stopped after {time_limit:g} s, its time limit: raise time_limit, or look whether it hangs"
            ) from None
    if process.returncode:
        how = f"signal {signal.Signals(-process.returncode).name}" if process.returncode < 0 else "an error"
        raise BadInput(f"{name} failed with {how}: {_last_line(folder / 'log.txt')}")


@contextmanager
def _process(code: str, printed: Any, environment: dict[str, str]) -> Iterator[subprocess.Popen]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", code],
        stdin=subprocess.DEVNULL,
        stdout=printed,
        stderr=subprocess.STDOUT,
        env=environment,
    )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen) -> None:
    """End a process and all that it started."""
    import psutil

    with suppress(psutil.Error):
        for member in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):
                member.kill()
    if process.poll() is None:
        process.kill()
    process.wait()


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    words = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
    return words[:LONGEST_LINE].rstrip(".")


def work(folder: str) -> None:
    """What the process of a sorter does: sort as job.json says, and write the samples of all spikes to found.npz."""
    job = json.loads((Path(folder) / "job.json").read_text(encoding="utf-8"))
    samples = BinaryFile.at(Path(job["file"]["path"]), job["file"])
    voltage = Voltage(samples, job["sampling_rate"], pd.DataFrame(job["channels"]))
    module, _, function = job["sorter"].partition(":")
    sorter = getattr(importlib.import_module(module), function)
    sorting = sorter(preprocessed(voltage, Prepared.of(job["prepared"])), Path(job["folder"]), **job["parameters"])
    trains = [
        np.unique(np.asarray(sorting.get_unit_spike_train(unit, segment_index=0), np.int64))
        for unit in sorting.unit_ids
    ]
    trains = [train[(train >= 0) & (train < samples.shape[0])] for train in trains]
    trains = [train for train in trains if len(train)]
    offsets = np.cumsum([0, *map(len, trains)]).astype(np.int64)
    np.savez(job["found"], samples=np.concatenate([*trains, np.empty(0, np.int64)]), offsets=offsets)
