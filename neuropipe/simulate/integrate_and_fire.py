"""Simulates networks of leaky integrate-and-fire units with known wiring, minutes to hours long."""

import numpy as np

from neuropipe.recording import Recording
from neuropipe.registry import simulator
from neuropipe.simulate.integrate_and_fire_kernel import Cells, Synapses, run_integrate_and_fire
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

MEMBRANE_TIME = 0.015  # s
THRESHOLD = 15.0  # mV above rest, which is also where a spike resets the potential to
REFRACTORY_TIME = 0.002  # s
NOISE = 5.0  # mV, SD of the membrane potential without threshold, from independent white noise
FIRST_GUESS = 9.0  # mV, mean drive before it is adapted
ROUNDS = (*[(10.0, 1.8)] * 8, *[(40.0, 0.8)] * 8)  # duration (s) and gain (mV) of each round of adapting mean drive
AVERAGED = 4  # last rounds whose mean drive is averaged


@simulator("integrate_and_fire_network", tools=("numba",), wiring=True)
def integrate_and_fire_network(
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
    excitatory_weight: float = 0.7,
    inhibitory_weight: float = 2.8,
    weight_spread: float = 0.8,
    excitatory_time: float = 0.002,
    inhibitory_time: float = 0.002,
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
    stimulus_gain: float = 2.0,
) -> Recording:
    """A recurrent network of leaky integrate-and-fire units with exponential synaptic currents and delays.

    The potential V_j (mV above rest) of unit j follows

        dV_j/dt = (drive_j(t) - V_j) / 15 ms + noise + sum over i of the currents of i's spikes

    A spike of unit i starts, delays[i, j] later, a current that decays with excitatory_time or inhibitory_time and that
    alone would move V_j by weights[i, j] mV at its peak. At 15 mV unit j spikes and is kept at 0 for 2 ms.
    White noise, independent in each unit, gives V an SD of 5 mV (Gerstner et al. 2014, Neuronal Dynamics, ch. 8).
    Time advances in steps of 0.5 ms, exactly between spikes; the threshold is looked at once per step, and the spike
    time lies anywhere in the step.

    drive_j is the sum of a mean, adapted before the recording until the unit fires at its target rate; of the common
    drive of its group, a smooth Gaussian process of autocorrelation (1 + lag / common_drive_time) exp(-lag /
    common_drive_time); of a drift of its own, an Ornstein-Uhlenbeck process; and of stimuli.

    n_units : recorded; n_hidden : further units that are simulated and not recorded
    duration : s; 100 units x 30 minutes take 4 s of processor time, 1,000 units x 1 hour 100 s and 1.3 GB
    wiring : "random", "distance" (falls with length_scale, um, in a square of 1000 um; delays rise with distance) or
        "small_world" (a ring; `rewiring` of the connections lead anywhere); see `draw_wiring`
    connection_probability : of an ordered pair; excitatory_fraction : of the units, chosen at random
    excitatory_weight, inhibitory_weight : mV, mean size of the peak of a postsynaptic potential
    weight_spread : SD of the logarithm of weights; excitatory_time, inhibitory_time : s
    shortest_delay, longest_delay : s; median_rate : Hz, of target rates, and rate_spread : SD of their logarithm
    common_drive : mV, mean SD of a unit's common drive; common_drive_time : s; n_groups : that share one each
    rate_drift : mV, SD of each unit's own drift; rate_drift_time : s
    n_trials : 0 for a recording without stimuli; n_classes : of stimuli; stimulus_gain : mV, mean drive of the 30 % of
        the units that a class drives, for 0.5 s

    units : cell_type ("excitatory", "inhibitory"); x, y (um) unless wiring is "random"
    epochs : one, the whole recording; trials : start, stimulus, stop (s), stimulus_class; none without stimuli
    truth, of recorded units : weights (source, target) mV, 0 where there is no connection; delays (source, target) s,
        NaN likewise; is_excitatory, target_rates (Hz), mean_drive (mV), common_drive_group, common_drive_loading (mV),
        (unit,); stimulus_strength (class, unit) mV. With hidden units also observed_units, indices among all units;
        simulated_weights, simulated_delays, simulated_is_excitatory of all units
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
    cells = _cells(excitatory_time, inhibitory_time)
    synapses = _synapses(graph, excitatory_time, inhibitory_time)
    mean_drive = _settle(cells, synapses, steady(drive), population.target_rates, settling_rng)
    capacity = capacity_for(population.target_rates, duration)
    n_steps = round(duration / STEP)
    moments, unit = run_integrate_and_fire(n_steps, cells, synapses, mean_drive, drive, capacity, spike_rng)
    check_stable(len(unit), capacity, "lower excitatory_weight or connection_probability, or raise inhibitory_weight")
    return observed_recording(
        moments * STEP,
        unit,
        graph,
        population,
        stimuli,
        duration=duration,
        step=STEP,
        truth={"mean_drive": mean_drive},
    )


def _cells(excitatory_time: float, inhibitory_time: float) -> Cells:
    decay_membrane = np.exp(-STEP / MEMBRANE_TIME)
    return Cells(
        threshold=THRESHOLD,
        refractory_steps=round(REFRACTORY_TIME / STEP),
        decay_membrane=float(decay_membrane),
        noise=float(NOISE * np.sqrt(1 - decay_membrane**2)),
        decay_excitatory=float(np.exp(-STEP / excitatory_time)),
        excitatory_gain=float(potential_after(STEP, excitatory_time)),
        decay_inhibitory=float(np.exp(-STEP / inhibitory_time)),
        inhibitory_gain=float(potential_after(STEP, inhibitory_time)),
    )


def _synapses(graph: Wiring, excitatory_time: float, inhibitory_time: float) -> Synapses:
    first, target, weight, delay_steps = graph.outgoing()
    per_mv = np.where(weight > 0, 1 / _peak(excitatory_time), 1 / _peak(inhibitory_time))
    return Synapses(first, target, weight * per_mv, delay_steps)


def potential_after(time: np.ndarray | float, synaptic_time: float) -> np.ndarray | float:
    """Potential (mV) `time` s after a current of 1 mV/s began to decay with synaptic_time, s."""
    if np.isclose(synaptic_time, MEMBRANE_TIME):
        return time * np.exp(-np.asarray(time) / MEMBRANE_TIME)
    scale = MEMBRANE_TIME * synaptic_time / (MEMBRANE_TIME - synaptic_time)
    return scale * (np.exp(-np.asarray(time) / MEMBRANE_TIME) - np.exp(-np.asarray(time) / synaptic_time))


def _peak(synaptic_time: float) -> float:
    """Largest potential (mV) after a synaptic current of 1 mV/s."""
    latest = MEMBRANE_TIME
    if not np.isclose(synaptic_time, MEMBRANE_TIME):
        rate = 1 / synaptic_time - 1 / MEMBRANE_TIME
        latest = np.log(MEMBRANE_TIME / synaptic_time) / rate
    return float(potential_after(latest, synaptic_time))


def _settle(
    cells: Cells, synapses: Synapses, drive: OutsideDrive, target_rates: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Mean drive, (unit,) mV, at which units fire at their target rates without drift and stimuli."""
    mean, tried = np.full(len(target_rates), FIRST_GUESS), []
    for duration, gain in ROUNDS:
        capacity = capacity_for(target_rates, duration)
        _, unit = run_integrate_and_fire(round(duration / STEP), cells, synapses, mean, drive, capacity, rng)
        rates = np.bincount(unit, minlength=len(mean)) / duration
        mean = mean + np.clip(gain * np.log(target_rates / np.maximum(rates, 0.2)), -3, 3)
        tried.append(mean)
    return np.mean(tried[-AVERAGED:], axis=0)
