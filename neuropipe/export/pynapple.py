"""A recording as pynapple objects, and as a folder of pynapple's files (`pynapple.load_file` reads each)."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.export.content import SessionContent
from neuropipe.export.needs import need
from neuropipe.export.values import plain, safe_names
from neuropipe.recording import sample_times
from neuropipe.registry import exporter
from neuropipe.schemas import Recording, SortedSpikes

MARKER = "session.json"


@exporter("pynapple", suffix="", assets=("recording", "sorted_spikes/*"), folder=True, marker="session.json")
def write(session: SessionContent, path: Path) -> None:
    """A file per object: units.npz, trials.npz, epochs.npz, one per behavioural signal; session.json names them."""
    (name,) = session.asked
    made = session.assets[name].content
    recording = session.assets["recording"].content if "recording" in session.assets else None
    path.mkdir()
    objects = to_pynapple(recording if recording is not None else made, spikes=made if made is not recording else None)
    left_out = {key: why for key in ("trials", "epochs") if (why := _not_intervals(getattr(recording, key, None)))}
    for key, file in zip(objects, safe_names(objects), strict=True):
        objects[key].save(str(path / f"{file}.npz"))
    facts = {"session": session.key, "title": session.title, "citation": session.citation, "licence": session.licence}
    facts |= {"identifier": session.identifier, "asset": name, "objects": sorted(objects), "left_out": left_out}
    (path / MARKER).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def to_pynapple(recording: Recording | SortedSpikes, *, spikes: SortedSpikes | None = None) -> dict[str, Any]:
    """The objects of a recording by name, times in s on its own clock.

    units : TsGroup with the unit table as metadata; counts, dff, signals : TsdFrame of what was recorded instead
    trials, epochs : IntervalSet with the other columns as metadata; left out where they overlap or have no start and
    stop, since pynapple would cut them. Where one begins as another ends, pynapple ends that one 1 us earlier
    one object per behavioural signal : Tsd, or TsdFrame with its columns
    spikes : units that a sorter found, in place of the recording's own
    """
    pynapple = need("pynapple", "its objects")

    objects: dict[str, Any] = {}
    source = spikes if spikes is not None else recording
    if source.times is not None and source.offsets is not None:
        objects["units"] = _group(source)
    if isinstance(recording, SortedSpikes):
        return objects
    frames = _frames(recording)
    if frames is not None:
        name, times, values = frames
        objects[name] = pynapple.TsdFrame(t=times, d=values, time_units="s")
    for name, table in (("trials", recording.trials), ("epochs", recording.epochs)):
        if table is not None and not _not_intervals(table):
            objects[name] = _intervals(table)
    for name in sorted(recording.behaviour):
        series = recording.series(name)
        if name in objects:
            raise BadInput(f"a behavioural signal is called {name!r} like the recording's {name}; rename it")
        if series.values.ndim == 1:
            objects[name] = pynapple.Tsd(t=series.times, d=series.values, time_units="s")
        else:
            columns = list(series.columns) or None
            objects[name] = pynapple.TsdFrame(t=series.times, d=series.values, time_units="s", columns=columns)
    if not objects:
        raise BadInput("the recording has nothing that pynapple holds: no spike times, intervals or signals")
    return objects


def _group(source: Recording | SortedSpikes) -> Any:
    pynapple = need("pynapple", "its objects")

    times, offsets = source.times[:], source.offsets[:]
    trains = {
        unit: pynapple.Ts(times[offsets[unit] : offsets[unit + 1]], time_units="s") for unit in range(len(offsets) - 1)
    }
    # Stated, since pynapple loses units and spikes that span no time of their own.
    first, last = (float(times.min()), float(times.max())) if len(times) else (0.0, 0.0)
    whole = pynapple.IntervalSet(first, last if last > first else first + 1.0)
    return pynapple.TsGroup(trains, time_support=whole, metadata=_metadata(source.units))


def _metadata(table: pd.DataFrame) -> pd.DataFrame:
    """Plain columns; `rate` is pynapple's own, the table's becomes `unit_rate`."""
    columns = {"unit_rate" if name == "rate" else str(name): plain(table[name]) for name in table}
    return pd.DataFrame(columns, index=range(len(table)))


def _frames(recording: Recording) -> tuple[str, np.ndarray, np.ndarray] | None:
    """Name, (time,) s and (time, unit) of what a continuous recording holds in place of spike times."""
    if recording.time_counts is not None:
        counts = recording.time_counts[:]
        assert recording.start is not None
        assert recording.bin_width is not None
        return "counts", recording.start + (np.arange(len(counts)) + 0.5) * recording.bin_width, counts
    if recording.dff is not None:
        return "dff", recording.frame_times[:], recording.dff[:]
    if recording.signals is not None:
        assert recording.sampling_rate is not None
        times = sample_times(recording.segments[:], recording.segment_starts[:], recording.sampling_rate)
        return "signals", times, recording.signals[:]
    return None


def _not_intervals(table: pd.DataFrame | None) -> str:
    """Why the rows of a table are no IntervalSet; "" if they are, or there is no table."""
    if table is None:
        return ""
    if not {"start", "stop"} <= set(table) or not np.isfinite(table[["start", "stop"]].to_numpy(float)).all():
        return "their start or stop is not known"
    starts, stops = table["start"].to_numpy(float), table["stop"].to_numpy(float)
    if np.any(stops <= starts) or np.any(starts[1:] < stops[:-1]):
        return "they overlap, or have no duration"
    return ""


def _intervals(table: pd.DataFrame) -> Any:
    pynapple = need("pynapple", "its objects")
    others = table.drop(columns=["start", "stop"])
    metadata = {str(name): plain(others[name]) for name in others}
    starts, stops = table["start"].to_numpy(float), table["stop"].to_numpy(float)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Some starts and ends are equal")
        return pynapple.IntervalSet(start=starts, end=stops, metadata=metadata or None, time_units="s")
