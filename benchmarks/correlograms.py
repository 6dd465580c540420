"""Cross-correlograms of all pairs: how long 1,000 units with 20 million spikes take, and elephant on some of the pairs.

    python -m benchmarks.correlograms             1,000 units, 20 million spikes in an hour, lags to 25 ms, 1 ms bins
    python -m benchmarks.correlograms 100 500000  units and spikes (at the same rate of all units together)

Rates are log-normal. Elephant's time for all pairs is that of a few pairs drawn at random, by the faster of its two
methods, times the number of pairs; it gets its trains binned beforehand, which is not counted. The counts are compared.
"""

import itertools
import multiprocessing
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from neuropipe.connectivity.correlograms import correlograms
from neuropipe.recording import SpikeTrains

N_UNITS, N_SPIKES = 1000, 20_000_000
SPIKES_PER_SECOND = N_SPIKES / 3600
LAGS = 25  # ms
N_PAIRS = 6  # of elephant
METHODS = ("speed", "memory")  # of elephant


def network(n_units: int, n_spikes: int) -> tuple[SpikeTrains, float]:
    """Poisson trains with log-normal rates, and how many s they last."""
    rng = np.random.default_rng(0)
    rates = rng.lognormal(0, 1, n_units)
    seconds = n_spikes / SPIKES_PER_SECOND
    offsets = np.concatenate([[0], np.cumsum(rng.multinomial(n_spikes, rates / rates.sum()))])
    times = np.empty(n_spikes)
    for first, last in itertools.pairwise(offsets):
        times[first:last] = np.sort(rng.random(last - first)) * seconds
    return SpikeTrains(times, offsets), seconds


def ours(n_units: int, n_spikes: int) -> dict[str, float]:
    """Seconds of the clock and of all cores together, and GB at most with the spikes themselves, in a new process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_ours_here, n_units, n_spikes).result()


def _ours_here(n_units: int, n_spikes: int) -> dict[str, float]:
    spikes, _ = network(n_units, n_spikes)
    correlograms(SpikeTrains.from_list([np.arange(9.0)] * 2))  # compiles
    began, began_cpu = time.perf_counter(), time.process_time()
    found = correlograms(spikes, longest_lag=LAGS / 1000)
    seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": seconds, "cpu": cpu, "gigabytes": memory, "pairs": float(found.counts.sum(dtype=np.int64))}


def elephant(n_units: int, n_spikes: int) -> dict[str, float]:
    """CPU seconds of elephant and of ours for all pairs, elephant's from a few, whose counts must be equal to ours."""
    import neo
    import quantities as pq
    from elephant.conversion import BinnedSpikeTrain
    from elephant.spike_train_correlation import cross_correlation_histogram

    spikes, seconds = network(n_units, n_spikes)
    correlograms(SpikeTrains.from_list([np.arange(9.0)] * 2))
    began = time.process_time()
    found = correlograms(spikes, longest_lag=LAGS / 1000, ticks_per_bin=1)
    ours_cpu = time.process_time() - began
    trains = np.split(spikes.times, spikes.offsets[1:-1])
    rng, spent = np.random.default_rng(1), dict.fromkeys(METHODS, 0.0)
    for _ in range(N_PAIRS):
        i, j = rng.choice(n_units, 2, replace=False)
        binned = [
            BinnedSpikeTrain(neo.SpikeTrain(trains[unit] * pq.s, t_stop=seconds * pq.s), bin_size=1 * pq.ms)
            for unit in (i, j)
        ]
        for method in METHODS:
            began = time.process_time()
            theirs, _ = cross_correlation_histogram(*binned, window=[-LAGS, LAGS], method=method)
            spent[method] += time.process_time() - began
            if not np.array_equal(theirs.magnitude.ravel(), found.both_sides(slice(i, i + 1))[0, j]):
                raise SystemExit(f"units {i} and {j}: elephant counts other pairs")
    n_pairs = n_units * (n_units - 1) / 2
    return {"elephant": min(spent.values()) / N_PAIRS * n_pairs, "ours": ours_cpu}


if __name__ == "__main__":
    size = [int(word) for word in sys.argv[1:]] or [N_UNITS, N_SPIKES]
    measured = ours(*size)
    print(
        f"{size[0]} units, {size[1]:,} spikes, {measured['pairs']:.3g} pairs: {measured['seconds']:.1f} s "
        f"({measured['cpu']:.1f} CPU s), at most {measured['gigabytes']:.2f} GB"
    )
    beside = elephant(*size)
    print(
        f"elephant {beside['elephant']:.0f} CPU s for all pairs, ours {beside['ours']:.1f}: "
        f"{beside['elephant'] / beside['ours']:.0f} times as fast; counts are equal"
    )
