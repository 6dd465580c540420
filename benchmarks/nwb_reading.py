"""`python -m benchmarks.nwb_reading`: seconds and memory to read the spike times of an NWB file, beside plain h5py.

A file of 2,000 units and 250 million spike times (2 GB) as pynwb lays it out by default is read by the reader `nwb` and
by h5py alone (`units/spike_times[:]` and its index), each in a process of its own, in turns. What is reported: the
medians, the ratio of their speeds, and the most memory that a process held beyond the result.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

UNITS, SPIKES, REPEATS = 2_000, 250_000_000, 10
SECONDS = 3600.0  # that the spikes are spread over

READ = """
import json, resource, sys, time
import numpy as np
path, how = sys.argv[1:]
import h5py
from pathlib import Path
from neuropipe.readers.nwb import read
from neuropipe.recording import Recording
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began, cpu = time.perf_counter(), time.process_time()
if how == "neuropipe":
    spikes = read({"spikes.nwb": Path(path)}).spikes
    times, stops = spikes.times, spikes.offsets[1:]
else:
    with h5py.File(path, "r") as file:
        times, stops = file["units/spike_times"][:], file["units/spike_times_index"][:]
seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
peak = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
found = {"seconds": seconds, "cpu": cpu, "beyond": peak - times.nbytes}
print(json.dumps(found | {"spikes": len(times), "last": int(stops[-1])}))
"""


def write_spikes(path: Path, n_units: int, n_spikes: int, seed: int = 0, compression: str | None = None) -> None:
    """A file with the units of an NWB file: unequal units, spike times float64 (s), ascending within each unit."""
    import h5py

    rng = np.random.default_rng(seed)
    stops = np.round(np.cumsum(rng.dirichlet(np.full(n_units, 5.0))) * n_spikes).astype(np.uint64)
    stops[-1] = n_spikes
    with h5py.File(path, "w") as file:
        file["units/id"], file["units/spike_times_index"] = np.arange(n_units), stops
        times = file.create_dataset("units/spike_times", (n_spikes,), "f8", compression=compression)
        first = 0
        for stop in stops.astype(int):
            gaps = rng.standard_exponential(stop - first)
            np.cumsum(gaps, out=gaps)
            times[first:stop] = gaps * (SECONDS / gaps[-1]) if len(gaps) else gaps
            first = stop


def read_once(path: Path, how: str) -> dict[str, Any]:
    """seconds, cpu (s), beyond (bytes held beyond the result), spikes, last, of a process of its own.

    how : "neuropipe" or "h5py"
    """
    done = subprocess.run([sys.executable, "-c", READ, str(path), how], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def compare(path: Path, repeats: int = REPEATS) -> dict[str, float]:
    """Medians of the seconds of both; the ratio of speeds, above 1 where h5py is slower; most bytes beyond the result.

    Both read in pairs of alternating order (A B, B A, ...), so that other programs disturb both alike. The ratio is the
    median over pairs; `cpu_ratio` is the same of CPU time.
    """
    ways = ("h5py", "neuropipe")
    for how in ways:  # the first turn brings the file into memory
        read_once(path, how)
    pairs = []
    for repeat in range(repeats):
        order = ways if repeat % 2 == 0 else ways[::-1]
        pairs.append({how: read_once(path, how) for how in order})
    assert all(run["last"] == run["spikes"] for pair in pairs for run in pair.values())
    return {
        **{how: statistics.median(pair[how]["seconds"] for pair in pairs) for how in ways},
        "ratio": statistics.median(pair["h5py"]["seconds"] / pair["neuropipe"]["seconds"] for pair in pairs),
        "cpu_ratio": statistics.median(pair["h5py"]["cpu"] / pair["neuropipe"]["cpu"] for pair in pairs),
        "beyond": max(pair["neuropipe"]["beyond"] for pair in pairs),
        "bytes": 8.0 * pairs[0]["neuropipe"]["spikes"],
    }


def measure(
    n_units: int = UNITS, n_spikes: int = SPIKES, repeats: int = REPEATS, compression: str | None = None
) -> dict[str, float]:
    """`compare` on a file that is written for it and removed afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spikes.nwb"
        write_spikes(path, n_units, n_spikes, compression=compression)
        return compare(path, repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=UNITS)
    parser.add_argument("--spikes", type=int, default=SPIKES)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--compression", choices=["gzip", "lzf"], help="of the spike times; none by default, as pynwb")
    options = parser.parse_args()
    found = measure(options.units, options.spikes, options.repeats, options.compression)
    print(f"spike times              {found['bytes'] / 1e9:8.2f} GB")
    print(f"h5py, median             {found['h5py']:8.2f} s")
    print(f"neuropipe, median        {found['neuropipe']:8.2f} s")
    print(f"speed of neuropipe / h5py{found['ratio']:8.2f}")
    print(f"the same in CPU time     {found['cpu_ratio']:8.2f}")
    print(f"memory beyond the result {found['beyond'] / 1e6:8.0f} MB")


if __name__ == "__main__":
    main()
