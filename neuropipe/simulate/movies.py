"""Simulates two-photon movies of units whose spikes are known, during two-choice decisions."""

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.calcium.footprints import Footprints
from neuropipe.errors import BadInput
from neuropipe.recording import Movie, Recording
from neuropipe.registry import simulator
from neuropipe.simulate.decisions import drift_diffusion
from neuropipe.simulate.kinetics import indicator
from neuropipe.simulate.motion import rigid_shifts
from neuropipe.simulate.neuropil import glow
from neuropipe.simulate.somata import draw, overlaps, place
from neuropipe.simulate.two_photon import RenderedFrames, Scene, peak_snr_of_one_photon

AFTER_LAST_TRIAL = 0.5  # s
SPREAD = 0.15  # SD over cells of the logarithms of brightness and of dF/F per spike


@simulator("calcium_movie", truth=True, tools=("scipy",))
def calcium_movie(
    *,
    seed: int = 0,
    decisions: Mapping[str, Any] | None = None,
    height: int = 176,
    width: int = 176,
    frame_rate: float = 25.0,
    radius: float = 5.5,
    overlapping: float = 0.2,
    neuropil: float = 0.7,
    neuropil_fluctuation: float = 0.1,
    max_shift: float = 5.0,
    peak_snr: float = 3.0,
    dff_per_spike: float = 0.2,
    rise_time: float = 0.05,
    decay_time: float = 0.5,
    bleaching_time: float = 2000.0,
) -> Recording:
    """A movie of calcium indicator in the units of `drift_diffusion(seed=seed, **decisions)`, one cell per unit.

    The light of a pixel p of the field at rest is, with F0 a cell's resting light and w its footprint,

        sum over cells of F0 w(p) (1 + dF/F) + (1 - (1 - neuropil) occupied(p)) N(p, t)

    dF/F is the cell's `dff_per_spike` for each spike with the time course of GCaMP6f, linear in spikes (see
    `indicator`; Chen et al. 2013, Nature 499:295). N is the neuropil, with a mean of 1, the F0 of a typical cell:
    smooth over tens of pixels and correlated over a second. Between cells all of it is seen; within a cell body, where
    occupied(p) = 1, the fraction `neuropil` of it, as the body displaces the rest. So a cell's mean trace is its own
    light plus `neuropil` times that of a ring around it, and F - neuropil x Fneu is the right correction. The whole
    field moves (`rigid_shifts`), bleaches by exp(-t / bleaching_time), and has photon noise (`RenderedFrames`).

    decisions : parameters of drift_diffusion; imaging resolves units of about 1 Hz
    height, width : px; frame_rate : Hz; radius : px, of cell bodies
    overlapping : fraction of cells that share pixels with another one
    neuropil_fluctuation : SD in time, relative to its mean; max_shift : px, the largest along either axis
    peak_snr : median over cells of the peak of one spike in a cell's mean trace over the SD of its photon noise from
        frame to frame, at rest and before bleaching (see `peak_snr_of_one_photon`)
    dff_per_spike : median over cells, peak dF/F; rise_time, decay_time, bleaching_time : s

    Frames are rendered as they are read: the movie is never in memory.

    trials : those of drift_diffusion
    truth : spike_times (spike,) s and spike_offsets (cell + 1,); footprint_pixels (entry,), y * width + x in the field
        at rest, footprint_weights (entry,) relative to a cell's brightest pixel, footprint_offsets (cell + 1,);
        centres (cell, 2) y and x, px; shifts (time, 2) y and x, px: what lies at p at rest is seen at p + shift;
        overlap (cell,) fraction of a cell's pixels that are another's as well; dff_per_spike and peak_snr (cell,); and
        the truth of drift_diffusion
    """
    decisions = dict(decisions or {})
    _check_decisions(decisions)
    _check_numbers(
        frame_rate=frame_rate,
        radius=radius,
        peak_snr=peak_snr,
        dff_per_spike=dff_per_spike,
        rise_time=rise_time,
        decay_time=decay_time,
        bleaching_time=bleaching_time,
    )
    if not (0 <= neuropil <= 1 and 0 <= overlapping <= 1 and max_shift >= 0 and 0 <= neuropil_fluctuation <= 0.2):
        raise BadInput(
            f"neuropil {neuropil} and overlapping {overlapping} must lie in [0, 1], neuropil_fluctuation "
            f"{neuropil_fluctuation} in [0, 0.2], and max_shift {max_shift} px must not be below 0"
        )
    spiking = drift_diffusion(seed=seed, **decisions)
    spikes, trials = spiking.spikes, spiking.trials
    assert spikes is not None
    assert trials is not None
    n_cells = spikes.n_units
    # drift_diffusion uses the first three children of this seed.
    children = np.random.SeedSequence(seed).spawn(9)[3:]
    place_rng, draw_rng, cell_rng, neuropil_rng, motion_rng = (np.random.default_rng(child) for child in children[:5])
    noise_seed = tuple(int(word) for word in children[5].generate_state(4))

    n_frames = int(np.ceil((trials["stop"].iloc[-1] + AFTER_LAST_TRIAL) * frame_rate))
    frame_times = np.arange(n_frames) / frame_rate
    field, margin = (height, width), int(np.ceil(max_shift)) + 1
    centres = place(n_cells, field, radius, max_shift + radius + 1, overlapping, place_rng)
    footprints, occupied = draw(centres, field, radius, draw_rng)
    brightness, per_spike = np.exp(SPREAD * cell_rng.standard_normal((2, n_cells))) * [[1.0], [dff_per_spike]]
    dff = per_spike * indicator(spikes, frame_times, rise_time, decay_time)
    padded = footprints.padded(margin)
    scene = Scene(
        padded,
        (brightness * (1 + dff)).astype(np.float32),
        glow(frame_times, padded.shape, neuropil_fluctuation, neuropil_rng),
        (1 - (1 - neuropil) * np.pad(occupied, margin)).astype(np.float32),
    )
    snr = peak_snr_of_one_photon(padded, scene.at_rest(brightness), brightness, per_spike)
    photons = (peak_snr / np.median(snr)) ** 2
    shifts = rigid_shifts(frame_times, max_shift, motion_rng)
    frames = RenderedFrames(
        scene, shifts, photons * np.exp(-frame_times / bleaching_time), (n_frames, height, width), noise_seed
    )
    truth = {
        "spike_times": spikes.times,
        "spike_offsets": spikes.offsets,
        **_footprint_truth(footprints),
        "centres": centres,
        "shifts": shifts,
        "overlap": overlaps(footprints),
        "dff_per_spike": per_spike,
        "peak_snr": snr * np.sqrt(photons),
    }
    return Recording(
        units=pd.DataFrame(),
        trials=trials,
        movie=Movie(frames, frame_times),
        truth={**spiking.truth, **truth},
    )


def _footprint_truth(footprints: Footprints) -> dict[str, np.ndarray]:
    return {
        "footprint_pixels": footprints.pixels,
        "footprint_weights": footprints.weights,
        "footprint_offsets": footprints.offsets,
    }


def _check_decisions(decisions: Mapping[str, Any]) -> None:
    known = [name for name in inspect.signature(drift_diffusion).parameters if name != "seed"]
    for name in decisions:
        if name not in known:
            raise BadInput(f"drift_diffusion has no parameter {name!r} to give as decisions; it has {', '.join(known)}")


def _check_numbers(**numbers: float) -> None:
    for name, value in numbers.items():
        if not (np.isfinite(value) and value > 0):
            raise BadInput(f"{name} must be a number above 0, found {value}")
