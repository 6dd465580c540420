"""What readers of raw voltage share: probe files, trials beside voltage, and SpikeInterface's extractors.

A voltage session may list, beside the recording's own files, a probe (`*.json` of probeinterface, or a `.csv` with the
columns x and y, um, one row per channel) and `trials.csv`, a table with a column `start` (s) and others.
"""

import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import listed
from neuropipe.readers.folders import is_probe
from neuropipe.readers.trials_csv import TRIALS, read_table, trials_of
from neuropipe.recording import BinaryFile, Recording, Voltage
from neuropipe.recording.voltage import Samples

HALF_RANGE = 1 << 15  # converters that count from 0 are centred
NO_UNITS = {"unit": np.empty(0, np.int64)}


def own_files(files: Mapping[str, Path]) -> dict[str, Path]:
    """The recording's own files: all but the probe and the trials."""
    return {name: path for name, path in files.items() if name != TRIALS and not is_probe(name)}


def recording_of(voltage: Voltage, files: Mapping[str, Path]) -> Recording:
    """The recording of a voltage and of the trials that lie beside it."""
    return Recording(units=pd.DataFrame(NO_UNITS), trials=trials_of(files), voltage=voltage)


def probe_channels(files: Mapping[str, Path], n_channels: int) -> pd.DataFrame | None:
    """x, y (um) and shank of each channel by the probe file among the files; None where there is none.

    Raises BadInput where the probe has another number of contacts than the recording channels.
    """
    names = [name for name in files if is_probe(name)]
    if not names:
        return None
    if len(names) > 1:
        raise BadInput(f"several probe files are given ({listed(names)}); keep the one that was recorded from")
    name = names[0]
    table = _csv_probe(files[name], name) if name.endswith(".csv") else _json_probe(files[name], name)
    if len(table) != n_channels:
        raise BadInput(
            f"{name} describes {len(table)} contacts, and the recording has {n_channels} channels: give the probe that "
            "was recorded from, with its contacts in the order of the channels"
        )
    return table


def _csv_probe(path: Path, name: str) -> pd.DataFrame:
    table = read_table(path, name)
    missing = {"x", "y"} - set(table)
    if missing:
        raise BadInput(f"{name} has no column {listed(sorted(missing))}; a probe has x and y, um, one row per channel")
    known = [column for column in ("x", "y", "shank", "sample_shift") if column in table]
    places = table[known].copy()
    for column in ("x", "y"):
        places[column] = pd.to_numeric(places[column], errors="coerce").astype(float)
        if not np.isfinite(places[column]).all():
            row = int(np.flatnonzero(~np.isfinite(places[column]))[0])
            raise BadInput(f"{name}: {column} of row {row + 1} is {table[column].iloc[row]!r}; give every place in um")
    return places


def _json_probe(path: Path, name: str) -> pd.DataFrame:
    from probeinterface import read_probeinterface

    try:
        probes = read_probeinterface(path).probes
    except Exception as error:
        raise BadInput(f"{name} can't be read as a probe of probeinterface ({error}); write it again") from error
    table = pd.concat([probe.to_dataframe(complete=True) for probe in probes], ignore_index=True)
    if "device_channel_indices" in table and (table["device_channel_indices"] >= 0).all():
        table = table.sort_values("device_channel_indices", kind="stable", ignore_index=True)
    found = pd.DataFrame({"x": table["x"].astype(float), "y": table["y"].astype(float)})
    if "shank_ids" in table and table["shank_ids"].nunique() > 1:
        found["shank"] = table["shank_ids"].astype(str)
    return found


@dataclass(frozen=True)
class Extracted:
    """Samples that SpikeInterface's extractor reads block by block; holds on to the folder that it reads from."""

    source: Any = field(repr=False)
    folder: Any = field(repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        return self.source.get_num_samples(segment_index=0), self.source.get_num_channels()

    @property
    def dtype(self) -> np.dtype:
        found = np.dtype(self.source.get_dtype())
        return np.dtype(np.int16) if found == np.uint16 else found

    def __getitem__(self, samples: slice) -> np.ndarray:
        first, last, _ = samples.indices(self.shape[0])
        found = np.asarray(self.source.get_traces(segment_index=0, start_frame=first, end_frame=max(first, last)))
        if found.dtype == np.uint16:
            return (found.astype(np.int32) - HALF_RANGE).astype(np.int16)
        return found


def extracted(
    files: Mapping[str, Path],
    names: Mapping[str, str],
    open_folder: Callable[[Path], Any],
    format_name: str,
    address: Callable[[Any], BinaryFile] | None = None,
) -> Voltage:
    """Voltage as SpikeInterface's extractor reads it from a folder in which the files have their original places.

    names : file -> its path in that folder; open_folder : folder -> extractor; address : extractor -> its samples in a
    flat file, where they can be addressed without a copy
    """
    folder = tempfile.TemporaryDirectory(prefix="voltage-")
    root = Path(folder.name)
    for name, place in names.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).symlink_to(files[name].resolve())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            source = open_folder(root)
            last = source.get_num_samples(segment_index=0) - 1 if source.get_num_segments() == 1 else 0
            source.get_traces(segment_index=0, start_frame=last, end_frame=last + 1)
        except BadInput:
            raise
        except Exception as error:  # extractors raise whatever their parsers do
            words = " ".join(str(error).split())[:200] or type(error).__name__
            raise BadInput(f"{listed(sorted(names))} can't be read as {format_name}: {words}") from error
    if source.get_num_segments() > 1:
        raise BadInput(
            f"the {format_name} recording was interrupted: it has {source.get_num_segments()} segments; make each a "
            "session of its own"
        )
    samples: Samples = address(source) if address is not None else Extracted(source, folder)
    start = float(source.get_start_time(segment_index=0))
    return Voltage(samples, float(source.get_sampling_frequency()), _channels(source, files, format_name), start)


def _channels(source: Any, files: Mapping[str, Path], format_name: str) -> pd.DataFrame:
    n_channels = source.get_num_channels()
    table = probe_channels(files, n_channels)
    if table is None and source.has_probe():
        places = source.get_channel_locations()
        table = pd.DataFrame({"x": places[:, 0].astype(float), "y": places[:, 1].astype(float)})
        shifts = source.get_property("inter_sample_shift")
        if shifts is not None:
            table["sample_shift"] = np.asarray(shifts, float)
        shanks = source.get_property("group")
        if shanks is not None and len(set(shanks)) > 1:
            table["shank"] = np.asarray(shanks).astype(str)
    if table is None:
        raise BadInput(
            f"the {format_name} recording doesn't say where its {n_channels} channels lie: add a probe file, "
            "e.g. probe.csv with the columns x and y, um, one row per channel"
        )
    gains, offsets = source.get_channel_gains(), source.get_channel_offsets()
    table["gain"] = np.ones(n_channels) if gains is None else np.asarray(gains, float)
    table["offset"] = np.zeros(n_channels) if offsets is None else np.asarray(offsets, float)
    if np.dtype(source.get_dtype()) == np.uint16:
        table["offset"] += HALF_RANGE * table["gain"]
    return table
