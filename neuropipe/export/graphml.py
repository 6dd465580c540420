"""Connectivity as GraphML: Gephi, Cytoscape, igraph, networkx."""

from pathlib import Path

from neuropipe.connectivity.export import write_graphml
from neuropipe.export.content import SessionContent
from neuropipe.registry import exporter


@exporter("graphml", suffix=".graphml", assets=("connectivity/*",))
def write(session: SessionContent, path: Path, *, density: float | None = None) -> None:
    """A directed graph: nodes with the unit table, edges with weight, p_value and delay (s).

    density : share of all pairs to keep, those of the largest |weight|
    """
    write_graphml(session.one(), path, density)
