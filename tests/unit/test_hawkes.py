"""Hawkes networks: rates, synapses and delays against theory."""

import numpy as np
import pytest

from neuropipe import simulate
from neuropipe.errors import BadInput
from tests.unit.network_correlograms import pooled, rates


def test_mean_rates_and_covariances_are_the_stationary_solution():
    """Hawkes 1971: rates (1 - W')^-1 baseline; covariance of counts per time of long windows A diag(rates) A'."""
    duration = 1200.0
    made = simulate.hawkes_network(
        seed=1,
        n_units=20,
        duration=duration,
        connection_probability=0.2,
        excitatory_fraction=1.0,
        excitatory_weight=0.1,
    )
    spread = np.linalg.inv(np.eye(20) - made.truth["weights"].T)
    expected = spread @ made.truth["baseline"]
    covariance = spread @ np.diag(expected) @ spread.T
    assert expected.sum() > 1.3 * made.truth["baseline"].sum()
    z = (rates(made) - expected) / np.sqrt(np.diag(covariance) / duration)
    assert abs(z).max() < 4
    counts = np.array(
        [
            np.histogram(train, np.arange(0, duration + 1, 2))[0]
            for train in np.split(made.spikes.times, made.spikes.offsets[1:-1])
        ]
    )
    assert np.cov(counts).sum() / 2 == pytest.approx(covariance.sum(), rel=0.15)
    assert np.log(rates(made) / made.truth["target_rates"]) == pytest.approx(0, abs=0.3)


def test_a_spike_adds_its_weight_in_spikes_from_its_delay_on():
    delay = 0.005
    made = simulate.hawkes_network(
        seed=2,
        n_units=60,
        duration=600.0,
        connection_probability=0.02,
        excitatory_weight=0.2,
        inhibitory_weight=0.04,
        median_rate=10.0,
        weight_spread=0.3,
        inhibitory_time=0.02,
        shortest_delay=delay,
        longest_delay=delay,
    )
    weights, hertz = made.truth["weights"], rates(made)
    edges = np.array([-0.02, 0.0, delay - 0.001, delay - 0.0005, delay + 0.001, delay + 0.016])
    for excitatory in (True, False):
        pairs = np.argwhere(weights > 0 if excitatory else weights < 0)
        counts = pooled(made, pairs, edges)
        chance = sum(hertz[i] * hertz[j] for i, j in pairs) * 600.0
        excess = counts - chance * np.diff(edges)
        assert abs(excess[:2] / np.sqrt(chance * np.diff(edges)[:2])).max() < 4
        total = sum(weights[i, j] * hertz[i] for i, j in pairs) * 600.0
        time = 0.004 if excitatory else 0.02
        # Spikes lie anywhere in their step, so that lags are blurred by half a millisecond.
        assert excess[2:].sum() == pytest.approx(total * (1 - np.exp(-0.016 / time)), rel=0.15)
    assert counts.min() > 0


def test_inhibition_stops_at_no_spikes():
    made = simulate.hawkes_network(
        seed=3, n_units=20, duration=60.0, connection_probability=0.5, inhibitory_weight=0.6, excitatory_fraction=0.5
    )
    assert rates(made) == pytest.approx(made.truth["target_rates"], rel=0.4)
    linear = np.linalg.solve(np.eye(20) - made.truth["weights"].T, made.truth["baseline"])
    assert linear.min() < -10  # without clipping, units would have negative rates


def test_drive_does_not_change_the_mean_and_hidden_units_are_absent():
    made = simulate.hawkes_network(
        seed=4,
        n_units=20,
        n_hidden=20,
        duration=300.0,
        common_drive=0.5,
        n_groups=2,
        wiring="small_world",
        n_trials=60,
    )
    assert made.spikes.n_units == len(made.truth["weights"]) == 20
    assert len(made.truth["simulated_weights"]) == 40
    assert made.units.columns.tolist() == ["cell_type", "x", "y"]
    after = np.array([np.sum(train > 70) for train in np.split(made.spikes.times, made.spikes.offsets[1:-1])]) / 230
    assert after.mean() == pytest.approx(made.truth["target_rates"].mean(), rel=0.1)
    assert made.trials["stimulus_class"].value_counts().tolist() == [10] * 6


def test_same_seed_same_bytes():
    first, again = (simulate.hawkes_network(seed=1, n_units=10, duration=20.0) for _ in range(2))
    assert first.spikes.times.tobytes() == again.spikes.times.tobytes()
    assert all(first.truth[name].tobytes() == value.tobytes() for name, value in again.truth.items())


def test_excitation_that_feeds_on_itself_is_refused():
    with pytest.raises(BadInput, match=r"runs away: excitation alone makes 2\.2\d spikes out of each"):
        simulate.hawkes_network(n_units=20, duration=20.0, excitatory_weight=1.0)
