"""Scores of estimated connectivity against the true connections: intervals over units, chance by relabelling."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput

SCHEME, CONTROL = "true wiring", "no connection"  # what an estimate is compared with; the second is a control
DETECTED = 0.001  # p-value below which a connection counts as detected
DETECTED_SHARE = 0.1  # of all pairs, those with the largest weights; of methods without p-values
NOMINAL = 0.05  # p-value of which the rate of false positives is told
BOUNDS = {"mcc": (-1.0, 1.0), "delay_error": (0.0, np.inf)}  # of scores that are no share
COLUMNS = ("scheme", "metric", "value", "ci_low", "ci_high", "p_value", "n")


class Pairs(NamedTuple):
    """All ordered pairs of different units, the surest first; all arrays are (pair,).

    source, target : units; ends : position of the last pair of each group of equal weights; connected : whether there
    is a true connection; detected, right_sign : bool; delay_error : ms, NaN where unknown; p_values : NaN likewise
    """

    source: np.ndarray
    target: np.ndarray
    ends: np.ndarray
    connected: np.ndarray
    detected: np.ndarray
    right_sign: np.ndarray
    delay_error: np.ndarray
    p_values: np.ndarray


def connectivity_scores(
    connectivity: Any,
    truth: Mapping[str, Any],
    *,
    signed: bool = True,
    n_resamples: int = 300,
    n_permutations: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """How well an estimate finds the true connections: a row per metric, with the columns of all scores.

    connectivity : with weights (source, target), p_values and delays (s) or None; a `Connectivity`, or an `Estimate`
    truth : weights (source, target), 0 where there is no connection, and perhaps delays (s, NaN likewise)
    signed : whether the signs of the weights mean excitation and inhibition

    average_precision, roc_auc : over all ordered pairs of different units, ranked by the size of their weights; equal
        weights share a rank. Units that were left out have zero weights: their connections count as not found.
        An undirected method is scored as it is, and ranks both directions of a pair alike.
    mcc : Matthews' correlation of detected with true connections. Detected is p < .001, or without p-values the tenth
        of all pairs with the largest weights; both are fixed beforehand.
    sign_accuracy, delay_error : share of right signs, and median distance to the true delay (ms), among the true
        connections that were detected
    false_positive_rate : share of p < .05 among unconnected pairs; .05 if the p-values hold
    average_precision_random and others : what a random ranking gets; of average precision the share of true connections

    What can't be told has no row: without a true connection the rate of false positives alone is left, and of a method
    without p-values nothing.
    Intervals (95 %) are 1.96 standard errors to either side, clustered by source and target (Cameron, Gelbach and
    Miller 2011, J Business and Economic Statistics 29:238), from `n_resamples` bootstrap resamples of sources, of
    targets and of pairs. In simulations with good and bad units 89 to 95 % held the expected score
    (`python -m benchmarks.connectivity_intervals`). p-values are the share of random relabellings of the true network's
    units under which a ranking does as well (Hubert 1987, Assignment Methods in Combinatorial Data Analysis).
    """
    weights, true = np.asarray(connectivity.weights[:], float), np.asarray(truth["weights"][:], float)
    if weights.shape != true.shape or weights.ndim != 2 or weights.shape[0] != weights.shape[1]:
        raise BadInput(f"estimated weights are {weights.shape} and true ones {true.shape}; both must be (unit, unit)")
    pairs = _pairs(connectivity, truth, weights, true)
    rng = np.random.default_rng(seed)
    measures = {name: measure for name, measure in MEASURES.items() if _applies(name, pairs, signed)}
    ones = np.ones(len(pairs.connected))
    values = {name: measure(pairs, ones) for name, measure in measures.items()}
    measures = {name: measure for name, measure in measures.items() if np.isfinite(values[name])}
    spread = _standard_errors(pairs, measures, len(weights), n_resamples, rng)
    chance = _chance(pairs, true != 0, [name for name in RANKED if name in measures], n_permutations, rng)
    scheme = SCHEME if pairs.connected.any() else CONTROL
    rows = []
    for name in measures:
        lowest, highest = BOUNDS.get(name, (0.0, 1.0))
        low, high = max(lowest, values[name] - 1.96 * spread[name]), min(highest, values[name] + 1.96 * spread[name])
        p_value = np.nan
        if name in chance:
            p_value = (1 + int((chance[name] >= values[name] - 1e-12).sum())) / (1 + n_permutations)
        rows.append((scheme, name, values[name], low, high, p_value, _count(name, pairs)))
    rows += _baselines(scheme, pairs, measures)
    numbers = dict.fromkeys(COLUMNS[2:-1], float) | {"n": int}
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(numbers)


def average_precision(pairs: Pairs, weights: np.ndarray) -> float:
    """Mean precision over the true connections, in the order of the ranking. weights : (pair,) of the pairs"""
    found = np.cumsum(weights * pairs.connected)[pairs.ends]
    seen = np.cumsum(weights)[pairs.ends]
    if not found[-1] > 0:
        return np.nan
    precision = found / np.where(seen > 0, seen, 1.0)
    return float((np.diff(found, prepend=0.0) * precision).sum() / found[-1])


def roc_auc(pairs: Pairs, weights: np.ndarray) -> float:
    """Chance that a true connection ranks above a pair without one."""
    found = np.concatenate([[0.0], np.cumsum(weights * pairs.connected)[pairs.ends]])
    false = np.concatenate([[0.0], np.cumsum(weights * ~pairs.connected)[pairs.ends]])
    if not (found[-1] > 0 and false[-1] > 0):
        return np.nan
    return float((np.diff(false) * (found[1:] + found[:-1]) / 2).sum() / (found[-1] * false[-1]))


def mcc(pairs: Pairs, weights: np.ndarray) -> float:
    """Matthews' correlation coefficient (1975, Biochim Biophys Acta 405:442); 0 if none or all are detected."""
    both = float(weights @ (pairs.detected & pairs.connected))
    detected, connected, every = float(weights @ pairs.detected), float(weights @ pairs.connected), float(weights.sum())
    if not 0 < connected < every:
        return np.nan
    spread = detected * connected * (every - detected) * (every - connected)
    return (both * every - detected * connected) / np.sqrt(spread) if spread > 0 else 0.0


def sign_accuracy(pairs: Pairs, weights: np.ndarray) -> float:
    """Share of right signs among the true connections that were detected."""
    of = weights * (pairs.detected & pairs.connected)
    return float((of @ pairs.right_sign) / of.sum()) if of.sum() > 0 else np.nan


def delay_error(pairs: Pairs, weights: np.ndarray) -> float:
    """Median distance of estimated and true delays of detected true connections, ms."""
    of = np.where(np.isfinite(pairs.delay_error), weights, 0.0)
    if not of.sum() > 0:
        return np.nan
    order = np.argsort(np.where(of > 0, pairs.delay_error, np.inf), kind="stable")
    below = np.cumsum(of[order])
    return float(pairs.delay_error[order[np.searchsorted(below, below[-1] / 2)]])


def false_positive_rate(pairs: Pairs, weights: np.ndarray) -> float:
    """Share of unconnected pairs with p < .05, of those that have a p-value."""
    of = weights * (~pairs.connected & np.isfinite(pairs.p_values))
    return float((of @ (pairs.p_values < NOMINAL)) / of.sum()) if of.sum() > 0 else np.nan


RANKED: dict[str, Callable[[Pairs, np.ndarray], float]] = {"average_precision": average_precision, "roc_auc": roc_auc}
MEASURES = RANKED | {
    "mcc": mcc,
    "sign_accuracy": sign_accuracy,
    "delay_error": delay_error,
    "false_positive_rate": false_positive_rate,
}


def detected_pairs(weights: np.ndarray, p_values: np.ndarray | None) -> np.ndarray:
    """(source, target), whether a pair counts as connected: p < .001, else the tenth with the largest weights."""
    if p_values is not None:
        return np.nan_to_num(p_values, nan=1.0) < DETECTED
    sizes = np.abs(weights)
    off_diagonal = sizes[~np.eye(len(sizes), dtype=bool)]
    least = np.quantile(off_diagonal, 1 - DETECTED_SHARE, method="higher") if off_diagonal.size else np.inf
    return (sizes >= least) & (sizes > 0) & ~np.eye(len(sizes), dtype=bool)


def _pairs(connectivity: Any, truth: Mapping[str, Any], weights: np.ndarray, true: np.ndarray) -> Pairs:
    p_values = None if connectivity.p_values is None else np.asarray(connectivity.p_values[:], float)
    delays = None if connectivity.delays is None else np.asarray(connectivity.delays[:], float)
    source, target = np.nonzero(~np.eye(len(weights), dtype=bool))
    sizes = np.abs(weights[source, target])
    order = np.argsort(-sizes, kind="stable")
    source, target, sizes = source[order], target[order], sizes[order]
    connected = true[source, target] != 0
    detected = detected_pairs(weights, p_values)[source, target]
    error = np.full(len(source), np.nan)
    if delays is not None and truth.get("delays") is not None:
        apart = 1e3 * np.abs(delays - np.asarray(truth["delays"][:], float))[source, target]
        error = np.where(connected & detected, apart, np.nan)
    return Pairs(
        source,
        target,
        np.flatnonzero(np.append(np.diff(sizes) != 0, True)),
        connected,
        detected,
        np.sign(weights[source, target]) == np.sign(true[source, target]),
        error,
        np.full(len(source), np.nan) if p_values is None else p_values[source, target],
    )


def _applies(name: str, pairs: Pairs, signed: bool) -> bool:
    if name == "sign_accuracy":
        return signed
    return name != "false_positive_rate" or bool(np.isfinite(pairs.p_values).any())


def _chance(
    pairs: Pairs, connected: np.ndarray, names: list[str], n_permutations: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Scores of the same ranking when the true network belongs to other units: the units are relabelled at random."""
    found = {name: np.empty(n_permutations) for name in names}
    ones = np.ones(len(pairs.connected))
    for index in range(n_permutations if names else 0):
        label = rng.permutation(len(connected))
        relabelled = pairs._replace(connected=connected[label[pairs.source], label[pairs.target]])
        for name in names:
            found[name][index] = RANKED[name](relabelled, ones)
    return found


def _count(name: str, pairs: Pairs) -> int:
    """How many pairs a value is of."""
    if name == "sign_accuracy":
        return int((pairs.detected & pairs.connected).sum())
    if name == "delay_error":
        return int(np.isfinite(pairs.delay_error).sum())
    if name == "false_positive_rate":
        return int((~pairs.connected & np.isfinite(pairs.p_values)).sum())
    return len(pairs.connected)


def _standard_errors(
    pairs: Pairs, measures: Mapping[str, Any], n_units: int, n_resamples: int, rng: np.random.Generator
) -> dict[str, float]:
    """Standard error of each score, clustered by source and by target: pairs that share a unit are not independent.

    The variances over resampled sources and over resampled targets, less that over resampled pairs, which is in both.
    """

    def variances(draw: Callable[[], np.ndarray]) -> dict[str, float]:
        drawn: dict[str, list[float]] = {name: [] for name in measures}
        for _ in range(n_resamples):
            of_pairs = draw()
            for name, measure in measures.items():
                drawn[name].append(measure(pairs, of_pairs))
        return {name: _variance(values) for name, values in drawn.items()}

    def units() -> np.ndarray:
        return np.bincount(rng.integers(n_units, size=n_units), minlength=n_units).astype(float)

    of_sources = variances(lambda: units()[pairs.source])
    of_targets = variances(lambda: units()[pairs.target])
    of_pairs = variances(lambda: rng.poisson(1.0, len(pairs.source)).astype(float))
    return {
        name: float(
            np.sqrt(max(of_sources[name] + of_targets[name] - of_pairs[name], of_sources[name], of_targets[name]))
        )
        for name in measures
    }


def _variance(values: list[float]) -> float:
    """Over the resamples in which the score could be told."""
    known = np.array([each for each in values if np.isfinite(each)])
    return float(known.var()) if len(known) else 0.0


def _baselines(scheme: str, pairs: Pairs, measures: Mapping[str, Any]) -> list[tuple]:
    """What a random ranking gets: the share of true connections, an area of one half, no correlation."""
    density, n = float(pairs.connected.mean()), len(pairs.connected)
    random = {"average_precision": density, "roc_auc": 0.5, "mcc": 0.0, "sign_accuracy": 0.5}
    found = [(f"{name}_random", value) for name, value in random.items() if name in measures]
    if "false_positive_rate" in measures:
        found.append(("false_positive_rate_nominal", NOMINAL))
    return [(scheme, name, value, value, value, np.nan, n) for name, value in found]
