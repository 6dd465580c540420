"""Splits a recording into two interleaved halves, so that slow drift is the same in both."""

from dataclasses import replace

import numpy as np

from neuropipe.connectivity.data import ConnectivityData
from neuropipe.errors import BadInput
from neuropipe.recording import SpikeTrains

N_BLOCKS = 10


def interleaved_halves(data: ConnectivityData, n_blocks: int = N_BLOCKS) -> tuple[ConnectivityData, ConnectivityData]:
    """The even and the odd ones of n_blocks equal blocks of time, each set joined into one recording.

    Counts in at least n_blocks segments (trials) are split by whole segments. Other counts are cut, and every piece is
    a segment of its own, so that no lag crosses a join. Spike trains are joined end to end: the few pairs of spikes
    that face each other across a join (n_blocks / 2 - 1 of them) are counted as neighbours.
    """
    if n_blocks < 2 or n_blocks % 2:
        raise BadInput(f"halves are made of an even number of blocks, at least 2, found {n_blocks}")
    if data.spikes is not None:
        return _spike_half(data, data.spikes, n_blocks, 0), _spike_half(data, data.spikes, n_blocks, 1)
    edges = data.segment_edges
    if len(edges) - 1 >= n_blocks:
        segment_of = np.arange(len(edges) - 1)
        block_of = segment_of * n_blocks // (len(edges) - 1)
    else:
        assert data.counts is not None
        if len(data.counts) < n_blocks:
            raise BadInput(f"{len(data.counts)} bins can't be split into {n_blocks} blocks; record more, or use fewer")
        cuts = np.arange(n_blocks + 1) * len(data.counts) // n_blocks
        segment_of = np.searchsorted(edges, np.union1d(edges, cuts)[:-1], side="right") - 1
        edges = np.union1d(edges, cuts)
        block_of = np.searchsorted(cuts, edges[:-1], side="right") - 1
    return _count_half(data, edges, segment_of, block_of % 2 == 0), _count_half(
        data, edges, segment_of, block_of % 2 == 1
    )


def _spike_half(data: ConnectivityData, spikes: SpikeTrains, n_blocks: int, parity: int) -> ConnectivityData:
    edges = np.linspace(data.start, data.stop, n_blocks + 1)
    block = np.clip(np.searchsorted(edges, spikes.times, side="right") - 1, 0, n_blocks - 1)
    kept = block % 2 == parity
    length = (data.stop - data.start) / n_blocks
    times = spikes.times[kept] - edges[block[kept]] + length * (block[kept] // 2)
    unit = np.repeat(np.arange(spikes.n_units), np.diff(spikes.offsets))[kept]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(unit, minlength=spikes.n_units))]).astype(np.int64)
    stop = length * n_blocks / 2
    # rounding may put the last spike of a block just behind the first one of the next
    times = np.clip(times, 0, stop)
    times = times[np.lexsort((times, unit))]
    return replace(data, spikes=SpikeTrains(times, offsets), start=0.0, stop=stop)


def _count_half(
    data: ConnectivityData, edges: np.ndarray, segment_of: np.ndarray, kept: np.ndarray
) -> ConnectivityData:
    """The pieces between `edges` that are kept, one segment each."""
    assert data.counts is not None
    in_half = np.repeat(kept, np.diff(edges))
    lengths = np.diff(edges)[kept]
    return replace(
        data,
        counts=data.counts[in_half],
        segments=np.concatenate([[0], np.cumsum(lengths)]),
        labels=None if data.labels is None else np.asarray(data.labels)[segment_of[kept]],
    )
