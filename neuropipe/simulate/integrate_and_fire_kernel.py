"""Steps leaky integrate-and-fire networks through time (numba kernel)."""

from typing import NamedTuple

import numba
import numpy as np

from neuropipe.simulate.outside_drive import SLOW_STEPS, advance_drive, start_drive


class Cells(NamedTuple):
    """Membrane and synapses; potentials in mV above rest, factors per step.

    excitatory_gain, inhibitory_gain : mV that a synaptic current of 1 mV/s adds in one step
    """

    threshold: float
    refractory_steps: int
    decay_membrane: float
    noise: float
    decay_excitatory: float
    excitatory_gain: float
    decay_inhibitory: float
    inhibitory_gain: float


class Synapses(NamedTuple):
    """Synapses source by source, as `Wiring.outgoing` gives them, with jumps of synaptic current, mV/s."""

    first: np.ndarray
    target: np.ndarray
    jump: np.ndarray
    delay_steps: np.ndarray


@numba.njit(nogil=True)
def run_integrate_and_fire(n_steps, cells, synapses, mean_drive, drive, capacity, rng):
    """Spikes of a network in time order: step + place within the step, (spike,) float64, and unit, (spike,) int32.

    cells : Cells; synapses : Synapses; mean_drive : (unit,) mV; drive : OutsideDrive, mV; rng : numpy Generator
    capacity : a run with more spikes than this stops and returns as many as there is room for

    Potentials and currents are propagated exactly from step to step (Rotter and Diesmann 1999, Biological Cybernetics
    81:381). A spike that crosses the threshold in step t lies anywhere in it and starts to act at step t + delay.
    """
    n_units = len(mean_drive)
    moments, units = np.empty(capacity), np.empty(capacity, np.int32)
    n_spikes = 0
    length = 1
    if len(synapses.delay_steps):
        length += synapses.delay_steps.max()
    arriving = np.zeros((2, length, n_units))
    excitation, inhibition = np.zeros(n_units), np.zeros(n_units)
    potential = rng.random(n_units) * cells.threshold
    waiting = np.zeros(n_units, np.int64)
    state = start_drive(drive, rng)
    outside = np.zeros(n_units)
    fired = np.empty(n_units, np.int32)
    trial = 0
    for time in range(n_steps):
        if time % SLOW_STEPS == 0:
            trial = advance_drive(drive, time, trial, state, outside, rng)
            outside += mean_drive
        slot = time % length
        n_fired = 0
        for unit in range(n_units):
            current_in = excitation[unit] + arriving[0, slot, unit]
            current_out = inhibition[unit] + arriving[1, slot, unit]
            arriving[0, slot, unit] = 0.0
            arriving[1, slot, unit] = 0.0
            excitation[unit] = current_in * cells.decay_excitatory
            inhibition[unit] = current_out * cells.decay_inhibitory
            if waiting[unit] > 0:
                waiting[unit] -= 1
                continue
            reached = (
                outside[unit]
                + (potential[unit] - outside[unit]) * cells.decay_membrane
                + cells.noise * rng.standard_normal()
                + current_in * cells.excitatory_gain
                + current_out * cells.inhibitory_gain
            )
            if reached > cells.threshold:
                reached = 0.0
                waiting[unit] = cells.refractory_steps
                fired[n_fired] = unit
                n_fired += 1
            potential[unit] = reached
        for index in range(n_fired):
            if n_spikes == capacity:
                return moments, units
            source = fired[index]
            moments[n_spikes] = time + rng.random()
            units[n_spikes] = source
            n_spikes += 1
            for synapse in range(synapses.first[source], synapses.first[source + 1]):
                due = (time + synapses.delay_steps[synapse]) % length
                kind = 0 if synapses.jump[synapse] > 0 else 1
                arriving[kind, due, synapses.target[synapse]] += synapses.jump[synapse]
    return moments[:n_spikes], units[:n_spikes]
