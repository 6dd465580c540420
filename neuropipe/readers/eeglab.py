"""Reads EEGLAB data sets: a .set file (MATLAB), with the samples in it or in a .fdt file beside it (float32).

The fields are those of EEGLAB's `EEG` structure (https://eeglab.org/tutorials/ConceptsGuide/Data_Structures.html):
`srate` Hz, `nbchan`, `pnts`, `chanlocs` (labels and places), and `event` (type, and latency in samples counted from 1).
A `.fdt` holds the channels of a sample one after another. EEGLAB keeps potentials in uV.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import listed
from neuropipe.readers.channels import pick_channels
from neuropipe.readers.matlab import open_variables, variable_names
from neuropipe.recording import Recording, Signals
from neuropipe.recording.signals import check_sampling_rate
from neuropipe.registry import reader

FIELDS = ("nbchan", "pnts", "trials", "srate", "data", "chanlocs", "event")
PLACES = ("theta", "radius", "X", "Y", "Z")
BOUNDARY = "boundary"  # type of the events that EEGLAB puts where data was cut out


@reader("eeglab", tools=("scipy",))
def read(files: Mapping[str, Path], *, unit: str = "uV", exclude: tuple[str, ...] = ()) -> Recording:
    """Continuous EEG with a row of the trial table for each event, and the places of the electrodes.

    units : channel, theta (degrees from the nose, positive to the right), radius (0 the vertex, about .5 the ears), X,
    Y, Z where they are given; trials : onset (s), type, and every other field of events that is a number
    unit : of the values; exclude : names of channels that are left out
    """
    name, path = _header_file(files)
    header = _header(path, name)
    n_channels, n_samples = _whole(header["nbchan"], "nbchan", name), _whole(header["pnts"], "pnts", name)
    if (n_epochs := _whole(header["trials"], "trials", name)) != 1:
        raise BadInput(f"{name} is cut into {n_epochs} epochs; give the continuous data that they are of")
    rate = _number(header["srate"])
    rate = check_sampling_rate(rate if rate and np.isfinite(rate) else None, f"{name} (EEG.srate)")
    values = _samples(files, header["data"], n_channels, n_samples, name)
    channels = _channels(header["chanlocs"], n_channels, name)
    kept = pick_channels(values, list(channels["channel"]), exclude, name)
    events, cuts = _events(header["event"], n_samples, name)
    segments, starts = _segments(cuts, n_samples, rate)
    owner = np.searchsorted(segments[:, 0], events["latency"].to_numpy() - 1, side="right") - 1
    onset = starts[owner] + (events["latency"].to_numpy() - 1 - segments[owner, 0]) / rate
    trials = events.drop(columns="latency")
    trials.insert(0, "onset", onset)
    signals = Signals(np.ascontiguousarray(values[:, kept], np.float32), rate, unit, segments, starts)
    return Recording(units=channels.iloc[kept].reset_index(drop=True), trials=trials, signals=signals)


def _header_file(files: Mapping[str, Path]) -> tuple[str, Path]:
    sets = [name for name in files if not name.lower().endswith(".fdt")]
    if len(sets) != 1:
        raise BadInput(f"expected one .set file of EEGLAB, found {len(sets)}: {listed(sets)}")
    if not Path(files[sets[0]]).is_file():
        raise BadInput(f"the file {sets[0]} is not there: no such file as {files[sets[0]]}")
    return sets[0], Path(files[sets[0]])


def _header(path: Path, name: str) -> dict[str, Any]:
    """The fields of EEG, which newer versions of EEGLAB write as variables of the file."""
    known = variable_names(path, name)
    if "EEG" in known:
        found = open_variables(path, name, {"EEG"})["EEG"]
        fields = found.dtype.names or ()
        missing = [field for field in FIELDS if field not in fields]
        if not missing and found.size == 1:
            return {field: found.reshape(-1)[0][field] for field in FIELDS}
    else:
        missing = [field for field in FIELDS if field not in known]
        if not missing:
            return open_variables(path, name, set(FIELDS))
    raise BadInput(f"{name} is no whole EEGLAB data set: it lacks {listed(missing) if missing else 'a single EEG'}")


def _number(value: Any) -> float | None:
    array = np.asarray(value)
    while array.dtype == object and array.size == 1:
        array = np.asarray(array.item())
    return float(array.item()) if array.size == 1 and array.dtype.kind in "biuf" else None


def _whole(value: Any, field: str, name: str) -> int:
    found = _number(value)
    if found is None or found < 1 or found != int(found):
        raise BadInput(f"{name}: EEG.{field} is no whole number above 0; the file is damaged, save it again in EEGLAB")
    return int(found)


def _text(value: Any) -> str:
    array = np.asarray(value)
    while array.dtype == object and array.size == 1:
        array = np.asarray(array.item())
    if array.dtype.kind == "U":
        return str(array.item()).strip() if array.size == 1 else ""
    number = _number(array)
    return "" if number is None else f"{number:g}"


def _samples(files: Mapping[str, Path], data: Any, n_channels: int, n_samples: int, name: str) -> np.ndarray:
    """(time, channel) float32, from the .set file itself or from the .fdt that it names."""
    if np.asarray(data).dtype.kind in "iuf" and np.asarray(data).size > 1:
        if np.shape(data) != (n_channels, n_samples):
            raise BadInput(
                f"{name} holds data of shape {np.shape(data)}, but its header says {n_channels} channels of "
                f"{n_samples} samples; save it again in EEGLAB"
            )
        return np.asarray(data, np.float32).T
    wanted = Path(_text(data).replace("\\", "/")).name
    beside = [other for other in files if other.lower().endswith(".fdt")]
    if len(beside) != 1:
        raise BadInput(f"{name} keeps its samples in {wanted or 'a .fdt file'}; give that file beside it as well")
    path, needed = Path(files[beside[0]]), 4 * n_channels * n_samples
    size = path.stat().st_size if path.is_file() else 0
    if size != needed:
        raise BadInput(
            f"{beside[0]} holds {size:,} bytes; {n_channels} channels of {n_samples} samples, as {name} says, are "
            f"{needed:,}: the file is cut short or of another recording, fetch it again"
        )
    return np.fromfile(path, "<f4").reshape(n_samples, n_channels)


def _channels(chanlocs: Any, n_channels: int, name: str) -> pd.DataFrame:
    """A row per channel: its name, and its place where it is known."""
    rows = np.asarray(chanlocs).reshape(-1)
    fields = rows.dtype.names or ()
    if "labels" not in fields:
        return pd.DataFrame({"channel": [str(number + 1) for number in range(n_channels)]})
    if len(rows) != n_channels:
        raise BadInput(f"{name} names {len(rows)} channels, but its header says {n_channels}; save it again in EEGLAB")
    table: dict[str, Any] = {"channel": [_text(row["labels"]) or str(at + 1) for at, row in enumerate(rows)]}
    for place in PLACES:
        if place in fields:
            known = [_number(row[place]) for row in rows]
            table[place] = np.array([np.nan if value is None else value for value in known], float)
    return pd.DataFrame(table)


def _events(event: Any, n_samples: int, name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """A row per event in time order (type, latency in samples from 1, numbers), and the samples at which it was cut."""
    rows = np.asarray(event).reshape(-1)
    fields = rows.dtype.names or ()
    if not {"type", "latency"} <= set(fields):
        return pd.DataFrame({"type": np.array([], object), "latency": np.array([], float)}), np.empty(0, np.int64)
    latency = np.array([np.nan if (value := _number(row["latency"])) is None else value for row in rows], float)
    types = np.array([_text(row["type"]) for row in rows], object)
    inside = (latency >= 1) & (latency <= n_samples)
    of_cut = types == BOUNDARY
    if not (inside | of_cut).all():
        at = int(np.argmin(inside | of_cut))
        raise BadInput(
            f"{name}: event {at + 1} ({types[at]}) is at sample {latency[at]:g}, but the recording has {n_samples}; is "
            "it cut short, or are latencies in another unit?"
        )
    table = {"type": types, "latency": latency}
    for field in fields:
        values = [_number(row[field]) for row in rows]
        if field not in ("type", "latency", "urevent") and any(value is not None for value in values):
            table[field] = np.array([np.nan if value is None else value for value in values], float)
    order = np.argsort(latency, kind="stable")
    every = pd.DataFrame(table).iloc[order[~of_cut[order]]].reset_index(drop=True)
    cuts = np.unique(np.floor(latency[of_cut]).astype(np.int64))
    return every, cuts[(cuts > 0) & (cuts < n_samples)]


def _segments(cuts: np.ndarray, n_samples: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Stretches between cuts, and the time of the first sample of each; what was cut out takes no time."""
    edges = np.concatenate([[0], cuts, [n_samples]])
    segments = np.stack([edges[:-1], edges[1:]], axis=1).astype(np.int64)
    return segments, segments[:, 0] / rate
