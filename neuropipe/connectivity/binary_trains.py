"""Transfer entropy of binary spike trains, counted from spikes (numba kernels).

Almost all bins are empty, so joint counts come from the source's spikes alone. Each looks up a byte that tells where
the target fires in its bin and the next ones, which counts it at all delays at once. Cells without a source spike
follow by subtraction from the target's own counts.
"""

import numba
import numpy as np

LONGEST = 7  # delays, as many as a byte has room for
BLOCK = 16384  # bins of the target that are read at a time


@numba.njit(nogil=True)
def sorted_distinct(bins, offsets):
    """Bins and offsets, each unit's ascending and without repeats; by insertion, as they are nearly sorted."""
    found, begins = np.empty_like(bins), np.zeros_like(offsets)
    n_found = 0
    for unit in range(len(offsets) - 1):
        begins[unit] = n_found
        for spike in range(offsets[unit], offsets[unit + 1]):
            at = n_found
            while at > begins[unit] and found[at - 1] > bins[spike]:
                at -= 1
            if at > begins[unit] and found[at - 1] == bins[spike]:
                continue
            for moved in range(n_found, at, -1):
                found[moved] = found[moved - 1]
            found[at] = bins[spike]
            n_found += 1
    begins[-1] = n_found
    return found[:n_found], begins


@numba.njit(nogil=True)
def patterns(bins, n_bins, n_delays):
    """(time,) uint8, bit d tells whether bin time + d holds a spike, d = 0..n_delays. bins : ascending, distinct"""
    found = np.zeros(n_bins, np.uint8)
    for at in bins:
        for delay in range(min(n_delays, at) + 1):
            found[at - delay] |= np.uint8(1 << delay)
    return found


@numba.njit(nogil=True)
def count_patterns(bins, edges, of_target, counts):
    """(source, pattern): how often each pattern of the target is met at the source's spikes; fills `counts`.

    bins : of all sources, ascending within each; edges : (stretch, source + 1), where the spikes of a stretch of BLOCK
    bins begin in `bins`, stretch by stretch, so that the target's part of it stays in the processor's cache
    """
    counts[:] = 0
    for stretch in range(len(edges) - 1):
        for source in range(edges.shape[1]):
            for spike in range(edges[stretch, source], edges[stretch + 1, source]):
                pattern = of_target[bins[spike]]
                if pattern:
                    counts[source, pattern] += 1
    for source in range(edges.shape[1]):
        counts[source, 0] = edges[-1, source] - edges[0, source] - counts[source].sum()


@numba.njit(nogil=True)
def largest_entropies(counts, whole, first_delays, n_delays, entropies, delays):
    """Of every source on one target, the transfer entropy at the delay where it is largest, and that delay, in bins.

    counts : (source, pattern), from count_patterns; whole : (pattern,) of all bins of the target
    first_delays : (source,), from which on delays are read; entropies : (source,) nats in all, negative where the
    target fires less after the source; delays : (source,)
    """
    all_codes, codes = np.zeros((n_delays, 4), np.int64), np.zeros((n_delays, 4), np.int64)
    _by_delay(whole, all_codes)
    for source in range(len(counts)):
        _by_delay(counts[source], codes)
        entropies[source] = 0.0
        delays[source] = first_delays[source]
        for delay in range(first_delays[source], n_delays + 1):
            entropy = _entropy(all_codes[delay - 1], codes[delay - 1])
            if abs(entropy) > abs(entropies[source]):
                entropies[source] = entropy
                delays[source] = delay


@numba.njit(nogil=True)
def _by_delay(counts, codes):
    """From counts of patterns to codes, (delay, 4): 2 * (a spike in the bin before) + (a spike in the bin)."""
    codes[:] = 0
    for pattern in range(len(counts)):
        for delay in range(len(codes)):
            codes[delay, 2 * ((pattern >> delay) & 1) + ((pattern >> (delay + 1)) & 1)] += counts[pattern]


@numba.njit(nogil=True)
def _entropy(whole, joint):
    """n * transfer entropy, nats, signed by the effect; whole, joint : (code,) counts of all bins, after the source."""
    entropy, effect = 0.0, 0.0
    for history in range(2):
        silent, fired = whole[2 * history], whole[2 * history + 1]
        silent_after, fired_after = joint[2 * history], joint[2 * history + 1]
        total, after = silent + fired, silent_after + fired_after
        if after == 0 or after == total:
            continue
        entropy += _term(fired_after, after, fired, total)
        entropy += _term(silent_after, after, silent, total)
        entropy += _term(fired - fired_after, total - after, fired, total)
        entropy += _term(silent - silent_after, total - after, silent, total)
        effect += fired_after - after * (fired / total)
    return -entropy if effect < 0 else entropy


@numba.njit(nogil=True)
def _term(cell, row, column, total):
    """n log(p(x, y | h) / (p(x | h) p(y | h))) of one cell, which holds n counts."""
    return cell * np.log(cell * total / (float(row) * column)) if cell > 0 else 0.0
