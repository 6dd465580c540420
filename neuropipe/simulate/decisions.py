"""Simulates two-choice decisions by drift and diffusion, and Poisson units that ramp with the evidence."""

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.recording import Recording, SpikeTrains
from neuropipe.registry import simulator
from neuropipe.simulate.evidence import accumulate, probability_upper
from neuropipe.simulate.ideal_observer import latent_optimum
from neuropipe.simulate.poisson import thinned_train

STEP = 0.001  # s, grid of the latent evidence
BEFORE_STIMULUS, AFTER_RESPONSE = 0.5, 0.3  # s
PAUSE, MEAN_EXTRA_PAUSE = 0.5, 0.3  # s between trials
MEAN_EXTRA_MOTOR_DELAY = 0.05  # s
RELEASE = 0.05  # s, time constant with which evidence and stimulus fade from the units after the response
SMALLEST_NOISE = 0.2  # at contrast 0 a decision takes 1 / noise^2 s on average
KNOT_SPACING = 10.0  # s between knots of a unit's slow change of excitability


@simulator("drift_diffusion")
def drift_diffusion(
    *,
    seed: int = 0,
    n_trials: int = 320,
    n_units: int = 80,
    contrasts: tuple = (-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0),
    drift_rate: float = 4.0,
    noise: float = 2.2,
    lapse: float = 0.27,
    choice_persistence: float = 0.0,
    window_stop: float = 0.5,
    sensory_delay: float = 0.1,
    motor_delay: float = 0.4,
    decision_fraction: float = 0.5,
    stimulus_fraction: float = 0.2,
    decision_gain: float = 1.2,
    stimulus_gain: float = 0.5,
    baseline_rate: float = 10.0,
    excitability_sd: float = 0.25,
    excitability_timescale: float = 300.0,
) -> Recording:
    """Drift-diffusion decisions that drive Poisson units; the best attainable accuracy is known.

    From `sensory_delay` after the stimulus, evidence x follows dx = drift_rate * contrast dt + noise dW until it
    reaches +1 (right) or -1 (left). The response follows after `motor_delay` and a little more; with probability
    `lapse` it is a guess (Ratcliff and McKoon 2008, Neural Computation 20:873). Unit u fires as a Poisson process of
    rate baseline_rate_u * exp(excitability_u(t) + decision_weight_u * x(t) + stimulus_weight_u * contrast).

    Units follow the evidence, never the choice. So the spikes in [0, window_stop) after the stimulus can tell no more
    about the choice than P(choice | x at window_stop, contrast), which has a closed form: diffusion after
    window_stop, and the lapse, are noise. No response precedes window_stop.

    contrasts : signed stimulus strengths, drawn uniformly; drift_rate : evidence / s at contrast 1
    noise : evidence / sqrt(s); lapse : fraction of trials
    choice_persistence : where evidence starts, as a fraction of the bound, on the side of the previous choice
    window_stop, sensory_delay, motor_delay : s
    decision_fraction, stimulus_fraction : fractions of the units that follow x and contrast; the others are untuned
    decision_gain, stimulus_gain : mean absolute weight, change of log rate at the bound and at contrast 1; if both
        are 0, units drift slowly and carry no information about the choice
    baseline_rate : median over units, Hz
    excitability_sd : of log rates; excitability_timescale : s

    trials : start, stimulus, response, stop (s), contrast, choice (-1 left, 1 right), previous_choice (0 in the
        first trial), feedback (1 for choosing the side of the stimulus, else -1; a coin at contrast 0)
    truth : latent (trial, time) x on a grid of latent_step () s over [0, window_stop) after the stimulus;
        p_choice (trial,) P(choice = 1 | latent, contrast); latent_optimal_accuracy () its expectation,
        latent_optimal_accuracy_realised () and latent_optimal_accuracy_interval (2,) of 95 % (see LatentOptimum);
        baseline_rate (unit,) Hz; decision_weight, stimulus_weight (unit,);
        excitability (knot, unit), linear between excitability_times (knot,) s
    """
    _check_sizes(n_trials, n_units, decision_fraction, stimulus_fraction, baseline_rate, excitability_timescale)
    _check_choices(contrasts, noise, lapse, choice_persistence)
    n_before, n_seen = round(sensory_delay / STEP), round(window_stop / STEP)
    if not n_before < n_seen <= n_before + round(motor_delay / STEP):
        raise BadInput(
            f"window_stop is {window_stop} s; it must lie after the evidence starts ({sensory_delay} s) and no later "
            f"than the first possible response ({sensory_delay + motor_delay:g} s)"
        )
    trial_rng, unit_rng, spike_rng = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3))

    contrast = trial_rng.choice(np.asarray(contrasts, float), n_trials)
    paths, choice = _decide(contrast * drift_rate, noise, lapse, choice_persistence, trial_rng)
    decision_time = np.array([len(path) - 1 for path in paths]) * STEP
    trials = _trial_table(contrast, choice, sensory_delay + decision_time + motor_delay, trial_rng)
    evidence = _on_common_grid(paths, n_before, n_seen)
    seen = evidence[:, :n_seen]
    p_choice = lapse / 2 + (1 - lapse) * probability_upper(seen[:, -1], contrast * drift_rate, 1.0, noise)
    optimum = latent_optimum(p_choice, choice)

    duration = float(trials["stop"].iloc[-1]) + PAUSE
    tuning, weights = _tune(n_units, (decision_fraction, stimulus_fraction), (decision_gain, stimulus_gain), unit_rng)
    baselines = baseline_rate * np.exp(0.4 * unit_rng.standard_normal(n_units))
    knots = np.arange(0, duration + KNOT_SPACING, KNOT_SPACING)
    excitability = excitability_sd * _slow_drift(len(knots), n_units, excitability_timescale, unit_rng)

    def train(unit: int) -> np.ndarray:
        def rate(times: np.ndarray) -> np.ndarray:
            drive = _drive(times, trials, evidence, sensory_delay) @ weights[:, unit]
            return baselines[unit] * np.exp(np.interp(times, knots, excitability[:, unit]) + drive)

        strongest = np.abs(weights[:, unit]) @ [1.0, np.abs(contrast).max()]
        return thinned_train(
            rate, baselines[unit] * np.exp(excitability[:, unit].max() + strongest), duration, spike_rng
        )

    truth = {
        "latent": seen.astype(np.float32),
        "latent_step": np.array(STEP),
        "p_choice": p_choice,
        "latent_optimal_accuracy": np.array(optimum.expected),
        "latent_optimal_accuracy_realised": np.array(optimum.realised),
        "latent_optimal_accuracy_interval": np.array(optimum.interval),
        "baseline_rate": baselines,
        "decision_weight": weights[0],
        "stimulus_weight": weights[1],
        "excitability": excitability,
        "excitability_times": knots,
    }
    spikes = SpikeTrains.from_list([train(unit) for unit in range(n_units)])
    return Recording(units=pd.DataFrame({"tuning": tuning}), trials=trials, spikes=spikes, truth=truth)


def _check_sizes(
    n_trials: int, n_units: int, decision: float, stimulus: float, baseline_rate: float, timescale: float
) -> None:
    if n_trials < 2 or n_units < 1:
        raise BadInput(f"at least 2 trials and 1 unit are needed, found {n_trials} and {n_units}")
    if min(decision, stimulus) < 0 or decision + stimulus > 1:
        raise BadInput(f"fractions of units must lie in [0, 1] and sum to at most 1, found {decision} and {stimulus}")
    if baseline_rate <= 0 or timescale <= 0:
        raise BadInput(f"baseline_rate {baseline_rate} and excitability_timescale {timescale} must be above 0")


def _check_choices(contrasts: tuple, noise: float, lapse: float, persistence: float) -> None:
    if len(contrasts) == 0 or not np.all(np.isfinite(contrasts)):
        raise BadInput(f"contrasts must be one or more finite numbers, found {contrasts}")
    if not noise >= SMALLEST_NOISE:
        raise BadInput(f"noise must be at least {SMALLEST_NOISE}, or decisions take minutes; found {noise}")
    if not 0 <= persistence < 1 or not 0 <= lapse < 1:
        raise BadInput(f"choice_persistence {persistence} and lapse {lapse} must be at least 0 and below 1")


def _decide(
    drift: np.ndarray, noise: float, lapse: float, persistence: float, rng: np.random.Generator
) -> tuple[list[np.ndarray], np.ndarray]:
    """Evidence paths, one per trial, and choices (trial,) of -1 or 1."""
    paths, choices = [], []
    previous = 0
    for trial_drift in drift:
        path, side = accumulate(trial_drift, persistence * previous, 1.0, noise, STEP, rng)
        previous = int(rng.choice([-1, 1])) if rng.random() < lapse else side
        paths.append(path)
        choices.append(previous)
    return paths, np.array(choices)


def _trial_table(
    contrast: np.ndarray, choice: np.ndarray, earliest_reaction: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    n_trials = len(contrast)
    reaction = earliest_reaction + rng.exponential(MEAN_EXTRA_MOTOR_DELAY, n_trials)
    length = BEFORE_STIMULUS + reaction + AFTER_RESPONSE
    stop = np.cumsum(PAUSE + rng.exponential(MEAN_EXTRA_PAUSE, n_trials) + length)
    stimulus = stop - length + BEFORE_STIMULUS
    rewarded = np.where(contrast == 0, rng.choice([-1, 1], n_trials), np.sign(contrast))
    return pd.DataFrame(
        {
            "start": stop - length,
            "stimulus": stimulus,
            "response": stimulus + reaction,
            "stop": stop,
            "contrast": contrast,
            "choice": choice,
            "previous_choice": np.concatenate([[0], choice[:-1]]),
            "feedback": np.where(choice == rewarded, 1, -1),
        }
    )


def _on_common_grid(paths: list[np.ndarray], n_before: int, n_least: int) -> np.ndarray:
    """Evidence from the stimulus on, (trial, step): constant at its start, then its path, then the bound it reached."""
    n_steps = max(n_least, n_before + max(len(path) for path in paths))
    rows = [np.pad(path, (n_before, n_steps - n_before - len(path)), mode="edge") for path in paths]
    return np.array(rows)


def _tune(
    n_units: int, fractions: tuple[float, float], gains: tuple[float, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """What each unit follows, and weights of evidence and contrast, (2, unit): gamma-distributed, of either sign."""
    kinds = np.array(["decision", "stimulus", "none"])
    kind = np.repeat(
        [0, 1, 2], np.diff(np.round([0, fractions[0] * n_units, sum(fractions) * n_units, n_units]).astype(int))
    )
    rng.shuffle(kind)
    sizes = rng.gamma(4, 1 / 4, n_units) * rng.choice([-1, 1], n_units)
    return kinds[kind], np.where(kind == np.array([[0], [1]]), sizes * np.array(gains)[:, None], 0.0)


def _slow_drift(n_knots: int, n_units: int, timescale: float, rng: np.random.Generator) -> np.ndarray:
    """Ornstein-Uhlenbeck processes of SD 1, (knot, unit)."""
    keep = np.exp(-KNOT_SPACING / timescale)
    values = rng.standard_normal((n_knots, n_units))
    for knot in range(1, n_knots):
        values[knot] = keep * values[knot - 1] + np.sqrt(1 - keep**2) * values[knot]
    return values


def _drive(times: np.ndarray, trials: pd.DataFrame, evidence: np.ndarray, sensory_delay: float) -> np.ndarray:
    """Evidence and contrast that units receive at `times` (s), (time, 2); 0 outside of trials."""
    onset, response = trials["stimulus"].to_numpy(), trials["response"].to_numpy()
    trial = np.searchsorted(onset, times, side="right") - 1
    since = times - onset[trial]
    step = np.clip(since // STEP, 0, evidence.shape[1] - 1).astype(np.int64)
    seen = np.where(since >= sensory_delay, trials["contrast"].to_numpy()[trial], 0.0)
    fade = np.exp(-np.maximum(0, times - response[trial]) / RELEASE)
    return np.where(trial >= 0, fade * [evidence[trial, step], seen], 0.0).T
