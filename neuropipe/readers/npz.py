"""A user's own recording in one numpy .npz file (`np.savez("mine.npz", times=..., offsets=..., choice=...)`).

Spike trains
    times : (spike,) s, on the recording's clock, with either
        offsets : (n_units + 1,) so that unit u owns times[offsets[u]:offsets[u + 1]], ascending within a unit, or
        units : (spike,) the id of the unit that fired each spike, in any order
    trial_start : (trial,) s; leave it and every label out for a session without trials
or counts
    counts : (trial, bin, unit) whole numbers
    bin_width, start : numbers, s; `start` is the left edge of the first bin relative to the aligning event
and beside either
    trial_<event> : (trial,) s, further events: trial_stop, trial_stimulus, ... become columns stop, stimulus, ...;
        NaN where the event did not happen
    unit_<name> : (n_units,) a property of the units (with `units`, in ascending order of the ids)
    any other name : (trial,) a label: choice, stimulus_class, ...
A continuous session has no trials:
    times as above, or counts : (time, unit) with bin_width and start, the left edge of the first bin on the clock
    time : (time,) s, and behaviour_<name> : (time,) or (time, k) observed then: behaviour_velocity, ...
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.archives import load_npy_member
from neuropipe.readers.arrays import (
    as_counts,
    as_event_times,
    as_labels,
    as_trial_counts,
    check_time_order,
    listed,
    only_file,
)
from neuropipe.recording import Recording, SpikeTrains, TimeCounts, TimeSeries, TrialCounts
from neuropipe.registry import reader

DATA = {"times", "offsets", "units", "counts", "bin_width", "start", "time"}
BEHAVIOUR = "behaviour_"


@reader("npz")
def read(files: Mapping[str, Path]) -> Recording:
    """A user's own spike trains or counts with trials and labels, in one numpy .npz file (names: see the module)."""
    path = only_file(files, "a numpy .npz file")
    arrays = {name.removesuffix(".npy"): load_npy_member(path, name) for name in members(path)}
    if ("times" in arrays) == ("counts" in arrays):
        raise BadInput(f"{path.name} must hold either times or counts; it has {listed(arrays)}")
    if "counts" in arrays:
        return _from_counts(arrays, path.name)
    return _from_spikes(arrays, path.name)


def members(path: Path) -> list[str]:
    """Names of the files in an .npz, one an array."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise BadInput(f"{path.name} is no whole .npz file ({error}); save it again with numpy.savez") from error


def _from_counts(arrays: Mapping[str, np.ndarray], file: str) -> Recording:
    _require(arrays, ("bin_width", "start"), "counts", file)
    _refuse(arrays, ("offsets", "units"), "counts", file)
    if arrays["counts"].ndim == 2:
        whole = as_counts(arrays["counts"], f"{file}: counts")
        published = TimeCounts(whole, _number(arrays, "bin_width", file), _number(arrays, "start", file))
        _refuse_trials(arrays, file)
        return _recording(arrays, pd.DataFrame({"unit": np.arange(whole.shape[1])}), None, file, counts=published)
    counts = as_trial_counts(
        arrays["counts"],
        bin_width=_number(arrays, "bin_width", file),
        start=_number(arrays, "start", file),
        where=f"{file}: counts",
    )
    n_trials, _, n_units = counts.counts.shape
    units = pd.DataFrame({"unit": np.arange(n_units)})
    return _recording(arrays, units, n_trials, file, counts=counts)


def _from_spikes(arrays: Mapping[str, np.ndarray], file: str) -> Recording:
    _refuse(arrays, ("bin_width", "start"), "times", file)
    if ("offsets" in arrays) == ("units" in arrays):
        raise BadInput(f"{file}: beside times give either offsets or units; it has {listed(arrays)}")
    times = arrays["times"]
    times = as_event_times(times, times.size, f"{file}: times")
    if "units" in arrays:
        spikes, ids = _by_unit(times, arrays["units"], file)
    else:
        offsets = arrays["offsets"]
        if offsets.ndim != 1 or len(offsets) < 2 or offsets.dtype.kind not in "iu":
            raise BadInput(f"{file}: offsets must be n_units + 1 integers, found {offsets.dtype} {offsets.shape}")
        spikes, ids = SpikeTrains(times, offsets.astype(np.int64)), np.arange(len(offsets) - 1)
    has_trials = "trial_start" in arrays
    if not has_trials:
        _refuse_trials(arrays, file)
    n_trials = arrays["trial_start"].size if has_trials else None
    return _recording(arrays, pd.DataFrame({"unit": ids}), n_trials, file, spikes=spikes)


def _refuse_trials(arrays: Mapping[str, np.ndarray], file: str) -> None:
    lost = [name for name in arrays if name not in DATA and not name.startswith(("unit_", BEHAVIOUR))]
    if lost:
        raise BadInput(f"{file} has no trial_start, so {listed(lost)} belong to no trial; it has {listed(arrays)}")


def _by_unit(times: np.ndarray, owner: np.ndarray, file: str) -> tuple[SpikeTrains, np.ndarray]:
    """Spikes of a mixed stream gathered by unit, ascending in id and in time."""
    owner = as_labels(owner, len(times), f"{file}: units", per="spike")
    order = np.lexsort((times, owner))
    ids, firsts = np.unique(owner[order], return_index=True)
    return SpikeTrains(times[order], np.append(firsts, len(times)).astype(np.int64)), ids


def _recording(
    arrays: Mapping[str, np.ndarray],
    units: pd.DataFrame,
    n_trials: int | None,
    file: str,
    *,
    spikes: SpikeTrains | None = None,
    counts: TrialCounts | TimeCounts | None = None,
) -> Recording:
    """Place the remaining arrays by their names: unit_<name>, trial_<event>, behaviour_<name>, and labels."""
    events: dict[str, np.ndarray] = {}
    labels: dict[str, np.ndarray] = {}
    behaviour: dict[str, TimeSeries] = {}
    for name in sorted(set(arrays) - DATA):
        where = f"{file}: {name}"
        if name.startswith("unit_"):
            units[name.removeprefix("unit_")] = as_labels(arrays[name], len(units), where, per="unit")
        elif name.startswith("trial_"):
            may_miss = name != "trial_start"
            events[name.removeprefix("trial_")] = as_event_times(arrays[name], n_trials, where, may_miss=may_miss)
        elif name.startswith(BEHAVIOUR):
            behaviour[name.removeprefix(BEHAVIOUR)] = _series(arrays, name, file)
        else:
            labels[name] = as_labels(arrays[name], n_trials, where)
    both = events.keys() & labels.keys()
    if both:
        raise BadInput(f"{file}: {listed(both)} given twice, with the prefix trial_ and without")
    if "start" in events:
        check_time_order(events["start"], f"{file}: trial_start")
    trials = None if n_trials is None else pd.DataFrame({**events, **labels}, index=pd.RangeIndex(n_trials))
    return Recording(units=units, trials=trials, spikes=spikes, counts=counts, behaviour=behaviour)


def _series(arrays: Mapping[str, np.ndarray], name: str, file: str) -> TimeSeries:
    _require(arrays, ("time",), name, file)
    times = as_event_times(arrays["time"], arrays["time"].size, f"{file}: time")
    values = arrays[name]
    if values.dtype.kind not in "biuf" or values.ndim not in (1, 2) or len(values) != len(times):
        raise BadInput(
            f"{file}: {name} must be numbers, one row for each of {len(times)} times; it is "
            f"{values.dtype} {values.shape}"
        )
    check_time_order(times, f"{file}: time")
    return TimeSeries(times, values.astype(np.float64))


def _require(arrays: Mapping[str, np.ndarray], names: tuple[str, ...], beside: str, file: str) -> None:
    missing = [name for name in names if name not in arrays]
    if missing:
        raise BadInput(f"{file}: beside {beside} give {', '.join(missing)} as well; it has {listed(arrays)}")


def _refuse(arrays: Mapping[str, np.ndarray], names: tuple[str, ...], beside: str, file: str) -> None:
    found = [name for name in names if name in arrays]
    if found:
        raise BadInput(f"{file}: {', '.join(found)} make no sense beside {beside}; it has {listed(arrays)}")


def _number(arrays: Mapping[str, np.ndarray], name: str, file: str) -> float:
    value = arrays[name]
    if value.size != 1 or value.dtype.kind not in "iuf":
        raise BadInput(f"{file}: {name} must be one number, in s, found {value.dtype} of shape {value.shape}")
    return float(value.item())
