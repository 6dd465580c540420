"""Reads the spikefinder challenge: calcium and spikes of neurons at 100 Hz (Theis et al. 2016, Berens et al. 2018).

One zip archive holds `<dataset>.train.calcium.csv` and `<dataset>.train.spikes.csv` of ten data sets: a row per sample,
a column per neuron, the first row their numbers. Shorter neurons end in empty fields or NaN. The archive of test data
has calcium alone.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.archives import member_names, read_member
from neuropipe.readers.arrays import only_file
from neuropipe.readers.frames import as_dff
from neuropipe.recording import Fluorescence, Recording, SpikeTrains
from neuropipe.registry import reader

SAMPLING_RATE = 100.0  # Hz, to which the organisers resampled all recordings
PARTS = ("train", "test")


@reader("spikefinder")
def read(
    files: Mapping[str, Path], *, dataset: int | None = None, part: str = "train", truth: bool = False
) -> Recording:
    """The neurons of one data set of the challenge, each an ROI, with their true spikes where these are published.

    dataset : its number, from 1; part : `train` or `test`; truth : whether the archive holds spikes of it
    units : neuron, seconds (recorded) and, with truth, true_spikes. Traces are in the arbitrary units of the challenge:
    linear trends were removed by its organisers. Spikes are counts per sample, so each lies at the time of its sample;
    those in samples without calcium are left out.
    """
    path, file = only_file(files, "a zip archive of the challenge"), next(iter(files))
    if type(dataset) is not int or dataset < 1 or part not in PARTS:
        raise BadInput(f"{file}: give `dataset: ` (1, 2, ...) and `part: ` train or test, found {dataset!r}, {part!r}")
    calcium = _table(path, file, f"{dataset}.{part}.calcium.csv")
    recorded = np.isfinite(calcium.to_numpy())
    if not recorded.any(axis=0).all():
        raise BadInput(f"{file}: {dataset}.{part}.calcium.csv has a neuron without any value; fetch it again")
    units = pd.DataFrame({"neuron": calcium.columns, "seconds": recorded.sum(axis=0) / SAMPLING_RATE})
    times = np.arange(len(calcium)) / SAMPLING_RATE
    traces = Fluorescence(as_dff(calcium.to_numpy(), file), times)
    if not truth:
        return Recording(units=units, fluorescence=traces)
    spikes = _counts(
        _table(path, file, f"{dataset}.{part}.spikes.csv"), calcium, recorded, f"{file}: data set {dataset}"
    )
    trains = SpikeTrains.from_list([np.repeat(times, counts) for counts in spikes.T])
    return Recording(
        units=units.assign(true_spikes=spikes.sum(axis=0)),
        fluorescence=traces,
        truth={"spike_times": trains.times, "spike_offsets": trains.offsets},
    )


def _counts(spikes: pd.DataFrame, calcium: pd.DataFrame, recorded: np.ndarray, where: str) -> np.ndarray:
    """(time, neuron) int64: spikes in the samples with calcium. The two tables may end at different samples."""
    if list(spikes.columns) != list(calcium.columns):
        raise BadInput(
            f"{where} has calcium of the neurons {', '.join(calcium.columns)} and spikes of {', '.join(spikes.columns)}"
        )
    values = spikes.reindex(calcium.index).to_numpy()
    values = np.where(recorded & np.isfinite(values), values, 0.0)
    if np.any(values < 0) or np.any(values != np.round(values)):
        raise BadInput(f"{where}: spikes must be whole numbers, 0 or more, of spikes per sample")
    return values.astype(np.int64)


def _table(path: Path, file: str, name: str) -> pd.DataFrame:
    """(time, neuron) float64 of a member, which may lie in a folder of the archive."""
    found = [member for member in member_names(path) if member.rpartition("/")[2] == name and "__MACOSX" not in member]
    if len(found) != 1:
        numbers = sorted({member.rpartition("/")[2].partition(".")[0] for member in member_names(path)} - {""})
        raise BadInput(
            f"{file} has {len(found) or 'no'} {name}; it has files that begin with {', '.join(numbers[:15])}"
        )
    try:
        lines = read_member(path, found[0]).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise BadInput(f"{file}: {name} is no text ({error}); fetch it again") from error
    names = [field.strip().strip('"') for field in lines[0].split(",")] if lines else []
    if len(lines) < 3 or "" in names or len(set(names)) < len(names):
        raise BadInput(
            f"{file}: {name} must name each neuron once and hold two samples or more; it has {len(lines)} lines"
        )
    values = np.empty((len(lines) - 1, len(names)))
    for row, line in enumerate(lines[1:]):
        try:
            values[row] = [float(field) if field.strip() else np.nan for field in line.split(",")]
        except ValueError:
            raise BadInput(
                f"{file}: {name}, line {row + 2}: expected {len(names)} numbers between commas, found {line[:60]!r}"
            ) from None
    return pd.DataFrame(values, columns=names)
