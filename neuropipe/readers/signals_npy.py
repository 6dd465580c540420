"""Reads continuous signals from .npy files: a channel per file, or all channels in one."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.archives import load_npy
from neuropipe.readers.channels import pick_channels
from neuropipe.recording import Recording, Signals
from neuropipe.recording.signals import check_sampling_rate
from neuropipe.registry import reader


@reader("signals_npy", tools=())
def read(
    files: Mapping[str, Path],
    *,
    sampling_rate: float | None = None,
    unit: str = "a.u.",
    axes: tuple[str, ...] = ("time", "channel"),
    names: tuple[str, ...] = (),
    start: float = 0.0,
    exclude: tuple[str, ...] = (),
) -> Recording:
    """Field potentials from .npy files, each one channel (time,) or several in one file of two axes.

    sampling_rate : Hz, which the files don't hold; unit : of the values (uV, mV, ...); axes : order of the axes of a
    file with two; names : of the channels, else the file's name, numbered where a file holds several; start : s, time
    of the first sample; exclude : names of channels that are left out
    """
    if not files:
        raise BadInput("a recording needs a file; give .npy files of equal length")
    rate = check_sampling_rate(sampling_rate, "the parameters, as the .npy files don't hold it")
    if sorted(axes) != ["channel", "time"]:
        raise BadInput(f"axes must be time and channel in their order in the file; found {', '.join(axes)}")
    parts = {name: _channels(path, name, axes) for name, path in files.items()}
    lengths = {name: len(values) for name, values in parts.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise BadInput(f"the channels of a recording have one length; found {said} samples")
    values = np.concatenate(list(parts.values()), axis=1)
    found = list(names) or [label for name, part in parts.items() for label in _labels(Path(name).stem, part.shape[1])]
    if len(found) != values.shape[1]:
        raise BadInput(f"names gives {len(found)} channels, the files hold {values.shape[1]}; give one for each")
    kept = pick_channels(values, found, exclude, ", ".join(files))
    return Recording(
        units=pd.DataFrame({"channel": [found[channel] for channel in kept]}),
        signals=Signals.whole(values[:, kept], rate, unit, start=start),
    )


def _channels(path: Path, name: str, axes: tuple[str, ...]) -> np.ndarray:
    """(time, channel) of one file."""
    if not Path(path).is_file():
        raise BadInput(f"the file {name} is not there: no such file as {path}")
    values = load_npy(path, name=name)
    if values.ndim == 1:
        values = values[:, None]
    elif values.ndim == 2 and axes[0] == "channel":
        values = values.T
    if values.ndim != 2 or values.dtype.kind not in "iuf" or 0 in values.shape:
        raise BadInput(f"{name} holds {values.dtype} {values.shape}; signals are numbers, (time,) or {axes}")
    return values


def _labels(stem: str, n_channels: int) -> list[str]:
    return [stem] if n_channels == 1 else [f"{stem}-{channel}" for channel in range(n_channels)]
