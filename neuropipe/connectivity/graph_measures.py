"""Measures of the graph of connections above a threshold, beside those of random graphs of the same size."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from neuropipe.connectivity.agreement import strongest
from neuropipe.connectivity.pairs import pairs_of
from neuropipe.errors import BadInput

if TYPE_CHECKING:
    import networkx

ALPHA = 0.001
DENSITY = 0.1
MEASURES = ["density", "reciprocity", "modularity", "n_modules", "clustering", "path_length", "small_worldness"]


def found_edges(
    weights: np.ndarray,
    p_values: np.ndarray | None = None,
    *,
    estimated: np.ndarray | None = None,
    alpha: float = ALPHA,
    density: float = DENSITY,
) -> np.ndarray:
    """(source, target) bool: pairs with p < alpha where a method gives p-values, else the strongest share of pairs.

    The threshold is fixed before anything is looked at. estimated : (unit,) bool, by default all units
    """
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1]:
        raise BadInput(f"weights are (source, target) of the same units, found the shape {weights.shape}")
    pairs = pairs_of(np.ones(len(weights), bool) if estimated is None else np.asarray(estimated, bool))
    if p_values is not None and np.isfinite(p_values[pairs]).any():
        return pairs & (np.nan_to_num(p_values, nan=1.0) < alpha) & (weights != 0)
    return strongest(np.abs(weights), pairs, density)


def threshold_in_words(p_values: np.ndarray | None, *, alpha: float = ALPHA, density: float = DENSITY) -> str:
    """The threshold of `found_edges`, for captions and tables."""
    if p_values is not None and np.isfinite(p_values).any():
        return f"p < {alpha:g}, one pair at a time"
    return f"strongest {100 * density:g} % of the pairs"


def degrees(found: np.ndarray, weights: np.ndarray | None = None) -> pd.DataFrame:
    """A row per unit: in_degree, out_degree; with weights in_strength and out_strength, sums of |weight|."""
    table = pd.DataFrame({"in_degree": found.sum(axis=0), "out_degree": found.sum(axis=1)})
    if weights is not None:
        sizes = np.where(found, np.abs(weights), 0.0)
        table = table.assign(in_strength=sizes.sum(axis=0), out_strength=sizes.sum(axis=1))
    return table


def modules(found: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """(unit,) int: module of each unit, the largest first, by Louvain's method on the directed graph.

    Blondel et al. 2008, J Stat Mech P10008; for directed graphs Dugue and Perez 2015. Units without edges are modules
    of their own.
    """
    import networkx as nx

    parts = nx.community.louvain_communities(_graph(found), seed=seed)
    module = np.empty(len(found), np.int64)
    for at, part in enumerate(sorted(parts, key=lambda part: (-len(part), min(part)))):
        module[list(part)] = at
    return module


def graph_measures(found: np.ndarray, *, n_random: int = 5, seed: int = 0) -> pd.DataFrame:
    """A table measure, value, random, random_sd: each measure, and mean and SD of random graphs with as many edges;
    where directions are ignored, of random graphs without directions.

    found : (source, target) bool. Units without any edge count. 1,000 units with 100,000 edges take about 10 s per
    random graph.

    density          edges / possible edges
    reciprocity      share of edges whose reverse is an edge, too
    modularity       of the modules found by Louvain's method (directed; Leicht and Newman 2008, PRL 100:118703);
                     random graphs have modules, too, so compare; n_modules : of at least two units
    clustering       mean directed clustering coefficient (Fagiolo 2007, PRE 76:026107)
    path_length      mean number of steps between units of the largest connected part, directions ignored
    small_worldness  (clustering / random's) / (path_length / random's), directions ignored (Humphries and Gurney 2008,
                     PLoS ONE 3:e2051); above 1 clustered, but with short paths
    """
    found = np.asarray(found, bool)
    if found.ndim != 2 or found.shape[0] != found.shape[1] or found.diagonal().any():
        raise BadInput("a graph is a square matrix of edges (source, target) without edges from a unit to itself")
    n, n_edges = len(found), int(found.sum())
    if n < 3 or not n_edges:
        table = pd.DataFrame({"measure": MEASURES, "value": np.nan, "random": np.nan, "random_sd": np.nan})
        table.loc[0, "value"] = n_edges / (n * (n - 1)) if n > 1 else np.nan
        return table
    rng = np.random.default_rng(seed)
    random = np.array([_directed_measures(_random_graph(n, n_edges, rng), seed + 1 + k) for k in range(n_random)])
    undirected = found | found.T
    n_undirected = int(np.triu(undirected).sum())
    random_world = np.array([_world(_random_graph(n, n_undirected, rng, directed=False)) for _ in range(n_random)])
    own_world, usual = _world(undirected), random_world.mean(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        small = [(world[0] / usual[0]) / (world[1] / usual[1]) for world in (own_world, *random_world)]
    of_random = np.column_stack([random, random_world[:, 1], small[1:]])
    return pd.DataFrame(
        {
            "measure": MEASURES,
            "value": [*_directed_measures(found, seed), own_world[1], small[0]],
            "random": of_random.mean(axis=0),
            "random_sd": of_random.std(axis=0, ddof=1) if n_random > 1 else np.nan,
        }
    )


def directed_clustering(found: np.ndarray) -> np.ndarray:
    """(unit,) share of the possible directed triangles of each unit that exist; 0 where none is possible."""
    edges = found.astype(np.float64)
    both = edges + edges.T
    triangles = np.einsum("ij,ji->i", both @ both, both) / 2
    total, reciprocal = both.sum(axis=0), np.einsum("ij,ji->i", edges, edges)
    possible = total * (total - 1) - 2 * reciprocal
    return np.divide(triangles, possible, out=np.zeros(len(found)), where=possible > 0)


def path_length(found: np.ndarray) -> float:
    """Mean shortest path between the units of the largest connected part, directions ignored."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components, shortest_path

    edges = csr_array((found | found.T).astype(np.float64))
    _, part = connected_components(edges, directed=False)
    inside = np.flatnonzero(part == np.bincount(part).argmax())
    if len(inside) < 2:
        return np.nan
    steps = shortest_path(edges[inside][:, inside], directed=False, unweighted=True)
    return float(steps.sum() / (len(inside) * (len(inside) - 1)))


def _directed_measures(found: np.ndarray, seed: int) -> list[float]:
    """The measures in the order of MEASURES, but for the last two."""
    import networkx as nx

    n, n_edges = len(found), int(found.sum())
    module = modules(found, seed=seed)
    parts = [set(np.flatnonzero(module == each).tolist()) for each in range(module.max() + 1)]
    return [
        n_edges / (n * (n - 1)),
        float((found & found.T).sum() / n_edges),
        float(nx.community.modularity(_graph(found), parts)),
        float(sum(len(part) > 1 for part in parts)),
        float(directed_clustering(found).mean()),
    ]


def _world(undirected: np.ndarray) -> tuple[float, float]:
    """Mean clustering coefficient and path length of a graph without directions."""
    return float(directed_clustering(undirected).mean()), path_length(undirected)


def _random_graph(n: int, n_edges: int, rng: np.random.Generator, *, directed: bool = True) -> np.ndarray:
    places = ~np.eye(n, dtype=bool) if directed else np.triu(np.ones((n, n), bool), 1)
    edges = np.zeros(n * n, bool)
    edges[rng.choice(np.flatnonzero(places), n_edges, replace=False)] = True
    edges = edges.reshape(n, n)
    return edges if directed else edges | edges.T


def _graph(found: np.ndarray) -> "networkx.DiGraph":
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(found)))
    graph.add_edges_from((source, target) for source, target in np.argwhere(found).tolist())
    return graph
