"""Windows within the trial and coarser bins: which part of the trial a decoder reads, and at which resolution."""

from collections.abc import Iterable, Sequence

import numpy as np


def cumulate(counts: np.ndarray) -> np.ndarray:
    """(trial, bin, unit) -> running sums (trial, bin + 1, unit), from which the sum of any bins is one subtraction."""
    running = np.zeros((counts.shape[0], counts.shape[1] + 1, counts.shape[2]))
    np.cumsum(counts, axis=1, out=running[:, 1:])
    return running


def pool(running: np.ndarray, edges: Sequence[int] | np.ndarray) -> np.ndarray:
    """Sums between neighbouring bin edges -> (trial, pooled bin x unit) float64."""
    first, last = np.asarray(edges)[:-1], np.asarray(edges)[1:]
    return (running[:, last] - running[:, first]).reshape(len(running), -1)


def bin_edges(n_bins: int, window: tuple[float, float], n_pooled: int) -> tuple[int, ...]:
    """Edges that cut `window` (start and stop as fractions of the trial) of n_bins bins into n_pooled near-equal bins.

    Fewer come back where the window holds fewer bins than asked for; a window always holds at least one bin.
    """
    start, stop = np.floor(np.asarray(window) * n_bins + 0.5)
    stop = min(max(stop, start + 1), n_bins)
    start = min(start, stop - 1)
    edges = np.floor(np.linspace(start, stop, n_pooled + 1) + 0.5).astype(int)
    return tuple(int(edge) for edge in np.unique(edges))


def distinct_poolings(
    n_bins: int, windows: Iterable[tuple[float, float]], numbers_of_bins: Iterable[int]
) -> list[tuple[int, ...]]:
    """The distinct edges of all windows x numbers of bins, in the order given: a trial of one bin has just one."""
    numbers_of_bins = tuple(numbers_of_bins)
    return list(
        dict.fromkeys(bin_edges(n_bins, window, n_pooled) for window in windows for n_pooled in numbers_of_bins)
    )
