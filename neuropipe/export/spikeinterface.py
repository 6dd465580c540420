"""Sorted units as a SpikeInterface sorting, and as its folder on disk (`spikeinterface.load` reads it)."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.export.content import SessionContent
from neuropipe.export.needs import need
from neuropipe.export.values import plain, safe_names
from neuropipe.registry import exporter
from neuropipe.schemas import Recording, SortedSpikes

SAMPLING_RATE = 30_000.0  # of spike times that come without one, Hz


@exporter(
    "spikeinterface",
    suffix="",
    assets=("recording", "sorted_spikes/*"),
    folder=True,
    marker="numpysorting_info.json",
)
def write(session: SessionContent, path: Path, *, sampling_rate: float | None = None) -> None:
    """A NumpySorting with the unit table as properties.

    sampling_rate : of the sorting, Hz; by default the voltage's, 30000 where spike times came without one
    """
    made = session.assets.get("recording")
    voltage = made.content.voltage if made is not None else None
    known = SAMPLING_RATE if voltage is None else voltage["sampling_rate"]
    sorting = to_spikeinterface(session.one(), known if sampling_rate is None else sampling_rate)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*provenance will not be saved")  # it was made in memory
        sorting.save(folder=path, format="numpy_folder")


def to_spikeinterface(spikes: Recording | SortedSpikes, sampling_rate: float = SAMPLING_RATE) -> Any:
    """Spike trains as a SpikeInterface NumpySorting.

    sampling_rate : Hz; spike times are rounded to samples of it, and sample 0 is at 0 s
    The columns of the unit table become properties. Raises BadInput without spike times, for times below 0, and for a
    rate that is not above 0.
    """
    core = need("spikeinterface.core", "sortings")
    if spikes.times is None or spikes.offsets is None:
        raise BadInput("the recording holds no spike times, of which a sorting is made")
    if not (np.isfinite(sampling_rate) and sampling_rate > 0):
        raise BadInput(f"the sampling rate is {sampling_rate}; it must be a number of Hz above 0")
    times, offsets = spikes.times[:], spikes.offsets[:]
    if len(times) and times.min() < 0:
        raise BadInput(f"a spike is at {times.min():g} s, and a sorting begins at 0 s; shift the times first")
    samples = np.round(times * sampling_rate).astype(np.int64)
    trains = {unit: samples[offsets[unit] : offsets[unit + 1]] for unit in range(len(offsets) - 1)}
    sorting = core.NumpySorting.from_unit_dict([trains], float(sampling_rate))
    for name, safe in zip(spikes.units, safe_names(spikes.units), strict=True):  # each becomes the name of a file
        sorting.set_property(safe, plain(pd.Series(spikes.units[name])))
    return sorting
