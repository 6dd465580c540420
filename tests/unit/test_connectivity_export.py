"""What is exported is what was estimated, in a form that other programs read."""

import json

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from neuropipe.connectivity.export import edges, to_networkx, write_graphml, write_parquet
from neuropipe.errors import BadInput
from neuropipe.schemas import Connectivity


@pytest.fixture
def estimate():
    weights = np.array([[0, 0.5, 0], [-2.0, 0, 0], [0.1, 0, 0]])
    delays = np.where(weights == 0.5, 0.002, np.nan)
    units = pd.DataFrame(
        {"brain_area": ["VISp", "CA1", None], "depth": [10.0, np.nan, 30.0], "good": [True, False, True]}
    )
    return Connectivity(
        weights=weights,
        p_values=np.where(weights != 0, 0.01, np.nan),
        delays=delays,
        units=units.assign(left_out=["", "", "it has fewer than 10 spikes or events"]),
        method="granger",
        parameters={"lag": 0.02},
    )


def test_edges_are_the_pairs_with_a_weight(estimate):
    table = edges(estimate)
    assert table[["source", "target", "weight"]].to_numpy().tolist() == [[1, 0, -2.0], [0, 1, 0.5], [2, 0, 0.1]]
    assert table["p_value"].tolist() == [0.01] * 3
    np.testing.assert_array_equal(table["delay"], [np.nan, 0.002, np.nan])


def test_only_the_largest_are_kept_on_request(estimate):
    assert edges(estimate, density=2 / 6)["weight"].tolist() == [-2.0, 0.5]
    with pytest.raises(BadInput, match="above 0 and at most 1"):
        edges(estimate, density=0.0)


def test_graphml_holds_units_weights_and_what_made_them(estimate, tmp_path):
    write_graphml(estimate, tmp_path / "graph.graphml")
    graph = nx.read_graphml(tmp_path / "graph.graphml", node_type=int)
    assert graph.is_directed()
    assert graph.graph["method"] == "granger"
    assert json.loads(graph.graph["parameters"]) == {"lag": 0.02}
    assert graph.nodes[0] == {"brain_area": "VISp", "depth": 10.0, "good": True, "left_out": ""}
    assert "depth" not in graph.nodes[1]
    assert graph.edges[0, 1] == {"weight": 0.5, "p_value": 0.01, "delay": 0.002}
    assert graph.edges[1, 0] == {"weight": -2.0, "p_value": 0.01}
    assert dict(graph.edges) == dict(to_networkx(estimate).edges)


def test_the_same_connectivity_gives_the_same_bytes(estimate, tmp_path):
    for name in ("a", "b"):
        write_graphml(estimate, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_parquet_holds_the_edges(estimate, tmp_path):
    write_parquet(estimate, tmp_path / "edges.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "edges.parquet"), edges(estimate))
