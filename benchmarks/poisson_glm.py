"""A Poisson model of 300 units: how long the connectivity of an hour in bins of 5 ms takes, and its memory.

    python -m benchmarks.poisson_glm

Units are independent and their rates log-normal (median 5 Hz). The time is that of a new process that compiles nothing.
"""

import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from neuropipe.connectivity import ConnectivityData, make

N_UNITS, SECONDS, BIN_WIDTH = 300, 3600, 0.005


def measure(n_units: int = N_UNITS, seconds: float = SECONDS) -> dict[str, float]:
    """Seconds of the clock and of all cores together, and GB at most."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measure_here, n_units, seconds).result()


def _measure_here(n_units: int, seconds: float) -> dict[str, float]:
    rng = np.random.default_rng(0)
    data = _independent(n_units, seconds, rng)
    make("poisson_glm").fit(_independent(4, 60, rng))  # compiles
    began, began_cpu = time.perf_counter(), time.process_time()
    make("poisson_glm").fit(data)
    took, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    return {"seconds": took, "cpu": cpu, "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


def _independent(n_units: int, seconds: float, rng: np.random.Generator) -> ConnectivityData:
    rates = rng.lognormal(np.log(5.0), 0.7, n_units)
    counts = rng.poisson(rates * BIN_WIDTH, (round(seconds / BIN_WIDTH), n_units)).astype(np.uint8)
    return ConnectivityData(counts=counts, bin_width=BIN_WIDTH)


if __name__ == "__main__":
    found = measure()
    print(f"{found['seconds']:.1f} s ({found['cpu']:.1f} CPU s), at most {found['gigabytes']:.2f} GB")
