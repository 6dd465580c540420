"""The graph of estimated connections: units, measures of the whole, and areas."""

from typing import Any

import numpy as np
import pandas as pd

from neuropipe.connectivity.graph_measures import degrees, found_edges, graph_measures, modules, threshold_in_words
from neuropipe.connectivity.regions import AREAS, areas_of, by_region
from neuropipe.errors import BadInput
from neuropipe.schemas import Connectivity, ConnectivityGraph

FEWEST_AREAS = 2


def graph_of(
    connectivity: Connectivity,
    *,
    alpha: float = 0.001,
    density: float = 0.1,
    areas: str | None = None,
    n_random: int = 5,
    seed: int = 0,
) -> ConnectivityGraph:
    """Degrees and modules of units, measures of the graph beside random ones, and connections between areas.

    alpha, density : the threshold, see `found_edges`; areas : column of the unit table; n_random, seed : see
    `graph_measures`. Without areas, or with a single one, there is no table of areas. Raises BadInput for a column that
    the unit table does not have.
    """
    weights = connectivity.weights[:]
    p_values = None if connectivity.p_values is None else connectivity.p_values[:]
    estimated = (connectivity.units["left_out"] == "").to_numpy()
    found = found_edges(weights, p_values, estimated=estimated, alpha=alpha, density=density)
    measures = graph_measures(found[np.ix_(estimated, estimated)], n_random=n_random, seed=seed)
    of_units = degrees(found, weights).assign(module=np.where(estimated, modules(found, seed=seed), -1))
    names = _areas(connectivity.units, areas)
    threshold = threshold_in_words(p_values, alpha=alpha, density=density)
    facts: dict[str, Any] = {"threshold": threshold, "connections found": int(found.sum())}
    facts |= {row.measure: round(float(row.value), 4) for row in measures.itertuples() if np.isfinite(row.value)}
    return ConnectivityGraph(
        units=of_units,
        measures=measures,
        areas=None if names is None else by_region(weights, found, names, estimated=estimated, seed=seed),
        threshold=threshold,
        facts=facts,
    )


def _areas(units: pd.DataFrame, column: str | None) -> np.ndarray | None:
    """(unit,) names of areas; None if fewer than two are known."""
    if column is not None and column not in units:
        raise BadInput(f"the unit table has no column {column!r}; areas is one of {', '.join(map(str, units.columns))}")
    names = areas_of(units if column is None else units[[column]].set_axis([AREAS[0]], axis=1))
    return names if names is not None and len(set(names)) >= FEWEST_AREAS else None
