"""Simulated networks: the stored intensity is the true one, the wiring acts where and when it says.

Time rescaling in discrete time: Haslinger et al. 2010, Neural Computation 22:2477.
"""

import numpy as np
import pytest
from scipy import stats

from neuropipe import simulate
from neuropipe.errors import BadInput
from neuropipe.recording import Recording


@pytest.fixture(scope="module")
def network() -> Recording:
    return simulate.spiking_network(seed=1)


@pytest.fixture(scope="module")
def spikes(network) -> np.ndarray:
    """(time, unit) bool, one row a step."""
    step = float(network.truth["intensity_step"])
    raster = np.zeros(network.truth["intensity"].shape, bool)
    unit = np.repeat(np.arange(len(network.units)), np.diff(network.spikes.offsets))
    raster[np.floor(network.spikes.times / step).astype(int), unit] = True
    assert raster.sum() == len(network.spikes.times)
    return raster


def test_intensity_is_the_stated_function_of_filters_and_past_spikes(network, spikes):
    truth, n_steps = network.truth, 6000
    delays = np.round(truth["delays"] / truth["intensity_step"])
    log_intensity = np.tile(truth["log_baseline"], (n_steps, 1))
    for trial in network.trials.itertuples():
        shown = np.zeros(n_steps)
        onset = round(trial.stimulus / float(truth["intensity_step"]))
        shown[onset : onset + 500] = 1
        for unit, temporal in enumerate(truth["stimulus_filters"][trial.stimulus_class]):
            log_intensity[:, unit] += np.convolve(shown, temporal)[:n_steps]
    for target in range(len(network.units)):
        past = np.convolve(spikes[:n_steps, target], truth["after_spike_filter"])
        log_intensity[1:, target] += past[: n_steps - 1]
        for source in np.flatnonzero(truth["weights"][:, target]):
            kernel = truth["synaptic_filters"][0 if truth["is_excitatory"][source] else 1]
            arrived = np.convolve(spikes[:n_steps, source], truth["weights"][source, target] * kernel)
            delay = int(delays[source, target])
            log_intensity[delay:, target] += arrived[: n_steps - delay]
    # Filters are stored for 50 ms; an inhibitory trace has e^-6 of its jump left by then.
    np.testing.assert_allclose(np.log(truth["intensity"][:n_steps]), log_intensity, atol=0.03)


def rescaled(hazard: np.ndarray, fired: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Uniform if hazard (time,) is the true one, integrated over each step (Haslinger et al. 2010)."""
    at = np.flatnonzero(fired)
    before = np.concatenate([[0], np.cumsum(hazard)])
    within = -np.log1p(-rng.random(len(at)) * -np.expm1(-hazard[at]))
    elapsed = before[at] + within - np.concatenate([[0], before[at[:-1] + 1]])
    return -np.expm1(-elapsed)


def test_stored_intensity_passes_time_rescaling_in_all_units(network, spikes):
    rng = np.random.default_rng(0)
    hazard = network.truth["intensity"].astype(float) * float(network.truth["intensity_step"])
    units = range(len(network.units))
    p_true = [stats.kstest(rescaled(hazard[:, u], spikes[:, u], rng), "uniform").pvalue for u in units]
    flat = -np.log1p(-np.broadcast_to(spikes.mean(axis=0), hazard.shape))
    p_flat = [stats.kstest(rescaled(flat[:, u], spikes[:, u], rng), "uniform").pvalue for u in units]
    assert min(p_true) > 0.05 / len(units) / 5
    assert np.mean(np.array(p_true) < 0.05) <= 0.15
    assert stats.kstest(p_true, "uniform").pvalue > 0.01
    assert np.mean(np.array(p_flat) < 0.05) > 0.5


def test_steps_of_equal_intensity_hold_as_many_spikes_as_it_says(network, spikes):
    probability = -np.expm1(-network.truth["intensity"].astype(float) * float(network.truth["intensity_step"]))

    def worst_surprise(stated: np.ndarray) -> float:
        edges = np.quantile(stated, [0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999])
        group = np.digitize(stated.ravel(), edges)
        excess = np.bincount(group, (spikes - stated).ravel())
        return np.abs(excess / np.sqrt(np.bincount(group, (stated * (1 - stated)).ravel()))).max()

    assert worst_surprise(probability) < 3.5
    assert worst_surprise(np.roll(probability, 2, axis=0)) > 10


def test_spikes_act_with_the_stated_weight_at_the_stated_delay(network, spikes):
    """A spike multiplies its target's intensity by exp(weight) from the delay on and not a step before."""
    truth = network.truth
    for excitatory in (True, False):
        before, arrived, predicted = 0, 0, 0.0
        for source, target in np.argwhere(truth["weights"] != 0):
            if truth["is_excitatory"][source] != excitatory:
                continue
            delay = round(truth["delays"][source, target] / float(truth["intensity_step"]))
            at = np.flatnonzero(spikes[: -delay - 1, source])
            coincident = spikes[at + delay - 1, target].sum()
            before += coincident
            arrived += spikes[at + delay, target].sum()
            predicted += np.exp(truth["weights"][source, target]) * coincident
        chance = sum(
            spikes[:, source].sum() * spikes[:, target].mean()
            for source, target in np.argwhere(truth["weights"] != 0)
            if truth["is_excitatory"][source] == excitatory
        )
        assert before == pytest.approx(chance, rel=0.2)
        assert arrived == pytest.approx(predicted, rel=0.2)
        assert (arrived > 1.8 * before) if excitatory else (arrived < 0.4 * before)


def test_wiring_obeys_dale_and_has_no_self_connection(network):
    weights, delays, excitatory = (network.truth[name] for name in ("weights", "delays", "is_excitatory"))
    assert np.all(weights[excitatory] >= 0)
    assert np.all(weights[~excitatory] <= 0)
    assert np.all(np.diag(weights) == 0)
    assert excitatory.sum() == 30
    assert np.mean(weights != 0) == pytest.approx(0.15 * 39 / 40, abs=0.03)
    assert np.array_equal(np.isnan(delays), weights == 0)
    assert np.nanmin(delays) == pytest.approx(0.001)
    assert np.nanmax(delays) == pytest.approx(0.008)
    assert network.units["cell_type"].tolist() == ["excitatory"] * 30 + ["inhibitory"] * 10


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_activity_is_stable_and_in_range(seed):
    truth = simulate.spiking_network(seed=seed, n_trials=60).truth
    rates = truth["intensity"].mean(axis=0)
    assert rates.min() > 2
    assert rates.max() < 30
    late, early = truth["intensity"][-20_000:].mean(), truth["intensity"][:20_000].mean()
    assert late == pytest.approx(early, rel=0.1)


def test_units_are_refractory(network, spikes):
    after_one_step = np.sum(spikes[1:] & spikes[:-1])
    assert after_one_step < 0.02 * np.sum(spikes[1:].mean(axis=0) * spikes[:-1].sum(axis=0)) + 1
    later = np.sum(spikes[30:] & spikes[:-30])
    assert later == pytest.approx(np.sum(spikes.mean(axis=0) * spikes.sum(axis=0)), rel=0.25)


def test_class_is_decoded_from_counts(network, spikes):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold, cross_val_score

    onsets = np.round(network.trials["stimulus"] / 0.001).astype(int)
    classes = network.trials["stimulus_class"].to_numpy()
    during = np.array([spikes[onset : onset + 500].sum(axis=0) for onset in onsets])
    before = np.array([spikes[onset - 200 : onset].sum(axis=0) for onset in onsets])
    model = LogisticRegression(C=0.05, max_iter=1000)
    assert cross_val_score(model, during, classes, cv=KFold(5)).mean() > 0.7
    assert cross_val_score(model, before, classes, cv=KFold(5)).mean() < 1 / 6 + 0.1
    assert np.bincount(classes).tolist() == [20] * 6


def test_trials_follow_one_another(network):
    trials = network.trials
    np.testing.assert_allclose(trials["stimulus"] - trials["start"], 0.3)
    np.testing.assert_allclose(trials["stop"] - trials["stimulus"], 0.7)
    np.testing.assert_allclose(trials["start"][1:], trials["stop"][:-1])


def test_same_seed_same_bytes_other_seed_other_network(network):
    again, other = simulate.spiking_network(seed=1), simulate.spiking_network(seed=2, n_trials=6)
    assert again.spikes.times.tobytes() == network.spikes.times.tobytes()
    assert all(again.truth[name].tobytes() == value.tobytes() for name, value in network.truth.items())
    assert not np.array_equal(other.truth["weights"], network.truth["weights"])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_trials": 3}, "one trial a class"),
        ({"shortest_delay": 0.0}, "at least one step"),
        ({"excitatory_weight": 4.0, "inhibitory_weight": 0.1, "n_trials": 6}, "runs away"),
        ({"excitatory_weight": -1.0}, "size"),
        ({"excitatory_time": 0.0}, "longer than 0 s"),
    ],
)
def test_impossible_parameters_are_refused(parameters, message):
    with pytest.raises(BadInput, match=message):
        simulate.spiking_network(**parameters)
