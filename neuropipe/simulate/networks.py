"""Simulates recurrent spiking networks with known weights, delays and conditional intensity, in trials."""

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.recording import Recording, SpikeTrains
from neuropipe.registry import simulator
from neuropipe.simulate.escape_noise import run_network
from neuropipe.simulate.stimuli import balanced_order, driven_units

STEP = 0.001  # s
LEAD_IN = 0.5  # s before the first trial, for transients to fade
FILTER_LENGTH = 0.05  # s
RESET, RESET_TIME = -8.0, 0.004  # jump of log intensity after a unit's own spike and its time constant, s
RATE_LIMIT = 100.0  # Hz, mean over a unit's session; above it the activity of the network is unstable


@simulator("spiking_network", tools=("numba",), wiring=True)
def spiking_network(
    *,
    seed: int = 0,
    n_units: int = 40,
    n_classes: int = 6,
    n_trials: int = 120,
    excitatory_fraction: float = 0.75,
    connection_probability: float = 0.15,
    excitatory_weight: float = 1.0,
    inhibitory_weight: float = 2.0,
    excitatory_time: float = 0.004,
    inhibitory_time: float = 0.008,
    shortest_delay: float = 0.001,
    longest_delay: float = 0.008,
    baseline_rate: float = 6.0,
    stimulus_gain: float = 0.5,
    driven_fraction: float = 0.3,
    before_stimulus: float = 0.3,
    stimulus_duration: float = 0.5,
    after_stimulus: float = 0.2,
) -> Recording:
    """A recurrent network of excitatory and inhibitory units that responds to stimuli of several classes.

    Unit j's conditional intensity at step t is

        exp(log baseline_j + stimulus drive_j(t) + sum over i of weights[i, j] * trace_i(t - delays[i, j]) + reset_j(t))

    where trace_i jumps by 1 at each spike of i and decays with excitatory_time or inhibitory_time, reset_j is the
    refractory effect of its own spikes, and the stimulus drive is one boxcar per trial, filtered by the filter of its
    class: the coupled point-process model of Pillow et al. 2008 (Nature 454:995) and Truccolo et al. 2005 (J
    Neurophysiol 93:1074), which is also a spike-response network with exponential escape noise (Gerstner et al. 2014,
    Neuronal Dynamics, ch. 9). Time advances in steps of 1 ms; a unit spikes in a step with probability
    1 - exp(-intensity * step), and the spike time is the middle of the step.

    excitatory_fraction : of the units; connection_probability : of each ordered pair, none with itself
    excitatory_weight, inhibitory_weight : mean size of the jump of the target's log intensity per spike
    excitatory_time, inhibitory_time, shortest_delay, longest_delay : s
    baseline_rate : median over units, Hz; stimulus_gain : mean change of a driven unit's log intensity in a stimulus
    driven_fraction : of the units, drawn anew for each class
    before_stimulus, stimulus_duration, after_stimulus : s; the parts of a trial

    units : cell_type ("excitatory", "inhibitory"); trials : start, stimulus, stop (s), stimulus_class
    truth : weights (source, target), 0 where there is no connection; delays (source, target) s, NaN likewise;
        is_excitatory (unit,); intensity (time, unit) float32, Hz, of step k = [k, k + 1) * intensity_step ();
        log_baseline (unit,) log Hz; stimulus_filters (class, unit, lag), lag 0 acts in the step itself;
        synaptic_filters (2, lag) of excitatory and inhibitory spikes, lag 0 acts at the delay;
        after_spike_filter (lag,), lag 0 acts one step after the spike
    """
    _check_sizes(n_units, n_classes, n_trials)
    _check_synapses(
        excitatory_weight, inhibitory_weight, excitatory_time, inhibitory_time, shortest_delay, longest_delay
    )
    wiring_rng, trial_rng, spike_rng = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3))
    is_excitatory = np.arange(n_units) < round(excitatory_fraction * n_units)
    weights = _wire(is_excitatory, connection_probability, excitatory_weight, inhibitory_weight, wiring_rng)
    shortest, longest = round(shortest_delay / STEP), round(longest_delay / STEP)
    delay_steps = wiring_rng.integers(shortest, longest + 1, weights.shape)
    log_baseline = np.log(baseline_rate) + 0.3 * wiring_rng.standard_normal(n_units)
    stimulus_filters = _stimulus_filters(n_classes, n_units, driven_fraction, stimulus_gain, wiring_rng)

    stimulus_class = balanced_order(n_classes, n_trials, trial_rng)
    lengths = [round(length / STEP) for length in (before_stimulus, stimulus_duration, after_stimulus)]
    first_steps = round(LEAD_IN / STEP) + sum(lengths) * np.arange(n_trials)
    onsets = first_steps + lengths[0]
    drive = np.zeros((first_steps[-1] + sum(lengths), n_units), np.float32)
    for onset, label in zip(onsets, stimulus_class, strict=True):
        for unit in np.flatnonzero(stimulus_filters[label].any(axis=1)):
            shown = np.convolve(np.ones(lengths[1]), stimulus_filters[label, unit])[: len(drive) - onset]
            drive[onset : onset + len(shown), unit] += shown

    decay_excitatory, decay_inhibitory, decay_reset = np.exp(
        -STEP / np.array([excitatory_time, inhibitory_time, RESET_TIME])
    )
    spikes, intensity = run_network(
        log_baseline,
        drive,
        weights,
        delay_steps,
        is_excitatory,
        decay_excitatory,
        decay_inhibitory,
        decay_reset,
        RESET,
        STEP,
        spike_rng,
    )
    _check_stable(spikes)
    lags = np.arange(round(FILTER_LENGTH / STEP))
    truth = {
        "weights": weights,
        "delays": np.where(weights != 0, delay_steps * STEP, np.nan),
        "is_excitatory": is_excitatory,
        "intensity": intensity,
        "intensity_step": np.array(STEP),
        "log_baseline": log_baseline,
        "stimulus_filters": stimulus_filters,
        "synaptic_filters": np.array([decay_excitatory, decay_inhibitory])[:, None] ** lags,
        "after_spike_filter": RESET * decay_reset**lags,
    }
    trials = pd.DataFrame(
        {
            "start": first_steps * STEP,
            "stimulus": onsets * STEP,
            "stop": (first_steps + sum(lengths)) * STEP,
            "stimulus_class": stimulus_class,
        }
    )
    units = pd.DataFrame({"cell_type": np.where(is_excitatory, "excitatory", "inhibitory")})
    trains = SpikeTrains.from_list([(np.flatnonzero(train) + 0.5) * STEP for train in spikes.T])
    return Recording(units=units, trials=trials, spikes=trains, truth=truth)


def _check_sizes(n_units: int, n_classes: int, n_trials: int) -> None:
    if n_units < 2 or n_classes < 2 or n_trials < n_classes:
        raise BadInput(
            f"at least 2 units, 2 classes and one trial a class are needed, found {n_units} units, {n_classes} classes "
            f"and {n_trials} trials"
        )


def _check_synapses(
    excitation: float,
    inhibition: float,
    excitatory_time: float,
    inhibitory_time: float,
    shortest: float,
    longest: float,
) -> None:
    if excitation < 0 or inhibition < 0:
        raise BadInput(f"excitatory_weight {excitation} and inhibitory_weight {inhibition} are sizes, at least 0")
    if excitatory_time <= 0 or inhibitory_time <= 0:
        raise BadInput(f"synaptic times must be longer than 0 s, found {excitatory_time} and {inhibitory_time}")
    if not STEP <= shortest <= longest:
        raise BadInput(f"delays must rise from at least one step ({STEP} s), found {shortest} to {longest} s")


def _check_stable(spikes: np.ndarray) -> None:
    fastest = spikes.mean(axis=0).max() / STEP
    if fastest > RATE_LIMIT:
        raise BadInput(
            f"the network runs away: a unit fires at {fastest:.0f} Hz, more than {RATE_LIMIT:g} Hz; lower "
            "excitatory_weight or connection_probability, or raise inhibitory_weight"
        )


def _wire(
    is_excitatory: np.ndarray, probability: float, excitation: float, inhibition: float, rng: np.random.Generator
) -> np.ndarray:
    """Weights, (source, target): a random graph without self-connections, gamma-distributed sizes, Dale's law."""
    n_units = len(is_excitatory)
    connected = rng.random((n_units, n_units)) < probability
    np.fill_diagonal(connected, False)
    sizes = rng.gamma(8, 1 / 8, (n_units, n_units))
    return np.where(connected, sizes * np.where(is_excitatory, excitation, -inhibition)[:, None], 0.0)


def _stimulus_filters(
    n_classes: int, n_units: int, driven_fraction: float, gain: float, rng: np.random.Generator
) -> np.ndarray:
    """Filters, (class, unit, lag): a delayed exponential of area ~ gain for units that a class drives, 0 for others."""
    lags = np.arange(round(FILTER_LENGTH / STEP)) * STEP
    latency, smoothing = 0.015, 0.010  # s
    shape = np.where(lags >= latency, np.exp(-(lags - latency) / smoothing), 0.0)
    amplitudes = gain * driven_units(n_classes, n_units, driven_fraction, rng)
    return amplitudes[:, :, None] * shape / shape.sum()
