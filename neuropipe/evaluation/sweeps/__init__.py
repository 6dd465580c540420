"""Sweeps: what a decoder is given, varied one thing at a time: bins, window, units, training trials.

A condition says how counts are rebinned and which units and how many training trials are kept. Test trials are the same
in every condition. Subsets are nested: with the same seed and repeat, more units (trials) are the fewer and others.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from neuropipe.decoders.pooling import bin_edges
from neuropipe.errors import BadInput

N_POINTS = 7  # of a curve whose points are not given
TRIALS_A_CLASS = 5  # in the smallest training set of such a curve


@dataclass(frozen=True)
class Points:
    """Where to measure. n_bins : numbers of bins of the whole trial; window : s, length of the sliding window;
    n_units, n_trials : sizes of the subsets (empty: geometric, up to all); n_repeats : random subsets of each size.
    """

    n_bins: tuple[int, ...] = (1, 2, 3, 5, 10, 20)
    window: float = 0.1
    n_units: tuple[int, ...] = ()
    n_trials: tuple[int, ...] = ()
    n_repeats: int = 5
    seed: int = 0


@dataclass(frozen=True)
class Available:
    """What a session has. bin_width, start : s, of the trial's first bin relative to the event; n_train : training
    trials in the fold that has fewest.
    """

    n_bins: int
    bin_width: float
    start: float
    n_units: int
    n_train: int
    n_classes: int


@dataclass(frozen=True)
class Condition:
    """One thing a decoder is given. edges : bin edges between which counts are summed; start, stop : s of the first
    and last of them relative to the event; value : its place on the axis of its sweep; n_train : None for all trials.
    """

    sweep: str
    value: float
    start: float
    stop: float
    edges: tuple[int, ...]
    n_units: int
    n_train: int | None = None
    repeat: int = 0
    seed: int = 0


def make_conditions(sweeps: Sequence[str], points: Points, available: Available) -> list[Condition]:
    """The conditions of the sweeps named, in their order, which is that of SWEEPS. Raises BadInput for impossible ones.

    Numbers of bins above those of the trial are left out: `left_out` lists them.
    """
    unknown = [name for name in sweeps if name not in SWEEPS]
    if unknown or not sweeps:
        raise BadInput(f"sweeps is {list(sweeps)}; name at least one of {', '.join(SWEEPS)}")
    _check_whole("n_repeats", (points.n_repeats,))
    return [condition for name in SWEEPS if name in sweeps for condition in SWEEPS[name](points, available)]


def left_out(points: Points, available: Available) -> list[int]:
    """Numbers of bins asked for that a trial does not have."""
    return [number for number in points.n_bins if number > available.n_bins]


def _by_bins(points: Points, available: Available) -> list[Condition]:
    """The whole trial in fewer bins, whose widths differ by one of the session's bins where they don't divide."""
    _check_whole("n_bins", points.n_bins)
    numbers = sorted({number for number in points.n_bins if number <= available.n_bins})
    if not numbers:
        raise BadInput(f"n_bins is {list(points.n_bins)}, but a trial has {available.n_bins} bins; give fewer")
    return [_condition("n_bins", n, bin_edges(available.n_bins, (0.0, 1.0), n), available) for n in numbers]


def _by_window(points: Points, available: Available) -> list[Condition]:
    """A window that slides in steps of half its length, in whole bins; `value` is its centre."""
    length, trial = points.window, available.n_bins * available.bin_width
    if not 0 < length <= trial + 1e-9:
        raise BadInput(f"window is {length:g} s; it must be above 0 and no longer than the trial, {trial:g} s")
    width = max(1, round(length / available.bin_width))
    steps = range(2 * (available.n_bins - width) + 1)
    # Half an odd number of bins is no whole number: steps then alternate between the two nearest.
    firsts = dict.fromkeys(int(step * max(width / 2, 1)) for step in steps)
    conditions = []
    for first in firsts:
        if first + width <= available.n_bins:
            edges = tuple(range(first, first + width + 1))
            centre = available.start + (first + width / 2) * available.bin_width
            conditions.append(_condition("window", round(centre, 9), edges, available))
    return conditions


def _by_units(points: Points, available: Available) -> list[Condition]:
    sizes = sorted(set(points.n_units or geometric(1, available.n_units)))
    _check_whole("n_units", sizes)
    if max(sizes) > available.n_units:
        raise BadInput(f"n_units asks for {max(sizes)} units, but the session has {available.n_units}; give fewer")
    return [
        _condition("n_units", size, _own_bins(available), available, n_units=size, repeat=repeat, seed=points.seed)
        for size in sizes
        for repeat in range(points.n_repeats if size < available.n_units else 1)
    ]


def _by_trials(points: Points, available: Available) -> list[Condition]:
    least, most = available.n_classes, available.n_train
    sizes = sorted(set(points.n_trials or geometric(min(TRIALS_A_CLASS * least, most), most)))
    _check_whole("n_trials", sizes)
    if max(sizes) > most:
        raise BadInput(
            f"n_trials asks for {max(sizes)} training trials, but a fold has only {most}; give fewer, or more folds"
        )
    if min(sizes) < least:
        raise BadInput(f"n_trials asks for {min(sizes)} training trials, fewer than the {least} classes; give more")
    return [
        _condition("n_trials", size, _own_bins(available), available, n_train=size, repeat=repeat, seed=points.seed)
        for size in sizes
        for repeat in range(points.n_repeats if size < most else 1)
    ]


SWEEPS: dict[str, Callable[[Points, Available], list[Condition]]] = {
    "n_bins": _by_bins,
    "window": _by_window,
    "n_units": _by_units,
    "n_trials": _by_trials,
}


def geometric(least: int, most: int) -> tuple[int, ...]:
    """Up to N_POINTS whole numbers from least to most in about equal ratios."""
    return tuple(dict.fromkeys(int(size) for size in np.rint(np.geomspace(least, most, N_POINTS))))


def view(counts: np.ndarray, condition: Condition) -> np.ndarray:
    """The counts (trial, bin, unit) that a condition shows of counts (trial, bin, unit)."""
    n_units = counts.shape[2]
    if condition.n_units < n_units:
        counts = counts[:, :, np.sort(unit_order(n_units, condition.seed, condition.repeat)[: condition.n_units])]
    edges = np.asarray(condition.edges)
    counts = counts[:, edges[0] : edges[-1]]
    if np.all(np.diff(edges) == 1):
        return counts
    total = np.uint64 if counts.dtype.kind == "u" else np.float64
    return np.add.reduceat(counts, edges[:-1] - edges[0], axis=1, dtype=total)


def unit_order(n_units: int, seed: int, repeat: int) -> np.ndarray:
    """Units in the random order in which subsets take them."""
    return np.random.default_rng((seed, repeat)).permutation(n_units)


def training_trials(train: np.ndarray, labels: np.ndarray, condition: Condition, fold: int) -> np.ndarray:
    """Those of a fold's training trials that a condition keeps. train : trials in time order; labels : of all trials"""
    if condition.n_train is None:
        return train
    rng = np.random.default_rng((condition.seed, condition.repeat, fold))
    return np.sort(train[trial_order(labels[train], rng)[: condition.n_train]])


def trial_order(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Trials in an order of which every beginning is spread over the session and holds each class in its proportion.

    So the curve is about the amount of data: a beginning that was contiguous in time would, as it grows, also come
    nearer to the test block, and drift would look like learning. The first trials taken are one of each class.
    labels : (trial,) in time order
    """
    turn = np.empty(len(labels))
    for value in np.unique(labels):
        trials = np.flatnonzero(labels == value)
        turn[trials[_spread(len(trials), rng)]] = np.arange(len(trials)) / len(trials)
    return np.lexsort((rng.random(len(labels)), turn))


def _spread(n: int, rng: np.random.Generator) -> np.ndarray:
    """0 .. n - 1 in an order of which every beginning is spread evenly: van der Corput's, turned by a random amount."""
    n_binary = math.ceil(math.log2(n)) + 1  # twice as many points as places, so that rounding misses none
    number, reversed_bits = np.arange(2**n_binary), np.zeros(2**n_binary, np.int64)
    for bit in range(n_binary):
        reversed_bits |= ((number >> bit) & 1) << (n_binary - 1 - bit)
    places = ((reversed_bits / 2**n_binary + rng.random()) % 1 * n).astype(np.int64)
    return np.fromiter(dict.fromkeys(places.tolist()), np.int64, n)


def _own_bins(available: Available) -> tuple[int, ...]:
    return tuple(range(available.n_bins + 1))


def _condition(sweep: str, value: float, edges: tuple[int, ...], available: Available, **subset: int) -> Condition:
    start, stop = (round(available.start + edge * available.bin_width, 9) for edge in (edges[0], edges[-1]))
    return Condition(sweep, float(value), start, stop, edges, **{"n_units": available.n_units, **subset})


def _check_whole(what: str, numbers: Sequence[int]) -> None:
    bad = [number for number in numbers if number < 1 or number != int(number)]
    if bad:
        raise BadInput(f"{what} holds {bad[0]}; give whole numbers, 1 or more")
