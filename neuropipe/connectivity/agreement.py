"""How far methods agree about the same recording: in the order of all pairs, and in which pairs are strongest."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from neuropipe.connectivity.pairs import pairs_of, rank_correlation
from neuropipe.errors import BadInput

COLUMNS = ["first", "second", "rank_correlation", "ci_low", "ci_high", "top_overlap", "top_overlap_chance", "n"]


def agreement(
    weights: Mapping[str, np.ndarray],
    *,
    estimated: Mapping[str, np.ndarray] | None = None,
    density: float = 0.1,
    seed: int = 0,
) -> pd.DataFrame:
    """A row per pair of methods: Spearman's correlation of |weights|, and overlap of the strongest share of pairs.

    weights : method -> (source, target), the same units in the same order; estimated : method -> (unit,) bool, by
    default all; pairs that either method left out are not compared
    density : share of the pairs that count as strongest
    top_overlap : Jaccard index, strongest of both / strongest of either; top_overlap_chance : of two random choices of
    as many pairs. Pairs of weight 0 are never among the strongest. n : pairs. Methods without direction give both
    directions of a pair the same weight, and can't agree fully with one that tells them apart.
    """
    shapes = {np.shape(each) for each in weights.values()}
    if len(shapes) > 1:
        raise BadInput(f"methods are compared on the same units, found matrices of shapes {sorted(shapes)}")
    if not 0 < density < 1:
        raise BadInput(f"density is a share of all pairs, above 0 and below 1, found {density}")
    rows, names = [], list(weights)
    known = {name: np.ones(len(weights[name]), bool) if estimated is None else estimated[name] for name in names}
    for at, first in enumerate(names):
        for second in names[at + 1 :]:
            pairs = pairs_of(known[first] & known[second])
            sizes = np.abs(weights[first]), np.abs(weights[second])
            own = rank_correlation(*sizes, pairs, seed=seed)
            rows.append((first, second, *own[:3], *_overlap(*sizes, pairs, density), own.n))
    return pd.DataFrame(rows, columns=COLUMNS)


def as_matrix(table: pd.DataFrame, column: str = "rank_correlation") -> pd.DataFrame:
    """(method, method) of one column of `agreement`, symmetric, 1 on the diagonal."""
    names = list(dict.fromkeys([*table["first"], *table["second"]]))
    matrix = pd.DataFrame(np.eye(len(names)), index=names, columns=names)
    for row in table.to_dict("records"):
        matrix.loc[row["first"], row["second"]] = matrix.loc[row["second"], row["first"]] = row[column]
    return matrix


def strongest(sizes: np.ndarray, pairs: np.ndarray, density: float) -> np.ndarray:
    """(source, target) bool: the share `density` of the pairs whose |weight| is largest, none of weight 0.

    Of equal ones the first in the order of units are taken.
    """
    places = np.flatnonzero(pairs)
    values = sizes.ravel()[places]
    order = np.argsort(-values, kind="stable")[: round(density * len(places))]
    chosen = np.zeros(sizes.size, bool)
    chosen[places[order[values[order] > 0]]] = True
    return chosen.reshape(sizes.shape)


def _overlap(first: np.ndarray, second: np.ndarray, pairs: np.ndarray, density: float) -> tuple[float, float]:
    one, other = strongest(first, pairs, density), strongest(second, pairs, density)
    either = np.count_nonzero(one | other)
    if not either:
        return np.nan, np.nan
    a, b, n = np.count_nonzero(one), np.count_nonzero(other), np.count_nonzero(pairs)
    common = a * b / n
    return np.count_nonzero(one & other) / either, common / (a + b - common)
