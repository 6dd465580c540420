"""Reads the tetrode recording of a locust's antennal lobe that Pouzat's spike sorting tutorials work on.

One gzip file per channel, of little-endian float64, scaled to SD 1 by those who published it.
"""

import gzip
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import listed
from neuropipe.recording import Recording, SpikeTrains, Voltage
from neuropipe.registry import reader

SAMPLING_RATE = 15000.0
N_CHANNELS, SPACING = 4, 50.0  # um between the sites of this probe's tetrodes, a diamond in the original
UNIT = 100.0  # uV that one SD stands for: the gain was not published, and sorters want plausible numbers
MOST_BYTES = 1 << 30
SIZES_OF_INJECTED = (8.0, 16.0)  # SDs, peaks of injected units on the contact that sees them best


@reader("locust_tetrode", tools=("spikeinterface", "probeinterface", "scipy"))
def read(files: Mapping[str, Path], *, hybrid: Mapping[str, Any] | None = None) -> Recording:
    """Four channels of raw voltage, 20 s at 15 kHz; with `hybrid`, known units are put into it.

    hybrid : n_units, rate (Hz) and seed of simulated units that are added to the real voltage (a hybrid recording), so
    that sorters can be scored on it; truth : their spike_times (s), spike_offsets and unit_locations (um)
    """
    if len(files) != N_CHANNELS:
        raise BadInput(
            f"a tetrode has {N_CHANNELS} files, one per channel, found {len(files)}: {listed(sorted(files))}"
        )
    columns = [_channel(files[name], name) for name in sorted(files)]
    lengths = {name: len(values) for name, values in zip(sorted(files), columns, strict=True)}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise BadInput(f"the channels differ in length ({said} samples): one of the files was cut short")
    channels = pd.DataFrame(
        {
            "x": [0.0, SPACING, 0.0, SPACING],
            "y": [0.0, 0.0, SPACING, SPACING],
            "gain": UNIT,
            "offset": 0.0,
        }
    )
    voltage = Voltage(np.column_stack(columns).astype(np.float32), SAMPLING_RATE, channels)
    no_units = pd.DataFrame({"unit": np.empty(0, np.int64)})
    if hybrid is None:
        return Recording(units=no_units, voltage=voltage)
    voltage, truth = _injected(voltage, **hybrid)
    return Recording(units=no_units, voltage=voltage, truth=truth)


def _channel(path: Path, name: str) -> np.ndarray:
    try:
        with gzip.open(path) as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{name} can't be read as gzip ({error}): download it again") from error
    if len(content) > MOST_BYTES or len(content) % 8 or not content:
        raise BadInput(f"{name} holds {len(content):,} bytes of samples; expected whole float64 of a short recording")
    values = np.frombuffer(content, "<f8")
    if not np.isfinite(values).all():
        raise BadInput(f"{name} holds samples that are not finite: download it again")
    return values


def _injected(
    voltage: Voltage, *, n_units: int = 4, rate: float = 8.0, seed: int = 0
) -> tuple[Voltage, dict[str, np.ndarray]]:
    """The voltage with simulated units added, and what is known of them."""
    from neuropipe.simulate.rendered_voltage import drawn_units, injected, regular_trains

    sizes = (SIZES_OF_INJECTED[0] * UNIT, SIZES_OF_INJECTED[1] * UNIT)
    units = drawn_units(n_units, voltage.channels, sizes, seed)
    peaks = np.random.default_rng([seed, 3]).uniform(*sizes, n_units)
    units = units.scaled(peaks, voltage.channels, voltage.sampling_rate)
    spikes: SpikeTrains = regular_trains(n_units, rate, voltage.samples.shape[0], voltage.sampling_rate, seed)
    truth = {
        "spike_times": spikes.times,
        "spike_offsets": spikes.offsets,
        "unit_locations": units.locations,
    }
    return injected(voltage, spikes, units), truth
