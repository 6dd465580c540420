"""Statistics over the pairs of a connectivity matrix, with intervals that know that pairs share units.

Intervals resample units, not pairs: a pair counts as often as both of its units were drawn (Owen 2007, Annals of
Applied Statistics 1:386). They are a little too wide where pairs vary independently of their units.
"""

from typing import NamedTuple

import numpy as np

FEWEST_UNITS = 4  # for an interval
N_RESAMPLES = 1000


class Estimated(NamedTuple):
    """A value with its 95 % interval; n : pairs or units that it was computed from. NaN where it can't be."""

    value: float
    ci_low: float
    ci_high: float
    n: int


UNKNOWN = Estimated(np.nan, np.nan, np.nan, 0)


def pairs_of(estimated: np.ndarray) -> np.ndarray:
    """(source, target) bool: the ordered pairs of two different units that both were estimated. estimated : (unit,)"""
    mask = np.outer(estimated, estimated)
    np.fill_diagonal(mask, False)
    return mask


def ranks(values: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """(source, target) rank of each value among the pairs, ties share theirs; 0 elsewhere."""
    from scipy.stats import rankdata

    ranked = np.zeros(values.shape)
    ranked[pairs] = rankdata(values[pairs])
    return ranked


def rank_correlation(first: np.ndarray, second: np.ndarray, pairs: np.ndarray, *, seed: int) -> Estimated:
    """Spearman's correlation of two matrices over the pairs; the interval holds the ranks fixed."""
    return correlation(ranks(first, pairs), ranks(second, pairs), pairs, seed=seed)


def correlation(first: np.ndarray, second: np.ndarray, pairs: np.ndarray, *, seed: int) -> Estimated:
    """Pearson's correlation of two matrices over the pairs; the interval is symmetric in Fisher's z."""
    from scipy.stats import t

    value, resampled = _correlations(first, second, pairs, seed)
    n, n_units = _sizes(pairs)
    if np.isnan(value) or not len(resampled):
        return Estimated(value, np.nan, np.nan, n)
    z = _fisher(resampled)
    half = t.ppf(0.975, n_units - 1) * z[np.isfinite(z)].std(ddof=1)
    middle = _fisher(value)
    return Estimated(value, float(np.tanh(middle - half)), float(np.tanh(middle + half)), n)


def rank_correlation_difference(
    own: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray], pairs: np.ndarray, *, seed: int
) -> Estimated:
    """Spearman's correlation of two matrices less that of two others of the same units, which are resampled alike.

    Matrices that tell no pairs apart have the correlation 0.
    """
    from scipy.stats import t

    n, n_units = _sizes(pairs)
    if n < 3:
        return UNKNOWN._replace(n=n)
    found = [_correlations(ranks(a, pairs), ranks(b, pairs), pairs, seed) for a, b in (own, other)]
    (value, resampled), (reference, of_reference) = ((np.nan_to_num(v), np.nan_to_num(r)) for v, r in found)
    difference = float(value - reference)
    if n_units < FEWEST_UNITS:
        return Estimated(difference, np.nan, np.nan, n)
    spread = np.zeros(N_RESAMPLES) + (resampled if len(resampled) else 0) - (of_reference if len(of_reference) else 0)
    half = t.ppf(0.975, n_units - 1) * float(spread.std(ddof=1))
    return Estimated(difference, difference - half, difference + half, n)


def share(found: np.ndarray, pairs: np.ndarray, *, seed: int) -> Estimated:
    """Share of the pairs for which `found` (source, target) is true."""
    from scipy.stats import t

    n = int(np.count_nonzero(pairs))
    if not n:
        return UNKNOWN
    value = float(found[pairs].mean())
    n_units = int(np.count_nonzero(pairs.any(axis=0)))
    if n_units < FEWEST_UNITS:
        return Estimated(value, np.nan, np.nan, n)
    weights = _drawn(pairs, seed)
    total = _summed(pairs.astype(float), weights)
    resampled = _summed((found & pairs).astype(float), weights)[total > 0] / total[total > 0]
    half = t.ppf(0.975, n_units - 1) * resampled.std(ddof=1)
    return Estimated(value, float(max(0, value - half)), float(min(1, value + half)), n)


def mean_over_units(values: np.ndarray) -> Estimated:
    """Mean of one value per unit, with Student's interval; NaN is left out."""
    from scipy.stats import t

    values = values[np.isfinite(values)]
    if len(values) < FEWEST_UNITS:
        return Estimated(float(values.mean()) if len(values) else np.nan, np.nan, np.nan, len(values))
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return Estimated(float(values.mean()), float(values.mean() - half), float(values.mean() + half), len(values))


def _correlations(first: np.ndarray, second: np.ndarray, pairs: np.ndarray, seed: int) -> tuple[float, np.ndarray]:
    """Pearson's correlation over the pairs, and of resamples; NaN and none where all values of a matrix are equal."""
    a, b = _standardized(first, pairs), _standardized(second, pairs)
    n, n_units = _sizes(pairs)
    if n < 3 or a is None or b is None:
        return np.nan, np.empty(0)
    value = float(np.mean((a * b)[pairs]))
    if n_units < FEWEST_UNITS:
        return value, np.empty(0)
    weights = _drawn(pairs, seed)
    total, mean_a, mean_b, square_a, square_b, product = (
        _summed(each, weights) for each in (pairs.astype(float), a, b, a * a, b * b, a * b)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_a, mean_b = mean_a / total, mean_b / total
        spread = np.sqrt((square_a / total - mean_a**2) * (square_b / total - mean_b**2))
        return value, (product / total - mean_a * mean_b) / spread


def _fisher(values: np.ndarray | float) -> np.ndarray:
    return np.arctanh(np.clip(values, -1 + 1e-12, 1 - 1e-12))


def _sizes(pairs: np.ndarray) -> tuple[int, int]:
    """Number of pairs, and of units that are in one."""
    return int(np.count_nonzero(pairs)), int(np.count_nonzero(pairs.any(axis=0)))


def _standardized(values: np.ndarray, pairs: np.ndarray) -> np.ndarray | None:
    """Mean 0, SD 1 over the pairs and 0 elsewhere; None if all are equal."""
    own = values[pairs]
    if not len(own) or not np.isfinite(own).all() or np.ptp(own) == 0:
        return None
    standardized = np.zeros(values.shape)
    standardized[pairs] = (own - own.mean()) / own.std()
    return standardized


def _drawn(pairs: np.ndarray, seed: int) -> np.ndarray:
    """(resample, unit) how often each unit that is in a pair is drawn."""
    rng, units = np.random.default_rng(seed), np.flatnonzero(pairs.any(axis=0))
    weights = np.zeros((N_RESAMPLES, len(pairs)))
    weights[:, units] = rng.multinomial(len(units), np.full(len(units), 1 / len(units)), size=N_RESAMPLES)
    return weights


def _summed(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(resample,) sum of the values, each counted as often as both of its units."""
    return np.einsum("ri,ri->r", weights @ values, weights)
