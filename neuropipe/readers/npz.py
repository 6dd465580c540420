"""Reads a user's own recording in one numpy .npz file (`np.savez("mine.npz", times=..., offsets=..., choice=...)`).

Spike trains
    times : (spike,) s, on the recording's clock, with either
        offsets : (n_units + 1,) so that unit u owns times[offsets[u]:offsets[u + 1]], ascending within a unit, or
        units : (spike,) the id of the unit that fired each spike, in any order
    trial_start : (trial,) s; left out, with all labels, for a session without trials
or counts
    counts : (trial, bin, unit) whole numbers
    bin_width, start : numbers, s; `start` is the left edge of the first bin relative to the aligning event
and with either of them
    trial_<event> : (trial,) s, further events: trial_stop, trial_stimulus, ... become columns stop, stimulus, ...;
        NaN where the event did not happen
    unit_<name> : (n_units,) a property of the units (with `units`, in ascending order of the ids)
    any other name : (trial,) a label: choice, stimulus_class, ...
A continuous session has no trials:
    times as above, or counts : (time, unit) with bin_width and start, the left edge of the first bin on the clock
    time : (time,) s, and behaviour_<name> : (time,) or (time, k) observed then: behaviour_velocity, ...
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.annotations import annotate, n_trials_of, require
from neuropipe.readers.archives import npz_arrays
from neuropipe.readers.arrays import (
    as_counts,
    as_event_times,
    as_labels,
    as_trial_counts,
    listed,
    only_file,
)
from neuropipe.recording import Recording, SpikeTrains, TimeCounts, TrialCounts
from neuropipe.registry import reader

DATA = {"times", "offsets", "units", "counts", "bin_width", "start"}


@reader("npz", adds=(".npz",))
def read(files: Mapping[str, Path]) -> Recording:
    """A user's own spike trains or counts with trials and labels, in one numpy .npz file (names: see the module)."""
    path = only_file(files, "a numpy .npz file")
    arrays = npz_arrays(path)
    if ("times" in arrays) == ("counts" in arrays):
        raise BadInput(f"{path.name} must hold either times or counts; it has {listed(arrays)}")
    if "counts" in arrays:
        return _from_counts(arrays, path.name)
    return _from_spikes(arrays, path.name)


def _from_counts(arrays: Mapping[str, np.ndarray], file: str) -> Recording:
    require(arrays, ("bin_width", "start"), "counts", file)
    _refuse(arrays, ("offsets", "units"), "counts", file)
    if arrays["counts"].ndim == 2:
        whole = as_counts(arrays["counts"], f"{file}: counts")
        published = TimeCounts(whole, _number(arrays, "bin_width", file), _number(arrays, "start", file))
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
    return _recording(arrays, pd.DataFrame({"unit": ids}), n_trials_of(arrays), file, spikes=spikes)


def _by_unit(times: np.ndarray, owner: np.ndarray, file: str) -> tuple[SpikeTrains, np.ndarray]:
    """Spike trains from a stream of spikes of all units: units ascend in id, spikes in time."""
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
    beside = annotate(arrays, units, n_trials, file, placed=DATA, prefix="unit_")
    return Recording(units=beside.units, trials=beside.trials, spikes=spikes, counts=counts, behaviour=beside.behaviour)


def _refuse(arrays: Mapping[str, np.ndarray], names: tuple[str, ...], beside: str, file: str) -> None:
    found = [name for name in names if name in arrays]
    if found:
        raise BadInput(f"{file}: {', '.join(found)} make no sense beside {beside}; it has {listed(arrays)}")


def _number(arrays: Mapping[str, np.ndarray], name: str, file: str) -> float:
    value = arrays[name]
    if value.size != 1 or value.dtype.kind not in "iuf":
        raise BadInput(f"{file}: {name} must be one number, in s, found {value.dtype} of shape {value.shape}")
    return float(value.item())
