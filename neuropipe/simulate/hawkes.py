"""Simulates Hawkes networks, whose mean rates are known in closed form, minutes to hours long."""

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.recording import Recording
from neuropipe.registry import simulator
from neuropipe.simulate.hawkes_kernel import run_hawkes
from neuropipe.simulate.outside_drive import STEP, OutsideDrive, outside_drive, steady
from neuropipe.simulate.populations import (
    capacity_for,
    check_population,
    check_stable,
    check_times,
    draw_population,
    observed_recording,
)
from neuropipe.simulate.stimuli import draw_stimuli
from neuropipe.simulate.wiring import Wiring, draw_wiring

LOWEST_SHARE = 0.05  # of the target rate, that the baseline has at least
ROUNDS = (*[(20.0, 0.8)] * 4, *[(40.0, 0.5)] * 6)  # duration (s) and gain of each round of adapting baselines
AVERAGED = 4  # last rounds whose baselines are averaged


@simulator("hawkes_network", tools=("numba",), wiring=True)
def hawkes_network(
    *,
    seed: int = 0,
    n_units: int = 100,
    n_hidden: int = 0,
    duration: float = 1800.0,
    wiring: str = "random",
    connection_probability: float = 0.1,
    length_scale: float = 200.0,
    rewiring: float = 0.1,
    excitatory_fraction: float = 0.8,
    excitatory_weight: float = 0.02,
    inhibitory_weight: float = 0.06,
    weight_spread: float = 0.8,
    excitatory_time: float = 0.004,
    inhibitory_time: float = 0.008,
    shortest_delay: float = 0.001,
    longest_delay: float = 0.004,
    median_rate: float = 5.0,
    rate_spread: float = 0.7,
    common_drive: float = 0.0,
    common_drive_time: float = 0.2,
    n_groups: int = 1,
    rate_drift: float = 0.0,
    rate_drift_time: float = 60.0,
    n_trials: int = 0,
    n_classes: int = 6,
    stimulus_gain: float = 0.7,
) -> Recording:
    """A recurrent network of linear Hawkes processes with exponential kernels and delays; negative rates count as 0.

    Unit j's intensity (Hz) is

        max(0, baseline_j exp(drive_j(t)) + sum over spikes s of all i of weights[i, j] kernel_i(t - s - delays[i, j]))

    where kernel_i is a decaying exponential of area 1 with excitatory_time or inhibitory_time (Hawkes 1971, Biometrika
    58:83). weights[i, j] is the number of spikes of j that a spike of i adds or, if it is negative, takes away. Where
    inhibition exceeds the rest the intensity is 0 (Bremaud and Massoulie 1996, Annals of Probability 24:1563).
    As long as no intensity reaches 0, as in a network without inhibition, mean rates are (1 - weights')^-1 baseline.

    drive_j is the sum of the common drive of its group, of a drift of its own and of stimuli, as in
    `integrate_and_fire_network`. Baselines are adapted before the recording until units fire at their target rates;
    they stay at least 5 % of these, so that a unit with much excitation may fire faster.
    Time advances in steps of 0.5 ms with Poisson counts; spike times lie anywhere in their step. Units have no
    refractory period.

    excitatory_weight, inhibitory_weight : mean sizes, spikes per spike; weight_spread : SD of the logarithm of weights
    common_drive : mean SD of a unit's common drive, of the logarithm of its baseline; rate_drift : likewise, of its own
    stimulus_gain : mean change of the logarithm of the baseline in units that a class drives
    All other parameters, units, epochs and trials are those of `integrate_and_fire_network`.

    truth : as there, with weights in spikes per spike and baseline (unit,) Hz in place of mean_drive
    """
    check_population(
        n_units,
        n_hidden,
        duration,
        median_rate,
        rate_spread,
        n_groups,
        common_drive=common_drive,
        rate_drift=rate_drift,
    )
    check_times(
        excitatory_time=excitatory_time,
        inhibitory_time=inhibitory_time,
        common_drive_time=common_drive_time,
        rate_drift_time=rate_drift_time,
    )
    wiring_rng, unit_rng, stimulus_rng, settling_rng, spike_rng = (
        np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(5)
    )
    graph = draw_wiring(
        n_units + n_hidden,
        scheme=wiring,
        probability=connection_probability,
        excitatory_fraction=excitatory_fraction,
        excitatory_weight=excitatory_weight,
        inhibitory_weight=inhibitory_weight,
        weight_spread=weight_spread,
        delays=(shortest_delay, longest_delay),
        length_scale=length_scale,
        rewiring=rewiring,
        step=STEP,
        rng=wiring_rng,
    )
    _check_branching(graph.weights)
    population = draw_population(
        n_units,
        n_hidden,
        median_rate=median_rate,
        rate_spread=rate_spread,
        common_drive=common_drive,
        n_groups=n_groups,
        rng=unit_rng,
    )
    stimuli = draw_stimuli(
        n_trials, n_classes, n_units + n_hidden, gain=stimulus_gain, duration=duration, rng=stimulus_rng
    )
    drive = outside_drive(population, common_drive_time, rate_drift, rate_drift_time, stimuli)
    decays = np.exp(-STEP / excitatory_time), np.exp(-STEP / inhibitory_time)
    baseline = _settle(graph, decays, steady(drive), population.target_rates, settling_rng)
    capacity = capacity_for(population.target_rates, duration)
    moments, unit = _run(graph, decays, baseline, drive, duration, capacity, spike_rng)
    check_stable(len(unit), capacity, "lower excitatory_weight, common_drive or rate_drift")
    times = moments * STEP
    order = np.argsort(times, kind="stable")
    return observed_recording(
        times[order],
        unit[order],
        graph,
        population,
        stimuli,
        duration=duration,
        step=STEP,
        truth={"baseline": baseline},
    )


def _check_branching(weights: np.ndarray) -> None:
    ratio = np.abs(np.linalg.eigvals(np.maximum(weights, 0))).max()
    if ratio >= 1:
        raise BadInput(
            f"the network runs away: excitation alone makes {ratio:.2f} spikes out of each, and less than 1 is stable; "
            "lower excitatory_weight or connection_probability"
        )


def _settle(
    graph: Wiring,
    decays: tuple[float, float],
    drive: OutsideDrive,
    target_rates: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Baselines, (unit,) Hz, at which units fire at their target rates without drift and stimuli."""
    lowest = LOWEST_SHARE * target_rates
    baseline, tried = np.maximum(target_rates - graph.weights.T @ target_rates, lowest), []
    for duration, gain in ROUNDS:
        capacity = capacity_for(target_rates, duration)
        _, unit = _run(graph, decays, baseline, drive, duration, capacity, rng)
        rates = np.bincount(unit, minlength=len(baseline)) / duration
        baseline = np.maximum(baseline + gain * (target_rates - rates), lowest)
        tried.append(baseline)
    return np.mean(tried[-AVERAGED:], axis=0)


def _run(
    graph: Wiring,
    decays: tuple[float, float],
    baseline: np.ndarray,
    drive: OutsideDrive,
    duration: float,
    capacity: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    first, target, weight, delay_steps = graph.outgoing()
    # The jump is such that the trace sums to the weight over all later steps.
    jump = weight * np.where(weight > 0, 1 - decays[0], 1 - decays[1])
    n_steps = round(duration / STEP)
    return run_hawkes(n_steps, baseline * STEP, first, target, jump, delay_steps, *decays, drive, capacity, rng)
