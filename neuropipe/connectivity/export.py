"""Connectivity for other programs: an edge list as Parquet, a graph as GraphML (Gephi, Cytoscape, networkx, igraph)."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from neuropipe.connectivity.graph_measures import found_edges
from neuropipe.errors import BadInput
from neuropipe.schemas import Connectivity

if TYPE_CHECKING:
    import networkx


def edges(connectivity: Connectivity, density: float | None = None) -> pd.DataFrame:
    """A row per pair with a weight, the largest first: source, target, weight, p_value, delay (s), NaN where unknown.

    density : keep this share of all pairs, the largest |weight|; by default all
    """
    table = connectivity.to_pandas()
    if density is None:
        return table
    if not 0 < density <= 1:
        raise BadInput(f"density is a share of all pairs, above 0 and at most 1, found {density:g}")
    kept = found_edges(connectivity.weights[:], density=density)
    return table[kept[table["source"], table["target"]]].reset_index(drop=True)


def to_networkx(connectivity: Connectivity, density: float | None = None) -> "networkx.DiGraph":
    """The same as a directed graph: nodes with the columns of the unit table, edges with weight, p_value and delay.

    Values that are unknown are absent. The graph names the method and its parameters (JSON).
    """
    import networkx as nx

    parameters = json.dumps(dict(connectivity.parameters or {}), sort_keys=True)
    graph = nx.DiGraph(method=connectivity.method, parameters=parameters)
    for unit, row in enumerate(connectivity.units.to_dict("records")):
        graph.add_node(unit, **_known(row))
    for row in edges(connectivity, density).to_dict("records"):
        graph.add_edge(row.pop("source"), row.pop("target"), **_known(row))
    return graph


def write_graphml(connectivity: Connectivity, path: Path, density: float | None = None) -> None:
    """Write the graph as GraphML; the same bytes for the same connectivity."""
    import networkx as nx

    nx.write_graphml_xml(to_networkx(connectivity, density), path)


def write_parquet(connectivity: Connectivity, path: Path, density: float | None = None) -> None:
    """Write the edge list as Parquet."""
    edges(connectivity, density).to_parquet(path, index=False)


def _known(row: dict[str, Any]) -> dict[str, Any]:
    """Plain values that GraphML can hold, without those that are missing."""
    plain = {}
    for name, value in row.items():
        value = value.item() if isinstance(value, np.generic) else value
        if not isinstance(value, str) and np.ndim(value) == 0 and pd.isna(value):
            continue
        plain[str(name)] = value if isinstance(value, bool | int | float | str) else str(value)
    return plain
