"""Simulated decisions: the model's known answers, and a latent optimum that decoders approach and never pass."""

import numpy as np
import pytest
from scipy import stats

from neuropipe import simulate
from neuropipe.errors import BadInput
from neuropipe.recording import Recording
from neuropipe.simulate.evidence import accumulate, probability_upper
from neuropipe.simulate.ideal_observer import count_distribution, latent_optimum
from neuropipe.simulate.shuffling import shuffle_labels

DRIFT_ONLY = {
    "decision_gain": 0.0,
    "stimulus_gain": 0.0,
    "drift_rate": 0.0,
    "choice_persistence": 0.9,
    "lapse": 0.05,
    "excitability_sd": 0.5,
}


@pytest.fixture(scope="module")
def sessions() -> list[Recording]:
    return [simulate.drift_diffusion(seed=seed) for seed in range(1, 5)]


def train(recording: Recording, unit: int) -> np.ndarray:
    return recording.spikes.times[recording.spikes.offsets[unit] : recording.spikes.offsets[unit + 1]]


def summed_counts(recording: Recording, start: float, stop: float) -> np.ndarray:
    """(trial, unit) spikes between start and stop (s) after the stimulus."""
    onset = recording.trials["stimulus"].to_numpy()
    edges = [np.searchsorted(train(recording, u), [onset + start, onset + stop]) for u in range(len(recording.units))]
    return np.array([late - early for early, late in edges]).T


def decoded_accuracy(recording: Recording, shuffled_folds: bool = False) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    counts, choice = summed_counts(recording, 0.3, 0.5), recording.trials["choice"].to_numpy()
    folds = KFold(5, shuffle=shuffled_folds, random_state=0 if shuffled_folds else None)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.005))
    return float(np.mean(cross_val_predict(model, counts, choice, cv=folds) == choice))


def test_exit_probability_has_its_known_limits():
    evidence = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    np.testing.assert_allclose(probability_upper(evidence, np.zeros(5), 1.0, 2.0), [0, 0.25, 0.5, 0.75, 1])
    for drift in (-3.0, 1e-12, 0.7, 5.0):
        solved = probability_upper(evidence, np.full(5, drift), 1.0, 1.5)
        assert solved[0] == pytest.approx(0)
        assert solved[-1] == pytest.approx(1)
        assert solved[2] == pytest.approx(1 / (1 + np.exp(-2 * drift / 1.5**2)))


@pytest.mark.parametrize(("drift", "noise"), [(0.0, 2.0), (1.5, 1.5)])
def test_accumulation_agrees_with_the_diffusion_it_samples(drift, noise):
    rng = np.random.default_rng(3)
    runs = [accumulate(drift, 0.0, 1.0, noise, 0.001, rng) for _ in range(3000)]
    upper = np.mean([side == 1 for _, side in runs])
    expected = 1 / (1 + np.exp(-2 * drift / noise**2))
    assert abs(upper - expected) < 3.5 * np.sqrt(expected * (1 - expected) / 3000)
    times = np.array([len(path) - 1.5 for path, _ in runs]) * 0.001  # the crossing lies within the last step
    mean_time = np.tanh(drift / noise**2) / drift if drift else 1 / noise**2
    assert abs(times.mean() - mean_time) < 3.5 * times.std() / np.sqrt(3000)
    assert all(np.all(np.abs(path[:-1]) < 1) and path[-1] == side for path, side in runs)


def test_poisson_binomial_equals_the_binomial_for_equal_probabilities():
    np.testing.assert_allclose(
        count_distribution(np.full(40, 0.85)), stats.binom.pmf(np.arange(41), 40, 0.85), atol=1e-12
    )
    optimum = latent_optimum(np.full(40, 0.85), np.ones(40))
    assert optimum.expected == pytest.approx(0.85)
    assert optimum.realised == 1.0
    np.testing.assert_allclose(optimum.interval, np.array(stats.binom.interval(0.95, 40, 0.85)) / 40)


def test_interval_of_the_optimum_covers_what_is_realised():
    rng = np.random.default_rng(0)
    probability = rng.beta(0.5, 0.5, 150)
    choices = np.where(rng.random((1000, 150)) < probability, 1, -1)
    optima = [latent_optimum(probability, choice) for choice in choices[:200]]
    realised = np.mean(np.where(probability >= 0.5, 1, -1) == choices, axis=1)
    low, high = optima[0].interval
    assert realised[:200] == pytest.approx([optimum.realised for optimum in optima])
    assert 0.94 <= np.mean((realised >= low) & (realised <= high)) <= 0.985


def test_stated_choice_probabilities_are_calibrated():
    recording = simulate.drift_diffusion(seed=11, n_trials=6000, n_units=1)
    stated, right = recording.truth["p_choice"], recording.trials["choice"].to_numpy() == 1
    for part in np.array_split(np.argsort(stated), 8):
        expected, spread = stated[part].mean(), np.sqrt(np.sum(stated[part] * (1 - stated[part]))) / len(part)
        assert abs(right[part].mean() - expected) < 3.2 * spread
    # Neither the stimulus nor the past adds to what the latent says.
    surprise = (right - stated) / np.sqrt(stated * (1 - stated))
    for other in (
        recording.trials["contrast"],
        recording.trials["previous_choice"],
        recording.trials["response"].diff(),
    ):
        assert abs(np.corrcoef(surprise[1:], other.to_numpy()[1:])[0, 1]) < 3.2 / np.sqrt(6000)


def test_latent_optimum_is_085_and_inside_its_interval(sessions):
    for recording in sessions:
        truth = recording.truth
        assert abs(truth["latent_optimal_accuracy"] - 0.85) < 0.03
        assert truth["latent_optimal_accuracy"] == pytest.approx(
            np.maximum(truth["p_choice"], 1 - truth["p_choice"]).mean()
        )
        low, high = truth["latent_optimal_accuracy_interval"]
        assert low <= truth["latent_optimal_accuracy_realised"] <= high
        assert 0.05 < high - low < 0.1


def test_decoder_comes_near_the_optimum_and_not_above(sessions):
    accuracies = [decoded_accuracy(recording) for recording in sessions]
    assert all(
        accuracy <= recording.truth["latent_optimal_accuracy_interval"][1]
        for accuracy, recording in zip(accuracies, sessions, strict=True)
    )
    realised = np.mean([recording.truth["latent_optimal_accuracy_realised"] for recording in sessions])
    assert realised - 0.02 < np.mean(accuracies) < realised + 0.01


def test_shuffled_twin_is_at_chance(sessions):
    accuracies = [decoded_accuracy(shuffle_labels(recording, "choice", seed=1)) for recording in sessions]
    assert abs(np.mean(accuracies) - 0.5) < 3 * 0.5 / np.sqrt(4 * 320)
    twin = shuffle_labels(sessions[0], "choice", seed=1)
    assert sorted(twin.trials["choice"]) == sorted(sessions[0].trials["choice"])
    assert not twin.trials["choice"].equals(sessions[0].trials["choice"])
    assert twin.truth == {}
    assert twin.spikes is sessions[0].spikes
    with pytest.raises(BadInput, match="no trial column 'chioce'"):
        shuffle_labels(sessions[0], "chioce")


def test_previous_choice_says_nothing_unless_asked(sessions):
    repeats = np.concatenate([np.diff(recording.trials["choice"]) == 0 for recording in sessions])
    assert abs(repeats.mean() - 0.5) < 3 * 0.5 / np.sqrt(len(repeats))
    persistent = simulate.drift_diffusion(seed=1, n_units=1, **{**DRIFT_ONLY, "n_trials": 600})
    assert np.mean(np.diff(persistent.trials["choice"]) == 0) == pytest.approx(0.05 / 2 + 0.95 * 0.95, abs=0.04)


def test_slow_drift_leaks_into_shuffled_folds_alone():
    drifting = [simulate.drift_diffusion(seed=seed, n_trials=200, **DRIFT_ONLY) for seed in range(6)]
    blocked = np.mean([decoded_accuracy(recording) for recording in drifting])
    shuffled = np.mean([decoded_accuracy(recording, shuffled_folds=True) for recording in drifting])
    assert blocked < 0.55
    assert shuffled > 0.6


def windowed_rate(recording: Recording, unit: int) -> np.ndarray:
    """(trial, step) rate in Hz over [0, window_stop) after the stimulus, from the truth alone."""
    truth, onset = recording.truth, recording.trials["stimulus"].to_numpy()
    since = np.arange(truth["latent"].shape[1]) * truth["latent_step"]
    times = onset[:, None] + since + truth["latent_step"] / 2
    slow = np.interp(times, truth["excitability_times"], truth["excitability"][:, unit])
    contrast = recording.trials["contrast"].to_numpy()[:, None] * (since > 0.0995)
    gain = truth["decision_weight"][unit] * truth["latent"] + truth["stimulus_weight"][unit] * contrast
    return truth["baseline_rate"][unit] * np.exp(slow + gain)


def test_spikes_are_poisson_at_the_stated_rate(sessions):
    """Time rescaling (Brown et al. 2002): at the true rate, intervals are exponential of mean 1."""
    recording, p_values, p_values_flat = sessions[0], [], []
    onset, step = recording.trials["stimulus"].to_numpy(), float(recording.truth["latent_step"])
    for unit in range(len(recording.units)):
        times = train(recording, unit)
        trial = np.searchsorted(onset, times, side="right") - 1
        within = (times - onset[trial]) / step
        inside = (trial >= 0) & (within < recording.truth["latent"].shape[1])
        position = trial[inside] * recording.truth["latent"].shape[1] + within[inside]
        rate = windowed_rate(recording, unit).ravel()
        for tested, found in ((rate, p_values), (np.full(len(rate), rate.mean()), p_values_flat)):
            operational = np.interp(position, np.arange(len(rate) + 1), np.concatenate([[0], np.cumsum(tested) * step]))
            found.append(stats.kstest(np.diff(operational), "expon").pvalue)
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    assert np.mean(np.array(p_values) < 0.05) < 0.13
    assert np.mean(np.array(p_values_flat) < 0.05) > 0.4


def test_counts_have_fano_factor_one_at_a_constant_rate():
    recording = simulate.drift_diffusion(seed=5, excitability_sd=0.0, decision_gain=0.0, stimulus_gain=0.0)
    counts = summed_counts(recording, 0.0, 0.5)
    fano = counts.var(axis=0, ddof=1) / counts.mean(axis=0)
    assert fano.mean() == pytest.approx(1, abs=3 * np.sqrt(2 / counts.size))
    rates = np.diff(recording.spikes.offsets) / (recording.trials["stop"].iloc[-1] + 0.5)
    np.testing.assert_allclose(rates, recording.truth["baseline_rate"], rtol=0.08)
    assert np.median(rates) == pytest.approx(10, rel=0.2)


def test_trial_table_tells_a_story_in_order(sessions):
    trials = sessions[0].trials
    order = trials[["start", "stimulus", "response", "stop"]].to_numpy()
    assert np.all(np.diff(order.ravel()) > 0)
    assert set(trials["choice"]) == {-1, 1}
    assert np.all(trials["response"] - trials["stimulus"] >= 0.5)
    assert trials["previous_choice"].tolist() == [0, *trials["choice"][:-1]]
    sided = trials[trials["contrast"] != 0]
    assert np.array_equal(sided["feedback"] == 1, np.sign(sided["contrast"]) == sided["choice"])
    assert sessions[0].units["tuning"].value_counts().to_dict() == {"decision": 40, "none": 24, "stimulus": 16}


def test_same_seed_same_bytes_other_seed_other_session(sessions):
    again = simulate.drift_diffusion(seed=1)
    assert again.spikes.times.tobytes() == sessions[0].spikes.times.tobytes()
    assert again.trials.equals(sessions[0].trials)
    assert all(again.truth[name].tobytes() == value.tobytes() for name, value in sessions[0].truth.items())
    assert not sessions[1].trials["choice"].equals(sessions[0].trials["choice"])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_trials": 1}, "at least 2 trials"),
        ({"lapse": 1.0}, "lapse"),
        ({"choice_persistence": -0.1}, "choice_persistence"),
        ({"noise": 0.0}, "noise"),
        ({"window_stop": 0.6}, "first possible response"),
        ({"decision_fraction": 0.9}, "fractions"),
        ({"baseline_rate": 0.0}, "baseline_rate"),
        ({"contrasts": (0.5, float("nan"))}, "contrasts"),
    ],
)
def test_impossible_parameters_are_refused(parameters, message):
    with pytest.raises(BadInput, match=message):
        simulate.drift_diffusion(**parameters)


def test_simulators_are_found_by_name():
    assert {"drift_diffusion", "spiking_network"} <= set(simulate.available())
    assert simulate.available()["drift_diffusion"].parameters["n_trials"] == 320
    with pytest.raises(AttributeError, match="no attribute 'brain'"):
        _ = simulate.brain
