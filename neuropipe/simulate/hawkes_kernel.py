"""Steps Hawkes networks through time (numba kernel)."""

import numba
import numpy as np

from neuropipe.simulate.outside_drive import SLOW_STEPS, advance_drive, start_drive


@numba.njit(nogil=True)
def run_hawkes(
    n_steps, baseline, first, target, jump, delay_steps, decay_excitatory, decay_inhibitory, drive, capacity, rng
):
    """Spikes of a network in time order: step + place within the step, (spike,) float64, and unit, (spike,) int32.

    baseline : (unit,) expected spikes per step; first, target, delay_steps : synapses, see `Wiring.outgoing`
    jump : (synapse,) change of expected spikes per step; decay_* : factor per step; drive : OutsideDrive, logarithmic
    capacity : a run with more spikes than this stops and returns as many as there is room for; rng : numpy Generator

    The number of a unit's spikes in a step is Poisson; its spikes lie anywhere in the step.
    """
    n_units = len(baseline)
    moments, units = np.empty(capacity), np.empty(capacity, np.int32)
    n_spikes = 0
    length = 1
    if len(delay_steps):
        length += delay_steps.max()
    arriving = np.zeros((2, length, n_units))
    excitation, inhibition = np.zeros(n_units), np.zeros(n_units)
    state, outside, background = start_drive(drive, rng), np.zeros(n_units), np.zeros(n_units)
    trial = 0
    for time in range(n_steps):
        if time % SLOW_STEPS == 0:
            trial = advance_drive(drive, time, trial, state, outside, rng)
            for unit in range(n_units):
                # Mean 1 over common drive and drift, so that neither changes the mean rate.
                variance = drive.loading[unit] ** 2 + drive.drift**2
                background[unit] = baseline[unit] * np.exp(outside[unit] - variance / 2)
        slot = time % length
        begun = n_spikes
        for unit in range(n_units):
            excitation[unit] = excitation[unit] * decay_excitatory + arriving[0, slot, unit]
            inhibition[unit] = inhibition[unit] * decay_inhibitory + arriving[1, slot, unit]
            arriving[0, slot, unit] = 0.0
            arriving[1, slot, unit] = 0.0
            expected = background[unit] + excitation[unit] + inhibition[unit]
            if expected <= 0:
                continue
            # Inversion of the Poisson distribution; exp(-x) >= 1 - x makes most draws cheap.
            draw = rng.random()
            if draw < 1 - expected:
                continue
            chance = np.exp(-expected)
            number = 0
            while draw >= chance and number < 1000:
                draw -= chance
                number += 1
                chance *= expected / number
            for _ in range(number):
                if n_spikes == capacity:
                    return moments, units
                moments[n_spikes] = time + rng.random()
                units[n_spikes] = unit
                n_spikes += 1
        for spike in range(begun, n_spikes):
            source = units[spike]
            for synapse in range(first[source], first[source + 1]):
                due = (time + delay_steps[synapse]) % length
                kind = 0 if jump[synapse] > 0 else 1
                arriving[kind, due, target[synapse]] += jump[synapse]
    return moments[:n_spikes], units[:n_spikes]
