"""Recordings of responses that their authors estimated already: one value per stimulus and unit, or per sample."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import listed
from neuropipe.recording import Recording, Signals, TimeSeries

PER_STIMULUS = 1.0  # s of the nominal clock, which counts stimuli
ALL = "stimuli"  # the epoch that holds them all


def stimulus_responses(
    responses: np.ndarray,
    units: pd.DataFrame,
    trials: Mapping[str, np.ndarray],
    *,
    unit: str,
    where: str,
    behaviour: Mapping[str, np.ndarray] | None = None,
) -> Recording:
    """A recording with one sample per stimulus. responses : (stimulus, unit); trials, behaviour : (stimulus,) each

    No times are published with such data, so the clock counts stimuli: one second each, in the order of the file.
    unit : of the responses; where : what errors call the file
    """
    values = as_responses(responses, where)
    n_stimuli = len(values)
    starts = np.arange(n_stimuli) * PER_STIMULUS
    stops = starts + PER_STIMULUS
    series = {name: TimeSeries(starts, np.asarray(each, np.float64)) for name, each in (behaviour or {}).items()}
    return Recording(
        units=units,
        trials=pd.DataFrame({"start": starts, "stop": stops, "stimulus": starts, **trials}),
        epochs=pd.DataFrame({"name": [ALL], "start": [0.0], "stop": [float(n_stimuli)]}),
        signals=Signals.whole(values, 1 / PER_STIMULUS, unit),
        behaviour=series,
    )


def as_responses(values: Any, where: str) -> np.ndarray:
    """Checked responses, (stimulus or sample, unit) float32."""
    array = np.asarray(values)
    if array.ndim != 2 or array.dtype.kind not in "buif" or 0 in array.shape:
        raise BadInput(f"{where} is {array.dtype} {array.shape}; responses are numbers with two axes, not empty")
    single = array.astype(np.float32)
    if not np.isfinite(single).all():
        sample, unit = (int(at) for at in np.argwhere(~np.isfinite(single))[0])
        raise BadInput(f"{where} holds {array[sample, unit]} at [{sample}, {unit}]; leave that unit out")
    return single


def fields_of(found: Any, names: tuple[str, ...], where: str) -> dict[str, Any]:
    """The dictionary of a file, with all of `names` in it."""
    if not isinstance(found, dict):
        raise BadInput(f"{where} holds a {type(found).__name__}; expected a dictionary with {', '.join(names)}")
    missing = [name for name in names if name not in found]
    if missing:
        raise BadInput(f"{where} lacks {', '.join(missing)}; it has {listed(map(str, found))}")
    return found


def column(values: Any, n_rows: int, where: str) -> np.ndarray:
    """(row,) float64 numbers; an axis of length one beside the rows is dropped."""
    array = np.asarray(values)
    if array.dtype.kind not in "buif" or array.size != n_rows or max(array.shape, default=0) != n_rows:
        raise BadInput(f"{where} is {array.dtype} {array.shape}; expected {n_rows} numbers")
    return array.reshape(-1).astype(np.float64)


def positions(values: Any, n_units: int, where: str) -> pd.DataFrame:
    """x, y, z of every unit, um, from (unit, 3)."""
    array = np.asarray(values)
    if array.shape != (n_units, 3) or array.dtype.kind not in "iuf":
        raise BadInput(f"{where} is {array.dtype} {array.shape}; expected x, y and z of {n_units} neurons")
    return pd.DataFrame(array.astype(np.float64), columns=["x", "y", "z"])


def the_file(files: Mapping[str, Path], name: str) -> Path:
    """The path of a named file of the session."""
    if name not in files:
        raise BadInput(f"there is no file {name} among {listed(files)}; name it in the parameters")
    if not Path(files[name]).is_file():
        raise BadInput(f"the file {name} is not there: no such file as {files[name]}")
    return Path(files[name])
