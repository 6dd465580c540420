"""The compiled merge of sorted spikes with sorted trial starts; imported only when something is binned."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np

ONE = np.uint64(1)
TRIALS = np.uint64(32)


@numba.njit(nogil=True)
def add_counts(times, bounds, first, last, starts, rows, steps, bin_width, counts, unit, largest, counted):
    """Add the spikes of parts first..last-1 of `times` to counts[rows[trial], bin, unit + part].

    Part p is times[bounds[p]:bounds[p + 1]], ascending; starts ascend; bin k of a trial is
    [start + steps[k], start + steps[k + 1]). largest[p] rises to the largest count that part p produced: where that
    exceeds what counts can hold, counts is void. counted[p] grows by the spikes that fell in windows.
    Indices are unsigned, which spares a test for negative indices at each access; TRIALS trials at a time, the cells
    that neighbouring units share a cache line in are still there when the next unit comes.
    """
    n_bins, n_trials = np.uint64(len(steps) - 1), np.uint64(len(starts))
    stride = np.uint64(counts.shape[2])
    cells = counts.reshape(-1)
    bins_per_second = 1.0 / bin_width
    reached = bounds.astype(np.uint64)
    for block in range(np.uint64(0), n_trials, TRIALS):
        for part in range(np.uint64(first), np.uint64(last)):
            oldest, end = reached[part], np.uint64(bounds[part + ONE])
            part_largest = largest[part]
            for trial in range(block, min(block + TRIALS, n_trials)):
                start = starts[trial]
                stop = start + steps[n_bins]
                while oldest < end and times[oldest] < start:
                    oldest += ONE
                corner = np.uint64(rows[trial]) * n_bins * stride + np.uint64(unit) + part
                spike = oldest
                while spike < end and times[spike] < stop:
                    time = times[spike]
                    # The product may be off by rounding; the edges decide.
                    k = min(np.uint64((time - start) * bins_per_second), n_bins - ONE)
                    while start + steps[k] > time:
                        k -= ONE
                    while start + steps[k + ONE] <= time:
                        k += ONE
                    count = np.uint64(cells[corner + k * stride]) + ONE
                    cells[corner + k * stride] = count
                    part_largest = max(part_largest, count)
                    spike += ONE
                counted[part] += spike - oldest
                if trial + ONE < n_trials and starts[trial + ONE] >= stop:
                    oldest = spike
            reached[part], largest[part] = oldest, part_largest


def over_parts(work: Callable[[int, int], None], bounds: np.ndarray) -> None:
    """Call work(first, last) on ranges of parts that hold about equally many spikes, one range a thread."""
    n_parts, n_threads = len(bounds) - 1, os.cpu_count() or 1
    cuts = np.searchsorted(bounds, np.linspace(0, bounds[-1], n_threads + 1)[1:-1])
    cuts = np.unique(np.concatenate([[0], np.minimum(cuts, n_parts), [n_parts]]))
    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(work, cuts[:-1], cuts[1:]))
