"""Graphs, areas and agreement of methods: values of known graphs, and those of networkx."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from neuropipe.connectivity.agreement import agreement, as_matrix, strongest
from neuropipe.connectivity.graph import graph_of
from neuropipe.connectivity.graph_measures import (
    degrees,
    directed_clustering,
    found_edges,
    graph_measures,
    modules,
    path_length,
    threshold_in_words,
)
from neuropipe.connectivity.pairs import pairs_of
from neuropipe.connectivity.regions import by_region
from neuropipe.errors import BadInput
from neuropipe.schemas import Connectivity


def random_edges(n=30, share=0.15, seed=0):
    edges = np.random.default_rng(seed).random((n, n)) < share
    np.fill_diagonal(edges, False)
    return edges


def two_groups():
    """Two groups of 10 units, all connected within, one edge from unit 0 to unit 10."""
    edges = np.kron(np.eye(2), np.ones((10, 10))).astype(bool)
    np.fill_diagonal(edges, False)
    edges[0, 10] = True
    return edges


class TestThreshold:
    def test_p_values_decide_where_they_are(self):
        weights = np.full((3, 3), 0.5)
        p_values = np.array([[np.nan, 1e-4, 0.01], [1e-4, np.nan, 0.2], [np.nan, 1e-9, np.nan]])
        assert np.argwhere(found_edges(weights, p_values)).tolist() == [[0, 1], [1, 0], [2, 1]]
        assert threshold_in_words(p_values) == "p < 0.001, one pair at a time"

    def test_else_the_strongest_share(self):
        weights = np.arange(25.0).reshape(5, 5) * np.array([1, -1, 1, -1, 1])
        found = found_edges(weights, density=0.1)
        assert np.argwhere(found).tolist() == [[4, 2], [4, 3]]
        assert found_edges(np.zeros((5, 5))).sum() == 0
        assert threshold_in_words(None) == "strongest 10 % of the pairs"

    def test_units_that_were_left_out_have_no_edges(self):
        found = found_edges(np.ones((5, 5)), density=0.5, estimated=np.arange(5) != 4)
        assert found.sum() == 6
        assert not found[4].any()
        assert not found[:, 4].any()


class TestGraphMeasures:
    def test_clustering_reciprocity_and_paths_are_those_of_networkx(self):
        edges = random_edges()
        graph = nx.from_numpy_array(edges, create_using=nx.DiGraph)
        table = graph_measures(edges, n_random=2).set_index("measure")["value"]
        np.testing.assert_allclose(directed_clustering(edges), list(nx.clustering(graph).values()))
        assert table["clustering"] == pytest.approx(nx.average_clustering(graph))
        assert table["reciprocity"] == pytest.approx(nx.reciprocity(graph))
        assert table["density"] == pytest.approx(nx.density(graph))
        assert table["path_length"] == pytest.approx(nx.average_shortest_path_length(graph.to_undirected()))

    def test_path_length_is_that_of_the_largest_part(self):
        edges = np.zeros((6, 6), bool)
        edges[[0, 1, 4], [1, 2, 5]] = True  # a chain of three, a pair, and a unit alone
        assert path_length(edges) == pytest.approx(4 / 3)

    def test_two_groups_are_two_modules(self):
        edges = two_groups()
        assert modules(edges, seed=0).tolist() == [0] * 10 + [1] * 10
        table = graph_measures(edges).set_index("measure")
        assert table.loc["n_modules", "value"] == 2
        assert table.loc["modularity", "value"] == pytest.approx(0.5, abs=0.02)
        assert table.loc["modularity", "random"] < 0.2
        assert table.loc["clustering", "value"] > 2 * table.loc["clustering", "random"]

    def test_random_graphs_are_like_random_graphs(self):
        table = graph_measures(random_edges(40), n_random=20).set_index("measure")
        distance = (table["value"] - table["random"]).abs() / table["random_sd"]
        assert (distance[["reciprocity", "modularity", "clustering", "path_length", "small_worldness"]] < 3.5).all()
        assert table.loc["small_worldness", "random"] == pytest.approx(1, abs=0.05)

    def test_a_ring_with_shortcuts_is_a_small_world(self):
        graph = nx.watts_strogatz_graph(100, 8, 0.1, seed=0)
        value = graph_measures(nx.to_numpy_array(graph) > 0, n_random=5).set_index("measure")["value"]
        random = [nx.gnm_random_graph(100, 400, seed=seed) for seed in range(8, 16)]
        clustering = nx.average_clustering(graph) / np.mean([nx.average_clustering(each) for each in random])
        length = np.mean([nx.average_shortest_path_length(each) for each in random])
        expected = clustering / (nx.average_shortest_path_length(graph) / length)
        assert value["small_worldness"] == pytest.approx(expected, rel=0.15)
        assert expected > 3

    def test_degrees_and_strengths(self):
        edges = np.zeros((3, 3), bool)
        edges[[0, 0, 1], [1, 2, 2]] = True
        table = degrees(edges, np.array([[9, -2, 3], [0, 9, -4], [7, 7, 9.0]]))
        assert table["in_degree"].tolist() == [0, 1, 2]
        assert table["out_degree"].tolist() == [2, 1, 0]
        assert table["in_strength"].tolist() == [0, 2, 7]

    def test_an_empty_graph_has_only_a_density(self):
        table = graph_measures(np.zeros((5, 5), bool)).set_index("measure")["value"]
        assert table["density"] == 0
        assert table.drop("density").isna().all()

    def test_loops_are_refused(self):
        with pytest.raises(BadInput, match="without edges from a unit to itself"):
            graph_measures(np.eye(4, dtype=bool))


class TestRegions:
    def test_counts_and_weights_of_a_known_wiring(self):
        found = np.zeros((5, 5), bool)
        found[[0, 1, 0, 4], [1, 2, 3, 0]] = True
        weights = np.where(found, [[2.0], [1], [1], [1], [-3]], 0.0)
        table = by_region(weights, found, np.array(["A", "A", "B", "B", "C"]), n_permutations=99)
        table = table.set_index(["source_area", "target_area"])
        assert table["possible"].tolist() == [2, 4, 2, 4, 2, 2, 2, 2, 0]
        assert table["found"].tolist() == [1, 2, 0, 0, 0, 0, 1, 0, 0]
        assert table.loc[("A", "B"), "fraction"] == 0.5
        assert table.loc[("A", "B"), "mean_weight"] == pytest.approx((1 + 2) / 4)
        assert table.loc[("C", "A"), "mean_weight"] == pytest.approx(-1.5)
        assert np.isnan(table.loc[("C", "C"), "fraction"])

    def test_areas_that_are_wired_are_told_from_areas_that_are_not(self):
        areas = np.repeat(["V1", "LGN", "CA1"], 15)
        rng = np.random.default_rng(0)
        likely = np.full((3, 3), 0.05)
        likely[1, 0] = 0.4
        code = np.repeat(range(3), 15)
        found = rng.random((45, 45)) < likely[np.ix_(code, code)]
        np.fill_diagonal(found, False)
        table = by_region(found.astype(float), found, areas).set_index(["source_area", "target_area"])
        wired = table.loc[("LGN", "V1")]
        assert wired["p_value"] == pytest.approx(2 / 1001)
        assert wired["fraction"] > 2 * wired["expected"]
        # units are exchangeable under the null, so what is expected is the density of the whole graph
        np.testing.assert_allclose(table["expected"], found.sum() / (45 * 44), atol=0.01)

    def test_p_values_hold_when_areas_mean_nothing(self):
        areas, small = np.repeat(["a", "b"], 10), 0
        for seed in range(60):
            found = random_edges(20, 0.2, seed)
            small += (by_region(found * 1.0, found, areas, n_permutations=99)["p_value"] < 0.05).sum()
        assert small / 240 < 0.08

    def test_areas_of_other_units_are_refused(self):
        with pytest.raises(BadInput, match="one area per unit"):
            by_region(np.zeros((4, 4)), np.zeros((4, 4), bool), np.array(["a"]))


class TestAgreement:
    def test_methods_that_agree_differ_in_sign_or_have_nothing_in_common(self):
        rng = np.random.default_rng(0)
        own = rng.normal(size=(30, 30))
        table = agreement({"a": own, "b": -2 * own, "c": rng.normal(size=(30, 30))}, density=0.1)
        table = table.set_index(["first", "second"])
        assert table.loc[("a", "b"), "rank_correlation"] == pytest.approx(1)
        assert table.loc[("a", "b"), "top_overlap"] == 1
        apart = table.loc[("a", "c")]
        assert abs(apart["rank_correlation"]) < 0.1
        assert apart["top_overlap"] == pytest.approx(apart["top_overlap_chance"], abs=0.05)
        # two random tenths of the pairs: .01 in common of .19
        assert apart["top_overlap_chance"] == pytest.approx(0.01 / 0.19)
        matrix = as_matrix(table.reset_index())
        assert matrix.loc["b", "a"] == matrix.loc["a", "b"] == pytest.approx(1)
        assert np.diag(matrix).tolist() == [1, 1, 1]

    def test_only_pairs_that_both_estimated_count(self):
        own = np.random.default_rng(0).normal(size=(10, 10))
        estimated = {"a": np.arange(10) != 0, "b": np.arange(10) != 1}
        assert agreement({"a": own, "b": own}, estimated=estimated)["n"].tolist() == [56]

    def test_weights_of_0_are_never_among_the_strongest(self):
        sparse = np.zeros((5, 5))
        sparse[0, 1] = 1
        assert strongest(sparse, pairs_of(np.ones(5, bool)), 0.5).sum() == 1

    def test_matrices_of_other_units_are_refused(self):
        with pytest.raises(BadInput, match="the same units"):
            agreement({"a": np.zeros((3, 3)), "b": np.zeros((4, 4))})


class TestTheGraphOfAnEstimate:
    def test_it_counts_units_edges_and_areas_at_the_threshold(self):
        p_values = np.full((4, 4), 0.5)
        p_values[0, 1] = p_values[1, 0] = p_values[2, 3] = 1e-5
        units = pd.DataFrame({"left_out": ["", "", "", ""], "brain_area": ["CA1", "CA1", "VISp", None]})
        weights = np.ones((4, 4)) - np.eye(4)
        made = graph_of(Connectivity(weights=weights, p_values=p_values, units=units), n_random=1)
        assert made.units["out_degree"].tolist() == [1, 1, 1, 0]
        assert made.units["in_degree"].tolist() == [1, 1, 0, 1]
        assert made.threshold == "p < 0.001, one pair at a time"
        assert made.facts["reciprocity"] == round(2 / 3, 4)
        within = made.areas.set_index(["source_area", "target_area"])
        assert within.loc[("CA1", "CA1"), ["possible", "found"]].tolist() == [2, 2]
        assert within.loc[("VISp", "unknown"), ["possible", "found"]].tolist() == [1, 1]
        assert not made.problems()

    def test_one_area_makes_no_table_and_an_unknown_column_is_refused(self):
        units = pd.DataFrame({"left_out": [""] * 3, "brain_area": ["CA1"] * 3})
        estimate = Connectivity(weights=1.0 - np.eye(3), units=units)
        assert graph_of(estimate, n_random=1).areas is None
        with pytest.raises(BadInput, match="has no column 'layer'; areas is one of left_out, brain_area"):
            graph_of(estimate, areas="layer")
