"""Reads properties of units, trials and behaviour from the arrays of a user's .npz file, by their names."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import as_event_times, as_labels, check_time_order, listed
from neuropipe.recording import TimeSeries

BEHAVIOUR, EVENT = "behaviour_", "trial_"
PER = {"unit_": "unit", "roi_": "ROI"}


@dataclass(frozen=True)
class Annotations:
    """What an .npz file states beside the activity.

    units : the unit table with its properties; trials : None for a continuous session; behaviour : series by name
    """

    units: pd.DataFrame
    trials: pd.DataFrame | None
    behaviour: dict[str, TimeSeries]


def annotate(
    arrays: Mapping[str, np.ndarray],
    units: pd.DataFrame,
    n_trials: int | None,
    file: str,
    *,
    placed: Set[str],
    prefix: str,
) -> Annotations:
    """Sort arrays by name into <prefix><property>, trial_<event>, behaviour_<name>, and labels (any other name).

    placed : names of arrays that are already read; prefix : `unit_` or `roi_`, of arrays with one value per row of
    `units`; file : what errors call the file
    """
    properties: dict[str, np.ndarray] = {}
    events: dict[str, np.ndarray] = {}
    labels: dict[str, np.ndarray] = {}
    behaviour: dict[str, TimeSeries] = {}
    n_rows = n_trials or 0
    if n_trials is None:
        _refuse_trials(arrays, file, placed, prefix)
    n_rows = 0 if n_trials is None else n_trials
    for name in sorted(set(arrays) - placed - {"time"}):
        where = f"{file}: {name}"
        if name.startswith(prefix):
            properties[name.removeprefix(prefix)] = as_labels(arrays[name], len(units), where, per=PER[prefix])
        elif name.startswith(EVENT):
            may_miss = name != "trial_start"
            events[name.removeprefix(EVENT)] = as_event_times(arrays[name], n_rows, where, may_miss=may_miss)
        elif name.startswith(BEHAVIOUR):
            behaviour[name.removeprefix(BEHAVIOUR)] = _series(arrays, name, file)
        else:
            labels[name] = as_labels(arrays[name], n_rows, where)
    both = events.keys() & labels.keys()
    if both:
        raise BadInput(f"{file}: {listed(both)} given twice, with the prefix trial_ and without")
    if "start" in events:
        check_time_order(events["start"], f"{file}: trial_start")
    trials = None if n_trials is None else pd.DataFrame({**events, **labels}, index=pd.RangeIndex(n_trials))
    return Annotations(units.assign(**properties), trials, behaviour)


def n_trials_of(arrays: Mapping[str, np.ndarray]) -> int | None:
    """Number of trials in trial_start; None without trial_start."""
    return arrays["trial_start"].size if "trial_start" in arrays else None


def require(arrays: Mapping[str, np.ndarray], names: tuple[str, ...], beside: str, file: str) -> None:
    missing = [name for name in names if name not in arrays]
    if missing:
        raise BadInput(f"{file}: beside {beside} give {', '.join(missing)} as well; it has {listed(arrays)}")


def _refuse_trials(arrays: Mapping[str, np.ndarray], file: str, placed: Set[str], prefix: str) -> None:
    lost = [name for name in arrays if name not in placed | {"time"} and not name.startswith((prefix, BEHAVIOUR))]
    if lost:
        raise BadInput(f"{file} has no trial_start, so {listed(lost)} belong to no trial; it has {listed(arrays)}")


def _series(arrays: Mapping[str, np.ndarray], name: str, file: str) -> TimeSeries:
    require(arrays, ("time",), name, file)
    times = as_event_times(arrays["time"], arrays["time"].size, f"{file}: time")
    values = arrays[name]
    if values.dtype.kind not in "biuf" or values.ndim not in (1, 2) or len(values) != len(times):
        raise BadInput(
            f"{file}: {name} must be numbers, one row for each of {len(times)} times; it is "
            f"{values.dtype} {values.shape}"
        )
    check_time_order(times, f"{file}: time")
    return TimeSeries(times, values.astype(np.float64))
