"""Voltage of known units, rendered as it is read by SpikeInterface's generators."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.recording import SpikeTrains, Voltage
from neuropipe.sorting.spikeinterface_objects import as_probe, as_sorting

GAIN = 0.195  # uV per step, as of Intan's amplifiers
MS_BEFORE, MS_AFTER = 1.5, 3.0
NEAREST, FARTHEST = 5.0, 30.0  # um, of units from the plane of the probe
LEAST_DISTANCE = 15.0  # um, between units
STEP = 1.0  # um, to which motion is rendered
MOTION_RATE = 5.0  # Hz
REFRACTORY = 0.002  # s
SHAPES = {  # ranges of SpikeInterface's templates, by their names there
    "depolarization_ms": (0.09, 0.14),
    "repolarization_ms": (0.5, 0.8),
    "recovery_ms": (1.0, 1.5),
    "positive_amplitude": (0.05, 0.15),
    "smooth_ms": (0.03, 0.07),
    "spatial_decay": (20.0, 40.0),
    "propagation_speed": (250.0, 350.0),
    "ellipse_shrink": (0.4, 1.0),
    "ellipse_angle": (0.0, 2 * np.pi),
}


@dataclass(frozen=True)
class Units:
    """locations : (unit, 3) um; shapes : SpikeInterface's name -> (unit,); seed : of what it draws itself."""

    locations: np.ndarray
    shapes: dict[str, np.ndarray]
    seed: int

    def templates(self, channels: pd.DataFrame, sampling_rate: float, shift: float = 0.0) -> np.ndarray:
        """(unit, sample, channel) uV, of units that moved by `shift` um along y."""
        from spikeinterface.core.generate import generate_templates

        return generate_templates(
            channels[["x", "y"]].to_numpy(float),
            self.locations + np.array([0.0, shift, 0.0]),
            sampling_rate,
            MS_BEFORE,
            MS_AFTER,
            seed=self.seed,
            unit_params=self.shapes,
        )

    def peaks(self, channels: pd.DataFrame, sampling_rate: float) -> np.ndarray:
        """(unit,) uV, the largest deflection of each on any channel."""
        return np.abs(self.templates(channels, sampling_rate)).max(axis=(1, 2))

    def scaled(self, peaks: np.ndarray, channels: pd.DataFrame, sampling_rate: float) -> "Units":
        """The same units, larger or smaller, whose largest deflections on any channel are `peaks`, (unit,) uV."""
        factors = (peaks / self.peaks(channels, sampling_rate)).astype(np.float32)
        return replace(self, shapes={**self.shapes, "alpha": self.shapes["alpha"] * factors})


@dataclass(frozen=True)
class Moved:
    """How all units move along the probe. times : (time,) s; along_y : (time,) um."""

    times: np.ndarray
    along_y: np.ndarray

    @classmethod
    def zigzag(cls, duration: float, size: float, period: float) -> "Moved":
        """Up and down between -size / 2 and size / 2 once in `period` s."""
        times = np.arange(int(np.ceil(duration * MOTION_RATE)) + 1) / MOTION_RATE
        phase = (times / period + 0.25) % 1
        return cls(times, size * (0.5 - np.abs(2 * phase - 1)))


def drawn_units(n_units: int, channels: pd.DataFrame, amplitude: tuple, seed: int) -> Units:
    """Units beside a probe, at least LEAST_DISTANCE from each other where there is room. amplitude : uV, range."""
    import warnings

    from spikeinterface.core.generate import generate_unit_locations

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no room for so many units at that distance
        locations = generate_unit_locations(
            n_units,
            channels[["x", "y"]].to_numpy(float),
            margin_um=5.0,
            minimum_z=NEAREST,
            maximum_z=FARTHEST,
            minimum_distance=LEAST_DISTANCE,
            max_iteration=1000,
            seed=seed,
        )
    rng = np.random.default_rng([seed, 1])
    ranges = {"alpha": amplitude, **SHAPES}
    shapes = {name: rng.uniform(limits[0], limits[1], n_units).astype(np.float32) for name, limits in ranges.items()}
    return Units(locations.astype(np.float64), shapes, seed)


@dataclass(frozen=True)
class Rendered:
    """(time, channel) int16 steps of GAIN uV; every block is rendered when it is read, always to the same bytes."""

    source: Any = field(repr=False)
    shape: tuple[int, int]

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.int16)

    def __getitem__(self, samples: slice) -> np.ndarray:
        first, last, _ = samples.indices(self.shape[0])
        microvolts = self.source.get_traces(start_frame=first, end_frame=max(first, last))
        limits = np.iinfo(np.int16)
        return np.clip(np.round(microvolts / GAIN), limits.min, limits.max).astype(np.int16)


def rendered(
    spikes: SpikeTrains,
    units: Units,
    channels: pd.DataFrame,
    sampling_rate: float,
    n_samples: int,
    noise: float,
    moved: Moved,
    seed: int,
) -> Rendered:
    """The voltage of units that move all alike, in white noise of SD `noise` uV."""
    from spikeinterface.core.generate import InjectTemplatesRecording
    from spikeinterface.generation.drift_tools import DriftingTemplates, InjectDriftingTemplatesRecording
    from spikeinterface.generation.noise_tools import NoiseGeneratorRecording

    sorting = as_sorting(spikes.times, spikes.offsets, sampling_rate)
    silence = NoiseGeneratorRecording(
        len(channels), sampling_rate, [n_samples / sampling_rate], noise, seed=seed, strategy="on_the_fly"
    )
    n_before = int(MS_BEFORE * sampling_rate / 1000)
    if not np.any(moved.along_y):
        source = InjectTemplatesRecording(
            sorting, units.templates(channels, sampling_rate), n_before, parent_recording=silence, num_samples=n_samples
        )
        return Rendered(source, (n_samples, len(channels)))
    farthest = float(np.ceil(np.abs(moved.along_y).max()))
    steps = np.arange(-farthest, farthest + STEP, STEP)
    templates = DriftingTemplates.from_precomputed_templates(
        np.array([units.templates(channels, sampling_rate, step) for step in steps]),
        np.column_stack([np.zeros(len(steps)), steps]),
        sampling_rate,
        n_before,
        as_probe(channels),
    )
    source = InjectDriftingTemplatesRecording(
        sorting,
        templates,
        [np.stack([np.zeros_like(moved.along_y), moved.along_y], axis=1)[:, :, None]],
        MOTION_RATE,
        displacement_unit_factor=np.ones((spikes.n_units, 1)),
        parent_recording=silence,
        num_samples=[n_samples],
    )
    return Rendered(source, (n_samples, len(channels)))


def injected(voltage: Voltage, spikes: SpikeTrains, units: Units) -> Voltage:
    """Voltage with the action potentials of units added to it, in the steps of its own gain: a hybrid recording."""
    from spikeinterface.core.generate import InjectTemplatesRecording

    templates = units.templates(voltage.channels, voltage.sampling_rate) / voltage.channels["gain"].to_numpy(float)
    n_before = int(MS_BEFORE * voltage.sampling_rate / 1000)
    n_samples, dtype = voltage.samples.shape[0], np.dtype(voltage.samples.dtype)
    source = InjectTemplatesRecording(
        as_sorting(spikes.times, spikes.offsets, voltage.sampling_rate),
        templates.astype(np.float32),
        n_before,
        num_samples=n_samples,
    )
    added = source.get_traces(start_frame=0, end_frame=n_samples)
    whole = np.asarray(voltage.samples[slice(0, n_samples)], np.float32) + added
    if dtype.kind == "i":
        limits = np.iinfo(dtype)
        whole = np.clip(np.round(whole), limits.min, limits.max)
    return replace(voltage, samples=whole.astype(dtype))


def on_samples(times: np.ndarray, sampling_rate: float, n_samples: int) -> np.ndarray:
    """Spike times (s) on the grid of samples, those left out that can't be: too close to another, or at the ends."""
    margin = int(MS_AFTER / 1000 * sampling_rate)
    at = np.round(times * sampling_rate).astype(np.int64)
    at = at[(at >= margin) & (at < n_samples - margin)]
    kept, last = [], -(10**9)
    for sample in at:
        if sample - last >= REFRACTORY * sampling_rate:
            kept.append(sample)
            last = sample
    return np.array(kept, np.int64) / sampling_rate


def regular_trains(n_units: int, rate: float, n_samples: int, sampling_rate: float, seed: int) -> SpikeTrains:
    """Poisson spike trains with a refractory period, on the grid of samples. rate : Hz, of every unit"""
    rng = np.random.default_rng([seed, 2])
    duration = n_samples / sampling_rate
    drawn = [np.sort(rng.uniform(0, duration, rng.poisson(rate * duration))) for _ in range(n_units)]
    return SpikeTrains.from_list([on_samples(train, sampling_rate, n_samples) for train in drawn])
