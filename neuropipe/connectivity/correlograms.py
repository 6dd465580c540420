"""Cross-correlograms of all pairs of units at once, from exact integer times (numba kernels).

Spike times in s become ticks, ticks = floor((time - start) / tick), with tick = bin_width / ticks_per_bin; a time that
is below a tick's edge by less than a millionth of it, as rounding leaves it, counts as on the edge. After that, all is
integer arithmetic: the counts are exact, and the same for any number of threads.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from neuropipe.errors import BadInput
from neuropipe.recording import SpikeTrains

TICKS_PER_BIN = 31  # of 1 ms: a tick is about the sampling interval of a recording
ROUNDING = 1e-6  # of a tick
_RADIX = 16  # bits that are sorted by in one pass


@dataclass(frozen=True)
class Correlograms:
    """counts : (source, target, lag) uint32, number of spike pairs, lag = 0..n_lags in bins of bin_width (s).

    The bin of lag k holds the pairs in which the target fires (k - 1/2) to (k + 1/2) bins after the source. Lags below
    0 are those of the pair in reverse: lag -k of (source, target) is lag k of (target, source). A spike is no pair
    with itself.
    """

    counts: np.ndarray
    bin_width: float

    @property
    def n_lags(self) -> int:
        """The longest lag, in bins."""
        return self.counts.shape[2] - 1

    def both_sides(self, sources: slice | np.ndarray = slice(None)) -> np.ndarray:
        """(source, target, 2 * n_lags + 1) float64 of some sources, lags -n_lags..n_lags."""
        ahead = self.counts[sources]
        behind = self.counts[:, sources, :0:-1].swapaxes(0, 1)
        return np.concatenate([behind, ahead], axis=2).astype(np.float64)


def correlograms(
    spikes: SpikeTrains,
    *,
    start: float = 0.0,
    longest_lag: float = 0.025,
    bin_width: float = 0.001,
    ticks_per_bin: int = TICKS_PER_BIN,
) -> Correlograms:
    """Count the pairs of spikes of all pairs of units at all lags up to `longest_lag` (s, whole bins).

    spikes : sorted within each unit; start : s, no spike is before it
    ticks_per_bin : odd. With 1, spikes are binned before lags are taken, as elephant's cross_correlation_histogram
        does; with more, lags are exact differences of times to within a tick.

    Takes time proportional to the pairs found, (spikes per s) * (number of spikes) * longest_lag, and memory of 4 bytes
    per count and about 40 per spike.
    """
    if ticks_per_bin < 1 or ticks_per_bin % 2 == 0:
        raise BadInput(f"ticks_per_bin must be odd, so that bins are centred on their lags; found {ticks_per_bin}")
    n_lags = round(longest_lag / bin_width)
    if n_lags < 0 or abs(n_lags * bin_width - longest_lag) > 1e-6 * bin_width:
        raise BadInput(f"longest_lag ({longest_lag:g} s) must be a multiple of bin_width ({bin_width:g} s)")
    n_units, width = spikes.n_units, n_lags + 1
    merged, place = merged_ticks(spikes, start, bin_width / ticks_per_bin)
    cells = np.repeat(np.arange(n_units, dtype=np.int32) * np.int32(width), np.diff(spikes.offsets))
    cell_of = np.empty(len(merged), np.int32)
    cell_of[place] = cells
    reach = n_lags * ticks_per_bin + ticks_per_bin // 2
    ends = _window_ends(merged, reach)
    lag_of = ((np.arange(reach + 1) + ticks_per_bin // 2) // ticks_per_bin).astype(np.int32)
    counts = np.zeros((n_units, n_units, width), np.uint32)

    def count(source: int) -> None:
        own = place[spikes.offsets[source] : spikes.offsets[source + 1]]
        _count_pairs(merged, cell_of, ends, own, lag_of, counts[source].reshape(-1))

    over_units(count, np.argsort(-np.diff(spikes.offsets), kind="stable"))
    # Pairs at lag 0 were counted in the order of their merged times only; they belong to both directions.
    counts[:, :, 0] += counts[:, :, 0].T.copy()
    return Correlograms(counts, bin_width)


def merged_ticks(spikes: SpikeTrains, start: float, tick: float) -> tuple[np.ndarray, np.ndarray]:
    """Times of all units in one sorted array, in ticks (int32 where they fit), and each spike's place in it.

    place : (spike,) int32, in the order of spikes.times; spikes of equal ticks keep that order
    """
    ticks = to_ticks(spikes.times, start, tick)
    if len(ticks) and ticks.min() < 0:
        raise BadInput(f"a spike lies before the start of the recording, {start:g} s; correct start, or remove it")
    return _sorted_with_places(ticks)


def to_ticks(times: np.ndarray, start: float, tick: float) -> np.ndarray:
    """floor((times - start) / tick), int32 where that fits, else int64."""
    ticks = times - start
    ticks /= tick
    ticks += ROUNDING
    np.floor(ticks, out=ticks)
    return ticks.astype(np.int32 if not len(ticks) or ticks.max() < 2**30 else np.int64)


def over_units(work: Callable[[int], Any], units: Iterable[int]) -> None:
    """Call work(unit) for every unit, on all cores; what it writes must be its unit's own."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(work, map(int, units)))


def _sorted_with_places(ticks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.arange(len(ticks), dtype=np.int32)
    largest, shift = int(ticks.max(initial=0)), 0
    while largest >> shift:
        ticks, order = _sorted_by_digit(ticks, order, shift)
        shift += _RADIX
    place = np.empty_like(order)
    place[order] = np.arange(len(order), dtype=np.int32)
    return ticks, place


@numba.njit(nogil=True)
def _sorted_by_digit(ticks, order, shift):
    """One pass of a radix sort: stable, by _RADIX bits from `shift` on."""
    mask = (1 << _RADIX) - 1
    first = np.zeros(mask + 2, np.int64)
    for tick in ticks:
        first[((tick >> shift) & mask) + 1] += 1
    first = np.cumsum(first)
    sorted_ticks, sorted_order = np.empty_like(ticks), np.empty_like(order)
    for spike in range(len(ticks)):
        digit = (ticks[spike] >> shift) & mask
        sorted_ticks[first[digit]] = ticks[spike]
        sorted_order[first[digit]] = order[spike]
        first[digit] += 1
    return sorted_ticks, sorted_order


@numba.njit(nogil=True)
def _window_ends(merged, reach):
    """For each spike, the index behind the last one that is at most `reach` ticks later; two pointers, one sweep."""
    ends = np.empty(len(merged), np.int32)
    end = 0
    for spike in range(len(merged)):
        while end < len(merged) and merged[end] - merged[spike] <= reach:
            end += 1
        ends[spike] = end
    return ends


@numba.njit(nogil=True)
def _count_pairs(merged, cell_of, ends, own, lag_of, row):
    """Add to one source's row, (target * lag,), the pairs of its spikes with all later ones within reach.

    The row stays in the processor's cache, which is why sources are the outer loop. Indices are unsigned, which spares
    a test for negative ones.
    """
    for spike in own:
        at = merged[spike]
        for other in range(np.uint64(spike + 1), np.uint64(ends[spike])):
            row[np.uint32(cell_of[other] + lag_of[np.uint32(merged[other] - at)])] += np.uint32(1)
