"""Wiring of simulated networks: who is connected, how strongly, how late."""

import networkx as nx
import numpy as np
import pytest

from neuropipe.errors import BadInput
from neuropipe.simulate.wiring import FIELD, Wiring, distances, draw_wiring


def wiring(n_units: int = 200, seed: int = 0, **changed) -> Wiring:
    settings = {
        "scheme": "random",
        "probability": 0.1,
        "excitatory_fraction": 0.8,
        "excitatory_weight": 0.6,
        "inhibitory_weight": 2.4,
        "weight_spread": 0.8,
        "delays": (0.001, 0.004),
        "length_scale": 150.0,
        "rewiring": 0.1,
        "step": 0.0005,
        "rng": np.random.default_rng(seed),
    }
    return draw_wiring(n_units, **{**settings, **changed})


@pytest.mark.parametrize("scheme", ["random", "distance", "small_world"])
def test_every_scheme_keeps_probability_dale_and_weights(scheme):
    drawn = wiring(scheme=scheme)
    weights, excitatory = drawn.weights, drawn.is_excitatory
    assert not np.diag(weights).any()
    assert (weights[excitatory] >= 0).all()
    assert (weights[~excitatory] <= 0).all()
    assert excitatory.sum() == 160
    assert (weights != 0).sum() / (200 * 199) == pytest.approx(0.1, abs=0.008)
    sizes = weights[excitatory][weights[excitatory] != 0]
    assert sizes.mean() == pytest.approx(0.6, rel=0.06)
    assert np.log(sizes).std() == pytest.approx(0.8, rel=0.05)
    assert -weights[~excitatory][weights[~excitatory] != 0].mean() == pytest.approx(2.4, rel=0.15)
    delays = drawn.delay_steps[weights != 0] * 0.0005
    assert delays.min() >= 0.001
    assert delays.max() <= 0.004


def test_connections_and_delays_follow_the_distance():
    drawn = wiring(n_units=300, scheme="distance")
    apart = distances(drawn.positions)
    assert drawn.positions.min() >= 0
    assert drawn.positions.max() <= FIELD
    bands = [(drawn.weights != 0)[(apart > low) & (apart <= low + 100)].mean() for low in (0, 100, 200, 300, 400)]
    # exp(-distance / 150 um): a factor of exp(-2/3) from band to band
    np.testing.assert_allclose(np.divide(bands[1:], bands[:-1]), np.exp(-100 / 150), rtol=0.2)
    assert np.corrcoef(apart.ravel(), drawn.delay_steps.ravel())[0, 1] > 0.95
    assert wiring().positions is None


def test_a_dense_network_by_distance_still_has_the_mean_probability():
    assert (wiring(scheme="distance", probability=0.6).weights != 0).sum() / (200 * 199) == pytest.approx(0.6, abs=0.02)


def test_a_small_world_is_clustered_and_has_short_paths():
    def measures(**settings) -> tuple[float, float, int]:
        graph = nx.from_numpy_array(wiring(**settings).weights != 0, create_using=nx.DiGraph)
        targets = {degree for _, degree in graph.out_degree()}
        return nx.average_clustering(graph), nx.average_shortest_path_length(graph), max(targets) - min(targets)

    small_world, ring, random = (
        measures(scheme="small_world", rewiring=0.05),
        measures(scheme="small_world", rewiring=0.0),
        measures(scheme="small_world", rewiring=1.0),
    )
    assert small_world[0] > 0.75 * ring[0] > 3 * random[0]
    assert small_world[1] < 1.3 * random[1] < 0.6 * ring[1]
    assert small_world[2] == ring[2] == random[2] == 0


def test_synapses_are_listed_source_by_source():
    drawn = wiring(n_units=30)
    first, target, weight, delay_steps = drawn.outgoing()
    rebuilt, late = np.zeros((30, 30)), np.zeros((30, 30), int)
    for source in range(30):
        own = slice(first[source], first[source + 1])
        rebuilt[source, target[own]], late[source, target[own]] = weight[own], delay_steps[own]
    np.testing.assert_array_equal(rebuilt, drawn.weights)
    np.testing.assert_array_equal(late, np.where(drawn.weights != 0, drawn.delay_steps, 0))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"scheme": "rich_club"}, "no wiring is called 'rich_club'; choose random, distance, small_world"),
        ({"probability": 1.2}, "connection_probability must lie between 0 and 1, found 1.2"),
        ({"excitatory_fraction": -0.1}, "excitatory_fraction must lie between 0 and 1"),
        ({"inhibitory_weight": -1.0}, "are sizes, at least 0"),
        ({"weight_spread": float("nan")}, "are sizes, at least 0"),
        ({"delays": (0.0, 0.004)}, "at least one step"),
        ({"delays": (0.005, 0.004)}, "delays must rise"),
        ({"scheme": "distance", "length_scale": 0.0}, "length_scale must be longer than 0 um"),
        ({"scheme": "small_world", "rewiring": 2.0}, "rewiring must lie between 0 and 1"),
    ],
)
def test_impossible_wiring_is_refused_in_one_sentence(changed, said):
    with pytest.raises(BadInput, match=said):
        wiring(n_units=10, **changed)
