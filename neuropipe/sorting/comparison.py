"""Which sorted unit is which true one, or which of another sorting: agreement of spike trains.

Two spikes are the same if they lie within 0.4 ms of each other, each used once. The agreement of two units is the
number of shared spikes over all spikes of either (Magland et al. 2020, eLife 9:e55167); units are paired one to one
such that the sum of agreements is highest (Hungarian algorithm), as SpikeInterface does.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from neuropipe.recording import SpikeTrains

SAME = 0.0004  # s
LEAST_AGREEMENT = 0.1  # pairs that agree less are no pairs


@dataclass(frozen=True)
class Matching:
    """shared : (first unit, second unit) spikes in common; agreement : of each pair; partner : (first unit,) the second
    unit that is the same, -1 for none; n_first, n_second : (unit,) spikes."""

    shared: np.ndarray
    agreement: np.ndarray
    partner: np.ndarray
    n_first: np.ndarray
    n_second: np.ndarray


def match_units(first: SpikeTrains, second: SpikeTrains, *, same: float = SAME) -> Matching:
    """Pair the units of two sortings of one recording. same : s, farthest apart that two spikes are the same"""
    from scipy.optimize import linear_sum_assignment

    shared = shared_spikes(first, second, same)
    n_first, n_second = np.diff(first.offsets), np.diff(second.offsets)
    either = n_first[:, None] + n_second[None, :] - shared
    agreement = np.divide(shared, either, out=np.zeros(shared.shape), where=either > 0)
    likely = np.where(agreement >= LEAST_AGREEMENT, agreement, 0.0)
    rows, columns = linear_sum_assignment(likely, maximize=True)
    partner = np.full(first.n_units, -1, np.int64)
    paired = likely[rows, columns] > 0
    partner[rows[paired]] = columns[paired]
    return Matching(shared, agreement, partner, n_first, n_second)


def shared_spikes(first: SpikeTrains, second: SpikeTrains, same: float = SAME) -> np.ndarray:
    """(first unit, second unit) spikes within `same` s of each other, each used once, in the order of time."""
    shared = np.zeros((first.n_units, second.n_units), np.int64)
    others = [second.times[low:high] for low, high in zip(second.offsets[:-1], second.offsets[1:], strict=True)]
    for one in range(first.n_units):
        own = first.times[first.offsets[one] : first.offsets[one + 1]]
        for other, times in enumerate(others):
            shared[one, other] = _shared(own, times, same)
    return shared


def _shared(first: np.ndarray, second: np.ndarray, same: float) -> int:
    """Spikes in common: the earliest spike of `second` within reach that is not taken, for each of `first` in turn."""
    low = np.searchsorted(second, first - same - 1e-9, side="left")
    high = np.searchsorted(second, first + same + 1e-9, side="right")
    candidates = np.flatnonzero(high > low)
    if len(candidates) == 0:
        return 0
    taken, count = -1, 0
    for at in candidates:
        found = max(int(low[at]), taken + 1)
        if found < high[at]:
            taken, count = found, count + 1
    return count


def scores_of_units(truth: SpikeTrains, found: SpikeTrains, *, same: float = SAME) -> pd.DataFrame:
    """How well each true unit was found, a row each: partner (-1: missed), accuracy, recall, precision with intervals.

    accuracy = shared / (all spikes of either), recall = shared / true, precision = shared / found; _low and _high are
    Wilson's 95 % intervals (1927, J Am Stat Assoc 22:209) over spikes. 0 for units that were missed.
    """
    matching = match_units(truth, found, same=same)
    rows = []
    for unit, partner in enumerate(matching.partner):
        true = int(matching.n_first[unit])
        own = int(matching.n_second[partner]) if partner >= 0 else 0
        shared = int(matching.shared[unit, partner]) if partner >= 0 else 0
        row = {"unit": unit, "partner": int(partner), "n_true": true, "n_found": own, "shared": shared}
        for name, of in (("accuracy", true + own - shared), ("recall", true), ("precision", own)):
            low, high = wilson(shared, of)
            row |= {name: shared / of if of else 0.0, f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a proportion; 0 to 0 without trials."""
    if trials == 0:
        return 0.0, 0.0
    z = 1.959963984540054
    share = successes / trials
    centre = share + z**2 / (2 * trials)
    half = z * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    scale = 1 + z**2 / trials
    return max(0.0, float((centre - half) / scale)), min(1.0, float((centre + half) / scale))
