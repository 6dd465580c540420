"""Steps a spiking network with escape noise through time (numba kernel)."""

import numba
import numpy as np


@numba.njit(cache=True)
def run_network(
    log_baseline,
    drive,
    weights,
    delay_steps,
    is_excitatory,
    decay_excitatory,
    decay_inhibitory,
    decay_reset,
    reset,
    step,
    rng,
):
    """Simulate a network; returns spikes, (time, unit) bool, and conditional intensities, (time, unit) float32, Hz.

    log_baseline : (unit,) log Hz; drive : (time, unit) added to log intensity; weights, delay_steps : (source, target);
    decay_* : factor per step of the synaptic and after-spike traces; reset : jump of log intensity after a
    spike; step : s; rng : numpy Generator

    A unit spikes in a step with probability 1 - exp(-intensity * step), the chance of at least one event at that
    intensity, so that intensity * step is the integrated hazard of the step, exactly.
    """
    n_steps, n_units = drive.shape
    spikes = np.zeros((n_steps, n_units), np.bool_)
    intensity = np.empty((n_steps, n_units), np.float32)
    length = delay_steps.max() + 1
    arriving = np.zeros((2, length, n_units))
    excitation, inhibition, after = np.zeros(n_units), np.zeros(n_units), np.zeros(n_units)
    for time in range(n_steps):
        slot = time % length
        for unit in range(n_units):
            excitation[unit] = excitation[unit] * decay_excitatory + arriving[0, slot, unit]
            inhibition[unit] = inhibition[unit] * decay_inhibitory + arriving[1, slot, unit]
            arriving[0, slot, unit] = 0.0
            arriving[1, slot, unit] = 0.0
            total = log_baseline[unit] + drive[time, unit] + excitation[unit] + inhibition[unit] + after[unit]
            # The spike is drawn from the stored intensity, so that the stored one is the true one to the last bit.
            intensity[time, unit] = np.exp(total)
            after[unit] *= decay_reset
            if rng.random() < -np.expm1(-np.float64(intensity[time, unit]) * step):
                spikes[time, unit] = True
                after[unit] += reset
        for source in range(n_units):
            if spikes[time, source]:
                kind = 0 if is_excitatory[source] else 1
                for target in range(n_units):
                    if weights[source, target] != 0.0:
                        due = (time + delay_steps[source, target]) % length
                        arriving[kind, due, target] += weights[source, target]
    return spikes, intensity
