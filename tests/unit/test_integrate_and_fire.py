"""Integrate-and-fire networks: rates, synapses and drive are what the truth says."""

import numpy as np
import pytest
from scipy import integrate, special

from neuropipe import simulate
from neuropipe.errors import BadInput
from neuropipe.recording import Recording
from neuropipe.simulate import integrate_and_fire as model
from neuropipe.simulate.integrate_and_fire_kernel import Synapses, run_integrate_and_fire
from neuropipe.simulate.outside_drive import STEP, outside_drive
from neuropipe.simulate.populations import Population
from neuropipe.simulate.stimuli import Stimuli
from tests.unit.network_correlograms import pooled, rates, train

DELAY = 0.006  # s


@pytest.fixture(scope="module")
def network() -> Recording:
    """Few strong synapses of one delay; stimuli in the first half."""
    return simulate.integrate_and_fire_network(
        seed=3,
        n_units=30,
        n_hidden=10,
        duration=240.0,
        connection_probability=0.06,
        excitatory_weight=3.0,
        inhibitory_weight=6.0,
        weight_spread=0.0,
        shortest_delay=DELAY,
        longest_delay=DELAY,
        n_trials=100,
        stimulus_gain=3.0,
    )


@pytest.fixture(scope="module")
def unconnected() -> Recording:
    """No synapses; units share a slow drive in two groups and drift."""
    return simulate.integrate_and_fire_network(
        seed=4,
        n_units=30,
        duration=240.0,
        connection_probability=0.0,
        common_drive=3.0,
        common_drive_time=0.3,
        n_groups=2,
        rate_drift=1.0,
        rate_drift_time=40.0,
    )


def test_units_reach_their_target_rates():
    made = simulate.integrate_and_fire_network(seed=1, n_units=40, duration=200.0, excitatory_weight=1.0)
    assert np.abs(np.log(rates(made) / made.truth["target_rates"])).max() < 0.3
    assert np.std(np.log(rates(made) / made.truth["target_rates"])) < 0.1
    assert 1 <= made.truth["target_rates"].min() < made.truth["target_rates"].max() <= 20
    assert made.epochs.to_dict("list") == {"name": ["simulation"], "start": [0.0], "stop": [200.0]}
    assert made.trials is None
    assert all(np.diff(train(made, unit)).min() > model.REFRACTORY_TIME for unit in range(40))


def test_the_rate_of_one_unit_is_that_of_siegert():
    """Siegert 1951, Physical Review 81:617; the threshold is looked at every step, which is as if it were higher by
    .5826 SD of a step (Broadie, Glasserman and Kou 1997, Mathematical Finance 7:325)."""
    drive = np.repeat([6.0, 9.0, 12.0, 16.0], 10)
    units = len(drive)
    alone = outside_drive(
        Population(
            target_rates=drive, group=np.zeros(units, int), loading=np.zeros(units), observed=np.arange(units)
        ),
        1.0, 0.0, 1.0, Stimuli(np.empty(0), np.empty(0, int), np.zeros((1, units))),
    )  # fmt: skip
    none = Synapses(np.zeros(units + 1, int), np.empty(0, int), np.empty(0), np.empty(0, int))
    duration, rng = 60.0, np.random.default_rng(0)
    _, unit = run_integrate_and_fire(round(duration / STEP), model._cells(0.002, 0.002), none, drive, alone, 10**6, rng)
    found = np.bincount(unit, minlength=units).reshape(4, 10).mean(axis=1) / duration
    step_sd = model.NOISE * np.sqrt(2 * STEP / model.MEMBRANE_TIME)
    for mean, rate in zip(drive[::10], found, strict=True):
        low, high = -mean, model.THRESHOLD + 0.5826 * step_sd - mean
        scale = np.sqrt(2) * model.NOISE
        area, _ = integrate.quad(lambda x: np.exp(x * x) * (1 + special.erf(x)), low / scale, high / scale)
        expected = 1 / (model.REFRACTORY_TIME + model.MEMBRANE_TIME * np.sqrt(np.pi) * area)
        assert rate == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("synaptic_time", [0.001, 0.002, 0.015, 0.05])
def test_a_weight_is_the_peak_of_the_postsynaptic_potential(synaptic_time):
    time = np.linspace(0, 0.5, 200_001)
    assert (model.potential_after(time, synaptic_time) / model._peak(synaptic_time)).max() == pytest.approx(1)
    current = np.exp(-time / synaptic_time)
    step = time[1]
    potential = 0.0
    for index in range(2000):  # Euler, 5 ms
        potential += step * (current[index] - potential / model.MEMBRANE_TIME)
    assert model.potential_after(2000 * step, synaptic_time) == pytest.approx(potential, rel=0.003)


def test_spikes_act_at_their_delay_and_in_the_direction_of_their_weight(network):
    edges = np.arange(-0.010, 0.0201, 0.001)
    weights, delays = network.truth["weights"], network.truth["delays"]
    assert np.array_equal(np.isnan(delays), weights == 0)
    assert np.nanmin(delays) == np.nanmax(delays) == DELAY
    for sign in (1, -1):
        counts = pooled(network, np.argwhere(sign * weights > 0), edges)
        before, after = counts[edges[:-1] < DELAY - 0.0011], counts[edges[:-1] > DELAY - 0.0009]
        level = before.mean()
        assert abs(before - level).max() < 5 * np.sqrt(level)
        extreme = edges[:-1][edges[:-1] > DELAY - 0.0009][np.argmax(sign * after)]
        assert DELAY - 0.0001 < extreme < DELAY + 0.0061
        assert sign * (after[:8].mean() - level) > 0.3 * level
        assert sign * (after[1:5].mean() - level) > 10 * np.sqrt(level / 4)


def test_dale_and_hidden_units(network):
    truth = network.truth
    assert len(network.units) == network.spikes.n_units == len(truth["weights"]) == 30
    assert len(truth["simulated_weights"]) == 40
    seen = np.ix_(truth["observed_units"], truth["observed_units"])
    np.testing.assert_array_equal(truth["simulated_weights"][seen], truth["weights"])
    np.testing.assert_array_equal(truth["simulated_delays"][seen], truth["delays"])
    for weights, excitatory in (
        (truth["weights"], truth["is_excitatory"]),
        (truth["simulated_weights"], truth["simulated_is_excitatory"]),
    ):
        assert (weights[excitatory] >= 0).all()
        assert (weights[~excitatory] <= 0).all()
    assert truth["simulated_is_excitatory"].sum() == 32
    assert (network.units["cell_type"] == "excitatory").tolist() == truth["is_excitatory"].tolist()
    assert all(truth[name].shape == (30,) for name in ("target_rates", "mean_drive", "common_drive_loading"))


def test_stimuli_drive_the_units_of_their_class(network):
    trials, strength = network.trials, network.truth["stimulus_strength"]
    assert trials["stop"].iloc[-1] == pytest.approx(100.5)
    during, before = (
        np.array(
            [
                np.diff(np.searchsorted(train(network, unit), onset + window))[0]
                for onset in trials["stimulus"]
                for unit in range(30)
            ]
        ).reshape(100, 30)
        for window in (np.array([0.1, 0.5]), np.array([-0.3, 0.0]))
    )
    driven = strength[trials["stimulus_class"]] > 0
    assert during[driven].mean() / 0.4 > 1.5 * before[driven].mean() / 0.3
    assert during[~driven].mean() / 0.4 < 1.15 * before[~driven].mean() / 0.3


def test_without_synapses_correlograms_are_flat_over_milliseconds(unconnected):
    assert not unconnected.truth["weights"].any()
    pairs = np.argwhere(~np.eye(30, dtype=bool))
    counts = pooled(unconnected, pairs[pairs[:, 0] < pairs[:, 1]], np.arange(-0.025, 0.0251, 0.001))
    # Against the mean of +-25 ms, which is what spikes jittered by as much give; overdispersed, as units share spikes.
    assert abs(counts - counts.mean()).max() < 5 * np.sqrt(counts.mean())
    fast, slow = counts[20:30].mean(), counts.mean()
    assert fast == pytest.approx(slow, rel=0.01)


def test_groups_share_their_drive_and_rates_drift(unconnected):
    group = unconnected.truth["common_drive_group"]
    counts = np.array([np.histogram(train(unconnected, unit), np.arange(0, 241))[0] for unit in range(30)])
    correlation = np.corrcoef(counts)
    same = (group[:, None] == group) & ~np.eye(30, dtype=bool)
    assert correlation[same].mean() > 0.2
    assert abs(correlation[group[:, None] != group].mean()) < 0.1
    assert np.bincount(group).tolist() == [15, 15]
    slow = counts.reshape(30, 12, 20).sum(axis=2)
    assert (slow.var(axis=1) / slow.mean(axis=1)).mean() > 3  # Poisson: 1


def test_same_seed_same_bytes_other_seed_other_network():
    settings = {"n_units": 10, "duration": 20.0, "wiring": "distance"}
    first, again, other = (simulate.integrate_and_fire_network(seed=seed, **settings) for seed in (1, 1, 2))
    assert first.spikes.times.tobytes() == again.spikes.times.tobytes()
    assert all(first.truth[name].tobytes() == value.tobytes() for name, value in again.truth.items())
    assert first.units.equals(again.units)
    assert first.units.columns.tolist() == ["cell_type", "x", "y"]
    assert not np.array_equal(first.truth["weights"], other.truth["weights"])


def test_stimuli_leave_the_wiring_as_it_is():
    plain, shown = (
        simulate.integrate_and_fire_network(seed=1, n_units=10, duration=20.0, n_trials=n, n_classes=2) for n in (0, 10)
    )
    for name in ("weights", "delays", "target_rates", "mean_drive"):
        np.testing.assert_array_equal(plain.truth[name], shown.truth[name])


@pytest.mark.parametrize("name", ["integrate_and_fire_network", "hawkes_network"])
@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"n_units": 1}, "at least 2 units are recorded"),
        ({"n_hidden": -1}, "at least 2 units are recorded and 0 hidden"),
        ({"duration": 0.0}, "duration must be 1 s to 24 h, found 0.0 s"),
        ({"duration": float("nan")}, "duration must be 1 s to 24 h"),
        ({"median_rate": 50.0}, "median_rate must be 1 to 20 Hz, found 50.0"),
        ({"n_groups": 0}, "n_groups must be 1 to the number of units"),
        ({"common_drive": -1.0}, "common_drive must be at least 0, found -1.0"),
        ({"rate_drift_time": 0.0}, "rate_drift_time must be longer than 0 s"),
        ({"wiring": "ring"}, "no wiring is called 'ring'"),
        ({"shortest_delay": 0.0001}, "delays must rise from at least one step"),
        ({"duration": 10.0, "n_trials": 20}, "20 trials take 20.5 s, the recording 10 s"),
        ({"duration": 10.0, "n_trials": 3}, "one trial a class"),
    ],
)
def test_impossible_parameters_are_refused_in_one_sentence(name, parameters, said):
    with pytest.raises(BadInput, match=said):
        getattr(simulate, name)(**parameters)


def test_a_network_that_runs_away_is_refused():
    with pytest.raises(BadInput, match=r"runs away: .* lower excitatory_weight"):
        simulate.integrate_and_fire_network(n_units=40, duration=60.0, excitatory_weight=60.0, inhibitory_weight=0.0)
