"""Connectivity on the command line beyond the estimates: export, and what areas share."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from tests.cli.command import ask, counts, get
from tests.installation import make_place

AREAS = """\
title: Two areas, one of which follows the other
citation: unpublished
licence: CC0-1.0
modality: counts
reader: npz
config: {communication_subspace: {areas: brain_area, conditions: [shown], fewest_units: 4, n_folds: 4}}
sessions:
  one: {files: {areas.npz: {path: PATH}}}
"""
OF_AREAS = ("--session", "areas.one")
CORRELATION = "connectivity/correlation"


@pytest.fixture(scope="module")
def areas(tmp_path_factory):
    """60 trials of 4 bins; units 6 to 11 (area B) follow the first two of A; A answers to what is shown."""
    root = tmp_path_factory.mktemp("areas")
    rng = np.random.default_rng(0)
    shown = rng.integers(2, size=60)
    own = rng.gamma(2.0, 4.0, (60, 4, 6)) + 20 * shown[:, None, None]
    following = own[..., [0, 1, 0, 1, 0, 1]] + 5
    np.savez(
        root / "areas.npz",
        counts=rng.poisson(np.concatenate([own, following], axis=2)).astype(np.uint8),
        bin_width=0.1,
        start=0.0,
        trial_start=np.arange(60.0),
        shown=shown,
        unit_brain_area=np.repeat(["A", "B"], 6),
    )
    place = make_place(root / "place", areas=AREAS.replace("PATH", str(root / "areas.npz")))
    assert counts(get(place, "run", "communication_subspace", CORRELATION, *OF_AREAS))[2] == 0
    return place


def test_one_area_predicts_the_other_through_two_dimensions(areas):
    shown = {row["field"]: row["value"] for row in get(areas, "show", "communication_subspace", *OF_AREAS)}
    assert shown["areas"] == 2
    assert shown["check.some_prediction"] == "passed"
    table = pd.read_parquet(next(areas.root.glob("artifacts/artifacts/communication_subspace/*/data/*.parquet")))
    row = table.set_index(["source_area", "target_area"]).loc[("A", "B")]
    assert row["rank"] == 2
    assert row["r2_low"] > 0.2


def test_a_graph_is_written_as_it_was_estimated(areas, tmp_path):
    file = tmp_path / "network.graphml"
    answer = ask(areas, "export", CORRELATION, *OF_AREAS, "--output", str(file))
    assert answer.code == 0, answer.err
    assert answer.out.strip() == str(file)
    graph = nx.read_graphml(file, node_type=int)
    assert len(graph) == 12
    assert graph.graph["method"] == "correlation"
    assert graph.nodes[7]["brain_area"] == "B"
    assert graph.edges[0, 6]["weight"] > 0.5
    assert [path.name for path in tmp_path.iterdir()] == ["network.graphml"]


def test_an_existing_file_is_kept_unless_forced(areas, tmp_path):
    file = tmp_path / "edges.parquet"
    file.write_text("precious")
    refused = ask(areas, "export", CORRELATION, *OF_AREAS, "--output", str(file))
    assert refused.code == 2
    assert "--force" in refused.err
    assert file.read_text() == "precious"
    assert ask(areas, "export", CORRELATION, *OF_AREAS, "-o", str(file), "--force", "--density", "0.1").code == 0
    assert len(pd.read_parquet(file)) == 13  # a tenth of 132 pairs


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("connectivity/correlation", "--output", "net.gexf"), "gexf is no format"),
        (("decoder/ridge", "--output", "net.graphml"), "'decoder/ridge' can't be exported"),
        (("connectivity/partial_correlation", "--output", "net.graphml"), "neuropipe run connectivity/partial_correl"),
        (("connectivity/correlation", "--output", "nowhere/net.graphml"), "a folder that does not exist"),
        (("connectivity/correlation", "--output", "net.graphml", "--density", "2"), "above 0 and at most 1"),
    ],
)
def test_what_can_not_be_exported_is_said(areas, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    answer = ask(areas, "export", *arguments, *OF_AREAS)
    assert answer.code == 2
    assert said in answer.err
    assert list(tmp_path.iterdir()) == []


def test_sessions_without_areas_are_not_asked_for_them(place):
    (row,) = get(place, "plan", "communication_subspace", "--session", "quick.one")
    assert row["state"] == "n/a"
    assert "names no areas" in row["reason"]
