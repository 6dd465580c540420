"""spectra: power of every channel of field potentials, coherence between channels, and the peaks of rhythms."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from assets.stages.sessions import is_field_potential
from neuropipe.fields.band_power import read_bands
from neuropipe.fields.extraction import channel_names
from neuropipe.fields.spectra import CrossSpectra, cross_spectra, peak_in_band, power_in_band
from neuropipe.plots import fields as plots
from neuropipe.schemas import Recording, Spectra
from resources.store.stage import StageConfig, stage


class SpectraConfig(StageConfig):
    """method : welch or multitaper; seconds : of a window; bandwidth : Hz, half the smoothing of multitaper.

    bands : (name, low, high) Hz of the rhythms whose peaks are sought; most_channels : coherence is computed for all
    pairs of channels up to this number of channels
    """

    method: str = "welch"
    seconds: float = 2.0
    bandwidth: float = 2.0
    bands: tuple[tuple[str, float, float], ...] = (
        ("delta", 1.0, 4.0),
        ("theta", 4.0, 8.0),
        ("alpha", 8.0, 13.0),
        ("beta", 13.0, 30.0),
        ("gamma", 30.0, 45.0),
    )
    most_channels: int = 64


def _plots(made: Spectra, **_: Any) -> dict[str, Any]:
    drawn = {"spectra": plots.power_spectra(made)}
    if len(made.pairs):
        drawn["coherence"] = plots.coherence(made)
    return drawn


@stage(
    group="signals",
    kinds=("zarr", "scipy"),
    applies_to=is_field_potential,
    tools=("scipy",),
    plots=_plots,
)
def spectra(config: SpectraConfig, recording: Recording) -> Spectra:
    """Power spectrum of every channel, coherence of all pairs of channels, and the peak of each rhythm."""
    names = channel_names(recording.units)
    rate = float(recording.sampling_rate or 0)
    few = len(names) <= config.most_channels
    pairs = np.array(list(itertools.combinations(range(len(names)), 2)) if few else [], np.int64).reshape(-1, 2)
    found = cross_spectra(
        recording.signals[:],
        recording.segments[:],
        rate,
        seconds=config.seconds,
        method=config.method,
        bandwidth=config.bandwidth,
        pairs=pairs,
    )
    bands = {name: band for name, band in read_bands(config.bands).items() if band[0] < rate / 2}
    peaks = pd.concat([_peaks(found, names, name, *band) for name, band in bands.items()], ignore_index=True)
    return Spectra(
        frequencies=found.frequencies,
        power=found.power,
        coherence=found.coherence,
        channels=pd.DataFrame({"channel": names}),
        pairs=pd.DataFrame({"first": [names[a] for a, _ in pairs], "second": [names[b] for _, b in pairs]}, dtype=str),
        peaks=peaks,
        quantity=recording.quantity or "a.u.",
        method=config.method,
        windows=found.windows,
        chance=found.chance,
        facts=_facts(found, peaks, bands),
    )


def _peaks(found: CrossSpectra, names: list[str], band: str, low: float, high: float) -> pd.DataFrame:
    columns = found.power.T
    return pd.DataFrame(
        {
            "band": band,
            "low": low,
            "high": high,
            "channel": names,
            "frequency": [peak_in_band(found.frequencies, power, low, high) for power in columns],
            "power": [power_in_band(found.frequencies, power, low, high) for power in columns],
        }
    )


def _facts(found: CrossSpectra, peaks: pd.DataFrame, bands: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """The median peak of each rhythm over channels and, where there are pairs, the largest coherence in its band."""
    facts: dict[str, Any] = {"windows": found.windows, "coherence_of_independent_signals": round(found.chance, 3)}
    median = peaks.groupby("band", sort=False)["frequency"].median()
    facts["peaks"] = {band: round(float(at), 2) for band, at in median.items() if np.isfinite(at)}
    if found.coherence.shape[1]:
        largest = found.coherence.mean(axis=1)
        inside = {name: (found.frequencies >= low) & (found.frequencies < high) for name, (low, high) in bands.items()}
        facts["coherence"] = {name: round(float(largest[at].max()), 3) for name, at in inside.items() if at.any()}
    return facts


STAGES = [spectra]
