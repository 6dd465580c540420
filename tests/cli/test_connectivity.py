"""Connectivity through the command: networks whose wiring is known, counts whose wiring is not, what is refused."""

import numpy as np
import pytest

import neuropipe
from tests.cli.command import ask
from tests.installation import make_place

NETWORK = """\
title: Small network
citation: unpublished
licence: CC0-1.0
modality: spikes
simulator: spiking_network
parameters: {n_units: 10, n_trials: 90, excitatory_weight: 2.0, connection_probability: 0.2}
sessions: {one: {}, none: {parameters: {connection_probability: 0.0}}}
"""
COUNTS = """\
title: Own counts
citation: unpublished
licence: not stated
modality: counts
reader: npz
sessions: {one: {files: {one.npz: {path: PATH}}}}
"""
CORRELATION = "connectivity/correlation"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("connectivity")
    rng = np.random.default_rng(0)
    shared = rng.gamma(2.0, 1.0, (4000, 3))
    rates = np.hstack([shared, shared[:, :2], np.ones((4000, 1))])
    counts = rng.poisson(np.column_stack([rates, np.zeros(4000)]))
    np.savez(
        root / "one.npz", counts=counts, bin_width=0.05, start=0.0, time=np.arange(200.0), behaviour_x=np.ones(200)
    )
    found = make_place(root / "place", wired=NETWORK, own=COUNTS.replace("PATH", str(root / "one.npz")))
    patterns = ("--session", "wired.*", "--session", "own.one")
    done = found.neuropipe("run", "connectivity/corr*", "leaderboard", "report", *patterns)
    assert done.returncode == 0, done.stderr + done.stdout
    return found


def rows(place):
    return {row["session"]: row for row in place.json("leaderboard")}


def test_a_network_is_scored_against_its_wiring(place):
    row = rows(place)["wired.one"]
    assert (row["family"], row["scheme"], row["metric"]) == ("connectivity", "true wiring", "average_precision")
    assert row["score"] > 1.3 * row["random"]
    assert row["ci_low"] <= row["score"] <= row["ci_high"]
    assert 0 < row["p_value"] < 0.05


def test_a_network_without_connections_has_a_rate_of_false_positives(place):
    row = rows(place)["wired.none"]
    assert (row["scheme"], row["metric"]) == ("no connection", "false_positive_rate")
    assert row["average_precision"] is None
    assert row["nominal"] == 0.05


def test_without_a_known_wiring_halves_are_compared(place):
    row = rows(place)["own.one"]
    assert (row["scheme"], row["metric"]) == ("no truth", "split_half_over_null")
    assert row["score"] > 0.3
    assert row["split_half"] > 0.3
    assert row["p_value"] is None


def test_the_printed_leaderboard_says_what_it_is_compared_with(place):
    printed = ask(place, "leaderboard").out
    assert "wired.one, true wiring" in printed
    assert "random ranking" in printed
    assert "own.one, no truth" in printed
    assert "folds" not in printed.split("Connections:")[0]


def test_the_report_shows_matrices_and_judges_only_what_has_a_truth(place):
    page = (place.root / "artifacts" / "report.html").read_text()
    assert "connections estimated" in page
    assert "true wiring" in page
    assert page.count("above chance</span>") == 1
    assert "connectivity/correlation" in page


def test_python_reads_edges_and_arrays(place, monkeypatch):
    for name, value in place.environment.items():
        if name.startswith("NEUROPIPE_"):
            monkeypatch.setenv(name, value)
    found = neuropipe.load(CORRELATION, "own.one")
    edges = found.to_pandas()
    assert list(edges) == ["source", "target", "weight", "p_value", "delay"]
    assert {tuple(pair) for pair in edges[["source", "target"]].to_numpy()[:4]} == {(0, 3), (3, 0), (1, 4), (4, 1)}
    assert edges["delay"].isna().all()
    assert found.to_xarray()["weights"].dims == ("source", "target")
    assert found.units["left_out"].tolist() == [""] * 6 + ["it has fewer than 10 spikes or events"]


def test_methods_that_need_spike_times_do_not_apply_to_counts(place):
    plan = {row["asset"]: row for row in place.json("plan", "connectivity/*", "--session", "own.one")}
    assert plan[CORRELATION]["state"] == "hit"
    other = plan["connectivity/cross_correlogram"]
    assert (other["state"], other["reason"]) == ("n/a", "its modality is counts, and this needs spike times")


def test_an_unknown_epoch_is_one_sentence(place):
    done = ask(place, "run", CORRELATION, "--session", "wired.one", "--set", f"{CORRELATION}.epoch=sleep")
    assert done.code == 1
    assert "no epoch is called 'sleep'; the recording has none" in done.err
