"""Reads a Neuropixels session of the Allen Brain Observatory (Visual Coding) from its NWB 2 file, without allensdk.

The layout is that of session_<id>.nwb in the project's cache; units are filtered as allensdk 2.16 does
(EcephysProjectCache.get_session_data). Siegle JH et al. (2021) Survey of spiking in the mouse visual system reveals
functional hierarchy. Nature 592:86-92. doi:10.1038/s41586-020-03171-x.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.allen_session import LABELS, UNIT_NUMBERS, AllenSession, in_order, numbers_in, sorted_trains
from neuropipe.readers.arrays import only_file
from neuropipe.readers.hdf5 import member, opened, values_of
from neuropipe.recording import Recording, SpikeTrains, TimeSeries
from neuropipe.registry import reader

ELECTRODES = "general/extracellular_ephys/electrodes"
NO_AREA = ("", "None")
ENDING = "_presentations"
# Names of columns in some files -> those that allensdk gives them.
OF_UNITS = {"l_ratio": "L_ratio", "amplitude": "waveform_amplitude", "PT_ratio": "waveform_PT_ratio"}
OF_CHANNELS = {
    "x": "anterior_posterior_ccf_coordinate",
    "y": "dorsal_ventral_ccf_coordinate",
    "z": "left_right_ccf_coordinate",
}
OF_STIMULI = {
    "Contrast": "contrast",
    "Ori": "orientation",
    "SF": "spatial_frequency",
    "TF": "temporal_frequency",
    "Phase": "phase",
    "Color": "color",
    "Image": "frame",
    "Pos_x": "x_position",
    "Pos_y": "y_position",
}


@reader("allen_ecephys", tools=("h5py",))
def read(
    files: Mapping[str, Path],
    *,
    stimulus: str = "natural_scenes",
    blank: bool = False,
    good_units: bool = True,
    amplitude_cutoff_maximum: float = 0.1,
    presence_ratio_minimum: float = 0.95,
    isi_violations_maximum: float = 0.5,
) -> Recording:
    """Spike trains with area, probe and quality of each unit; presentations of one stimulus as trials.

    stimulus : e.g. natural_scenes (label `frame`), static_gratings (`orientation`, `spatial_frequency`)
    blank : whether presentations of nothing are trials, too
    good_units : take units whose quality is good, on channels that recorded well inside the brain; the three limits
    leave out units that miss spikes, that come or go, or that mix neurons (1, 0 and infinity leave out none)
    epochs : blocks of each stimulus, and what is invalid as `invalid: <tags>`; behaviour : running_speed, cm/s
    Trials that share an instant with invalid times are left out; the notes say how many, and how many units.
    """
    path, name = only_file(files, "a session's NWB file"), next(iter(files))
    with opened(path, name, "an NWB 2 (HDF5) file") as file:
        table = _units(file, name)
        limits = (amplitude_cutoff_maximum, presence_ratio_minimum, isi_violations_maximum)
        why_not = _why_not(table, good_units, limits)
        units = table[why_not == ""]
        if units.empty:
            raise BadInput(
                f"{name}: none of {len(table)} units passes the filters ({_counted(why_not)}); relax "
                "amplitude_cutoff_maximum, presence_ratio_minimum or isi_violations_maximum"
            )
        units = in_order(units)
        session = AllenSession(
            units=units.drop(columns=["quality", "valid_data", "row"]),
            spikes=_spikes(file, units["row"].to_numpy(), name),
            presentations=_presentations(file, name),
            invalid=_invalid(file, name),
            units_in_file=len(table),
            running=_running(file),
            notes={"why_units_left_out": _counted(why_not)},
        )
        return session.recording(stimulus, blank=blank)


def _units(file: Any, name: str) -> pd.DataFrame:
    """A row per unit of the file, with what is known of its peak channel."""
    group = member(file, "units", name)
    channels = member(file, ELECTRODES, name)
    of_channel = {key: values_of(member(channels, key, name)) for key in ("id", "location", "group_name", "valid_data")}
    of_channel["vertical_position"] = member(channels, "probe_vertical_position", name)[:]
    of_channel |= {ours: channels[key][:] for key, ours in OF_CHANNELS.items() if key in channels}
    peak = member(group, "peak_channel_id", name)[:]
    places = pd.Series(np.arange(len(of_channel["id"])), index=of_channel["id"]).reindex(peak)
    if places.isna().any():
        raise BadInput(f"{name}: units name the channel {peak[int(places.isna().argmax())]}, which the file lacks")
    at = places.to_numpy(np.int64)
    numbers = {name_now: values_of(group[key]) for key in group if (name_now := OF_UNITS.get(key, key)) in UNIT_NUMBERS}
    numbers |= {key: of_channel[key][at] for key in OF_CHANNELS.values() if key in of_channel}
    columns = {
        "unit": member(group, "id", name)[:],
        "probe": of_channel["group_name"][at],
        "brain_area": of_channel["location"][at],
        "peak_channel": peak,
        "vertical_position": of_channel["vertical_position"][at].astype(np.float64),
        **{key: numbers[key].astype(np.float64) for key in UNIT_NUMBERS if key in numbers},
        "quality": values_of(member(group, "quality", name)),
        "valid_data": of_channel["valid_data"][at].astype(bool),
        "row": np.arange(len(peak)),
    }
    return pd.DataFrame(columns)


def _why_not(units: pd.DataFrame, good_units: bool, limits: tuple[float, float, float]) -> np.ndarray:
    """(unit,) text: the first filter that each fails; '' for those that count. A number that is NaN fails."""
    most_cut_off, least_presence, most_violations = limits
    fails = [
        ("noise", good_units & (units["quality"] != "good")),
        ("on a channel that did not record", good_units & ~units["valid_data"]),
        ("outside the brain", good_units & units["brain_area"].isin(NO_AREA)),
        ("amplitude cutoff", ~(units["amplitude_cutoff"] <= most_cut_off) & (most_cut_off < 1)),
        ("presence ratio", ~(units["presence_ratio"] >= least_presence) & (least_presence > 0)),
        ("ISI violations", ~(units["isi_violations"] <= most_violations) & np.isfinite(most_violations)),
    ]
    reason = np.full(len(units), "", dtype="U64")
    for said, failed in reversed(fails):
        reason[failed.to_numpy(bool)] = said
    return reason


def _counted(why_not: np.ndarray) -> str:
    reasons, counts = np.unique(why_not[why_not != ""], return_counts=True)
    return ", ".join(f"{reason}: {n}" for reason, n in zip(reasons, counts, strict=True)) or "none"


def _spikes(file: Any, rows: np.ndarray, name: str) -> SpikeTrains:
    """Spike trains of some rows of the units, read straight to their place."""
    times, stops = (member(file["units"], key, name) for key in ("spike_times", "spike_times_index"))
    edges = np.concatenate([[0], stops[:].astype(np.int64)])
    if edges[-1] != len(times) or np.any(np.diff(edges) < 0):
        raise BadInput(f"{name}: units/spike_times_index does not cut {len(times)} spike times into units")
    offsets = np.concatenate([[0], np.cumsum(np.diff(edges)[rows])])
    found = np.empty(offsets[-1])
    for row, first, last in zip(rows, offsets[:-1], offsets[1:], strict=True):
        if last > first:
            times.read_direct(found, np.s_[edges[row] : edges[row + 1]], np.s_[first:last])
    return sorted_trains(found, offsets)


def _presentations(file: Any, name: str) -> pd.DataFrame:
    """All presentations of all stimuli."""
    tables = []
    for key, group in member(file, "intervals", name).items():
        if key.endswith(ENDING):
            times = {ours: member(group, theirs, name)[:] for ours, theirs in _TIMES.items()}
            named = {OF_STIMULI.get(column, column): group[column] for column in group}
            labels = {
                column: numbers_in(values_of(named[column]))
                for column in ("stimulus_block", *LABELS)
                if column in named and len(named[column]) == len(times["start"])
            }
            tables.append(pd.DataFrame({"stimulus_name": key.removesuffix(ENDING), **times, **labels}))
    if not tables:
        raise BadInput(f"{name} has no stimulus presentations (intervals/<stimulus>{ENDING}); is it a session's file?")
    found = pd.concat(tables, ignore_index=True)
    return found if "stimulus_block" in found else found.assign(stimulus_block=np.nan)


_TIMES = {"start": "start_time", "stop": "stop_time"}


def _invalid(file: Any, name: str) -> list[tuple[float, float, tuple[str, ...]]]:
    if "invalid_times" not in file["intervals"]:
        return []
    group = file["intervals/invalid_times"]
    starts, stops = (member(group, key, name)[:].astype(np.float64) for key in _TIMES.values())
    tags, ends = values_of(member(group, "tags", name)), member(group, "tags_index", name)[:].astype(np.int64)
    first = np.concatenate([[0], ends[:-1]])
    return [
        (float(start), float(stop), tuple(map(str, tags[low:high])))
        for start, stop, low, high in zip(starts, stops, first, ends, strict=True)
    ]


def _running(file: Any) -> TimeSeries | None:
    """Speed of the wheel's surface, cm/s, at the start of each of its samples."""
    where = "processing/running/running_speed"
    if where not in file:
        return None
    return TimeSeries(*(file[f"{where}/{key}"][:].astype(np.float64) for key in ("timestamps", "data")))
