"""connectivity_graph/<method>: the graph of the connections found, by units, as a whole and between areas."""

import functools
from typing import Any

from assets.stages.sessions import suits_connectivity
from neuropipe import connectivity as methods
from neuropipe.plots import connectivity as plots
from neuropipe.registry import Plugin
from neuropipe.schemas import Connectivity, ConnectivityGraph
from resources.store.stage import Stage, StageConfig, stage


class GraphConfig(StageConfig):
    """alpha : p-value below which a connection counts as found; density : share of all pairs that counts as found where
    a method has no p-values; areas : column of the unit table that names areas, by default the first known
    one that is there; n_random : random graphs to compare with; seed : of those, of modules and permutations."""

    alpha: float = 0.001
    density: float = 0.1
    areas: str | None = None
    n_random: int = 5
    seed: int = 0


def _plots(made: ConnectivityGraph, **_: Any) -> dict[str, Any]:
    return {} if made.areas is None else {"connectivity_regions": plots.regions(made.areas)}


def _graph_stage(plugin: Plugin) -> Stage:
    @stage(
        name=f"connectivity_graph/{plugin.name}",
        group="connectivity",
        inputs={"connectivity": f"connectivity/{plugin.name}"},
        kinds=("parquet",),
        description=f"The graph of what `connectivity/{plugin.name}` finds at a threshold fixed beforehand: degrees "
        "and module of each unit; density, reciprocity, modularity and clustering beside random graphs; and, between "
        "areas, the connections that are possible and found.",
        applies_to=functools.partial(suits_connectivity, plugin.facts["needs"]),
        tools=("scipy", "networkx"),
        slow=True,
        plots=_plots,
    )
    def connectivity_graph(config: GraphConfig, connectivity: Connectivity) -> ConnectivityGraph:
        from neuropipe.connectivity.graph import graph_of  # networkx takes long to import

        return graph_of(connectivity, **config.model_dump())

    return connectivity_graph


STAGES = [_graph_stage(plugin) for plugin in methods.available().values()]
