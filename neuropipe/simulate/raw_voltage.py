"""Simulates the raw voltage of a probe among units whose spikes are known, during two-choice decisions."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.recording import Recording, SpikeTrains, Voltage
from neuropipe.registry import simulator
from neuropipe.simulate.decisions import drift_diffusion
from neuropipe.simulate.probes import probe_channels
from neuropipe.simulate.rendered_voltage import GAIN, Moved, drawn_units, on_samples, rendered

AFTER_LAST_TRIAL = 0.5  # s


@simulator("voltage", truth=True, tools=("spikeinterface", "probeinterface", "scipy"))
def voltage(
    *,
    seed: int = 0,
    decisions: Mapping[str, Any] | None = None,
    probe: str = "linear_32",
    sampling_rate: float = 30000.0,
    amplitude: tuple = (100.0, 300.0),
    noise: float = 8.0,
    motion: float = 0.0,
    motion_period: float = 60.0,
    duration: float | None = None,
) -> Recording:
    """Raw voltage around the units of `drift_diffusion(seed=seed, **decisions)`, by SpikeInterface's generator.

    Each unit is a point beside the probe whose action potential decays with distance; its templates are added where it
    spikes, to white noise (SpikeInterface: generate_templates, InjectDriftingTemplatesRecording). Spikes of a unit that
    follow another within 2 ms are left out, as no neuron fires them. Samples are steps of 0.195 uV, as Intan's
    amplifiers give; they are rendered as they are read, so that the recording is never in memory.

    decisions : parameters of drift_diffusion; probe : `tetrode` or `linear_32` (2 columns of 16, 25 um apart)
    sampling_rate : Hz; amplitude : uV, range of a unit's peak at its own place (drawn uniformly)
    noise : uV, SD per channel; motion : um, by how much units move along the probe, up and down in `motion_period` s
    duration : s, where the recording ends; by default with the last trial

    trials : those of drift_diffusion that end in the recording
    truth : spike_times (spike,) s and spike_offsets (unit + 1,); unit_locations (unit, 3) um, along x, y and away from
        the probe; peak_snr (unit,) largest peak over noise; motion_times (time,) s and motion (time,) um along y; and
        the truth of drift_diffusion that is per unit
    """
    _check(sampling_rate, amplitude, noise, motion, motion_period)
    spiking = drift_diffusion(seed=seed, **dict(decisions or {}))
    trials = spiking.trials
    assert spiking.spikes is not None
    assert trials is not None
    n_units = spiking.spikes.n_units
    whole = float(trials["stop"].iloc[-1]) + AFTER_LAST_TRIAL if duration is None else duration
    trials = trials[trials["stop"] <= whole].reset_index(drop=True)
    if len(trials) == 0:
        raise BadInput(f"no trial ends within {whole:g} s; make the recording longer")
    channels = probe_channels(probe)
    n_samples = int(whole * sampling_rate)
    # drift_diffusion uses the first three children of this seed.
    words = np.random.SeedSequence(seed).spawn(4)[3].generate_state(2)
    spikes = SpikeTrains.from_list(
        [
            on_samples(spiking.spikes.times[first:last], sampling_rate, n_samples)
            for first, last in zip(spiking.spikes.offsets[:-1], spiking.spikes.offsets[1:], strict=True)
        ]
    )
    moved = Moved.zigzag(whole, motion, motion_period)
    units = drawn_units(n_units, channels, amplitude, int(words[0]))
    samples = rendered(spikes, units, channels, sampling_rate, n_samples, noise, moved, int(words[1]))
    truth = {
        "spike_times": spikes.times,
        "spike_offsets": spikes.offsets,
        "unit_locations": units.locations,
        "peak_snr": units.peaks(channels, sampling_rate) / noise,
        "motion_times": moved.times,
        "motion": moved.along_y,
        **{name: spiking.truth[name] for name in ("baseline_rate", "decision_weight", "stimulus_weight")},
    }
    return Recording(
        units=pd.DataFrame({"unit": np.empty(0, np.int64)}),
        trials=trials,
        voltage=Voltage(samples, sampling_rate, channels.assign(gain=GAIN, offset=0.0)),
        truth=truth,
    )


def _check(sampling_rate: float, amplitude: tuple, noise: float, motion: float, period: float) -> None:
    if not sampling_rate >= 10000:
        raise BadInput(f"the sampling rate is {sampling_rate} Hz; action potentials need 10,000 or more")
    if len(amplitude) != 2 or not 0 < amplitude[0] <= amplitude[1]:
        raise BadInput(f"amplitude is {amplitude}; give the smallest and the largest, in uV, above 0")
    if not (noise > 0 and motion >= 0 and period > 0):
        raise BadInput(f"noise {noise} uV and motion_period {period} s must be above 0, motion {motion} um not below")
