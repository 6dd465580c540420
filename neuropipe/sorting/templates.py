"""Templates of sorted units, and the size and place of every spike: SpikeInterface's extensions, in memory."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.recording import SpikeTrains, Voltage
from neuropipe.sorting.preprocessing import Prepared, preprocessed
from neuropipe.sorting.spikeinterface_objects import as_sorting

MOST_IN_MEMORY = 1 << 30  # bytes


@dataclass(frozen=True)
class UnitTemplates:
    """templates : (unit, sample, channel) uV; channel_index : (channel,) rows of the table of channels; amplitudes :
    (spike,) uV and depths : (spike,) um, in the order of the spike trains; units : a row per unit; before : samples."""

    templates: np.ndarray
    channel_index: np.ndarray
    amplitudes: np.ndarray
    depths: np.ndarray
    units: pd.DataFrame
    before: int


def templates_of(
    voltage: Voltage,
    prepared: Prepared,
    spikes: SpikeTrains,
    *,
    ms_before: float = 1.0,
    ms_after: float = 2.0,
    most_spikes: int = 500,
    radius: float = 100.0,
    seed: int = 0,
) -> UnitTemplates:
    """Mean waveforms of up to `most_spikes` spikes per unit, and of every spike its size and depth.

    ms_before, ms_after : around the trough; radius : um around a unit's largest channel, within which it is seen
    Places are by monopolar triangulation of templates (Boussard et al. 2021, NeurIPS), depths of spikes by the centre
    of mass of their amplitudes.
    """
    from spikeinterface.core import create_sorting_analyzer

    recording = _in_memory(preprocessed(voltage, prepared))
    sorting = as_sorting(spikes.times, spikes.offsets, voltage.sampling_rate, voltage.start)
    options: dict[str, Any] = {"n_jobs": 1, "progress_bar": False, "verbose": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analyzer = create_sorting_analyzer(
            sorting,
            recording,
            format="memory",
            sparse=False,
        )
        analyzer.compute("random_spikes", max_spikes_per_unit=most_spikes, seed=seed, verbose=False)
        analyzer.compute("noise_levels", random_slices_kwargs={"seed": seed}, **options)
        analyzer.compute("templates", ms_before=ms_before, ms_after=ms_after, **options)
        # Both of every spike, in one pass over the voltage.
        of_spikes = {"spike_amplitudes": {}, "spike_locations": {"method": "center_of_mass"}}
        analyzer.compute(of_spikes, **options)
        analyzer.compute("unit_locations", method="monopolar_triangulation", verbose=False)
        analyzer.compute("template_metrics", verbose=False)
    return _gathered(analyzer, prepared, voltage, radius)


def _in_memory(recording: Any) -> Any:
    """A recording that is filtered once, where it fits; else as it is read."""
    n_bytes = 4 * recording.get_num_samples(segment_index=0) * recording.get_num_channels()
    if n_bytes > MOST_IN_MEMORY:
        return recording
    return recording.save(format="memory", n_jobs=1, progress_bar=False, verbose=False)


def _gathered(analyzer: Any, prepared: Prepared, voltage: Voltage, radius: float) -> UnitTemplates:
    templates = np.array(analyzer.get_extension("templates").get_templates(operator="average"), np.float32)
    channel_index = np.flatnonzero(prepared.bad == "")
    largest = np.abs(templates).max(axis=1).argmax(axis=1)
    contacts = voltage.channels[["x", "y"]].to_numpy(np.float64)[channel_index]
    apart = np.linalg.norm(contacts[largest][:, None] - contacts[None], axis=2)
    templates *= (apart <= radius)[:, None, :]
    peak = np.abs(templates).max(axis=(1, 2))
    noise = analyzer.get_extension("noise_levels").get_data()
    places = np.asarray(analyzer.get_extension("unit_locations").get_data(), np.float64)
    shapes = analyzer.get_extension("template_metrics").get_data()
    # SpikeInterface orders all spikes in time; here they go unit by unit.
    order = np.argsort(analyzer.sorting.to_spike_vector()["unit_index"], kind="stable")
    units = pd.DataFrame(
        {
            "x": places[:, 0],
            "y": places[:, 1],
            "z": places[:, 2],
            "channel": channel_index[largest],
            "snr": peak / np.maximum(noise[largest], 1e-9),
            "amplitude": peak.astype(np.float64),
        }
    )
    for name in shapes.columns:
        units[name] = pd.to_numeric(shapes[name], errors="coerce").to_numpy(np.float64)
    return UnitTemplates(
        templates=templates,
        channel_index=channel_index.astype(np.int64),
        amplitudes=np.asarray(analyzer.get_extension("spike_amplitudes").get_data(), np.float32)[order],
        depths=np.asarray(analyzer.get_extension("spike_locations").get_data()["y"], np.float32)[order],
        units=units,
        before=int(analyzer.get_extension("templates").nbefore),
    )
