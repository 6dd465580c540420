"""Connections between brain areas: how many of the possible ones are found, and how strong they are."""

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput

AT_ONCE = 20  # permutations
COLUMNS = [
    "source_area",
    "target_area",
    "possible",
    "found",
    "fraction",
    "expected",
    "p_value",
    "mean_weight",
    "p_value_weight",
]

AREAS = ("brain_area", "area", "region", "cell_type")  # columns of unit tables; the first that is there counts


def areas_of(units: pd.DataFrame) -> np.ndarray | None:
    """(unit,) names of areas or cell types; None where the unit table has neither."""
    for name in AREAS:
        if name in units:
            return units[name].astype(object).where(units[name].notna(), "unknown").astype(str).to_numpy()
    return None


def by_region(
    weights: np.ndarray,
    found: np.ndarray,
    areas: np.ndarray,
    *,
    estimated: np.ndarray | None = None,
    n_permutations: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """A row per ordered pair of areas: connections that are possible and found, their share and mean signed weight.

    weights : (source, target); found : (source, target) bool, see graph_measures.found_edges; areas : (unit,) names;
    estimated : (unit,) bool, by default all
    expected : share found if the areas of units were interchangeable; p_value, p_value_weight : of the share and of the
    mean weight over all possible pairs, by permuting the areas of units (n_permutations, at least 19); two-sided, twice
    the smaller tail; not corrected for the number of pairs of areas. A small p says that areas differ, for whatever
    reason: also because the units of one fire more, and more of their connections are found.
    """
    areas = np.asarray(areas).astype(str)
    if weights.shape != found.shape or len(areas) != len(weights):
        raise BadInput(
            f"one area per unit is needed: found {len(areas)} areas, weights {weights.shape} and edges {found.shape}"
        )
    if n_permutations < 19:
        raise BadInput(f"with {n_permutations} permutations no p-value reaches .05; use at least 19, better 1000")
    kept = np.ones(len(areas), bool) if estimated is None else np.asarray(estimated, bool)
    names, code = np.unique(areas[kept], return_inverse=True)
    edges = found[np.ix_(kept, kept)].astype(np.float64)
    sizes = weights[np.ix_(kept, kept)].astype(np.float64)
    for matrix in (edges, sizes):
        np.fill_diagonal(matrix, 0)
    member = np.eye(len(names))[code]
    n = member.sum(axis=0)
    possible = np.outer(n, n) - np.diag(n)
    observed = np.stack([member.T @ edges @ member, member.T @ sizes @ member])
    rng = np.random.default_rng(seed)
    orders = rng.permuted(np.tile(np.arange(len(code)), (n_permutations, 1)), axis=1)
    permuted = np.concatenate(
        [_summed(edges, sizes, member[some]) for some in np.array_split(orders, -(-n_permutations // AT_ONCE))]
    )
    slack = 1e-9 * (1 + np.abs(observed))  # sums of the same numbers in another order are equal
    above, below = ((permuted >= observed - slack).sum(axis=0), (permuted <= observed + slack).sum(axis=0))
    p_values = np.minimum(1, 2 * (1 + np.minimum(above, below)) / (1 + n_permutations))
    rows = []
    for i, source in enumerate(names):
        for j, target in enumerate(names):
            if not possible[i, j]:  # an area of one unit has no pair within
                rows.append((source, target, 0, 0, np.nan, np.nan, np.nan, np.nan, np.nan))
                continue
            share = observed[:, i, j] / possible[i, j]
            expected = permuted[:, 0, i, j].mean() / possible[i, j]
            p_share, p_weight = p_values[:, i, j]
            counts = int(possible[i, j]), int(observed[0, i, j])
            rows.append((source, target, *counts, share[0], expected, p_share, share[1], p_weight))
    return pd.DataFrame(rows, columns=COLUMNS)


def _summed(edges: np.ndarray, sizes: np.ndarray, member: np.ndarray) -> np.ndarray:
    """(permutation, 2, area, area) sums of both matrices. member : (permutation, unit, area)"""
    n_permutations, n, n_areas = member.shape
    side_by_side = member.transpose(1, 0, 2).reshape(n, n_permutations * n_areas)
    sums = [(matrix @ side_by_side).reshape(n, n_permutations, n_areas).transpose(1, 0, 2) for matrix in (edges, sizes)]
    return np.stack([member.transpose(0, 2, 1) @ each for each in sums], axis=1)
