"""What connectivity is estimated from in one session: its spikes, counts or events, and never its truth."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from neuropipe.connectivity.data import ConnectivityData
from neuropipe.errors import BadInput
from neuropipe.recording import SpikeTrains
from neuropipe.schemas import Activity, Recording

SITES = ("site", "electrode", "peak_channel", "channel")  # columns of unit tables, the first that is there counts
RECORDED = 0.5  # of the frames; an ROI that was recorded in fewer is left out


class SessionActivity(NamedTuple):
    """data : of the units that were recorded; units : (k,) their indices in the unit table

    left_out : unit -> why; facts : numbers for people
    """

    data: ConnectivityData
    units: np.ndarray
    left_out: dict[int, str]
    facts: dict[str, Any]


def activity_of(
    activity: Activity, recording: Recording, *, epoch: str | None = None, label: str | None = None
) -> SessionActivity:
    """The activity of a session in the form that connectivity methods take.

    epoch : name of the epoch that is looked at, its longest stretch; label : column of the trial table. Trials that
    come as counts are one segment each. Of events, ROIs that were recorded in less than half of the frames are left
    out, and frames in which another one was not. Raises BadInput for fewer than two units and for unknown epochs.
    """
    stretch = None if epoch is None else _longest(recording.epochs, epoch)
    if activity.times is not None:
        return _spikes(activity, recording, stretch)
    if activity.trial_counts is not None:
        return _trials(activity, recording, label)
    if activity.time_counts is not None:
        width, start = activity.published
        counts = activity.time_counts[:]
        edges = start + width * np.arange(len(counts))
        kept = slice(None) if stretch is None else (edges >= stretch[0]) & (edges + width <= stretch[1] + 1e-9)
        if not len(counts[kept]):
            raise BadInput(f"no bin lies within the epoch {epoch!r}")
        data = ConnectivityData(counts=counts[kept], bin_width=width, sites=_sites(recording.units))
        return _whole(data, {"bin_width": width})
    return _events(activity, recording, stretch)


def _spikes(activity: Activity, recording: Recording, stretch: tuple[float, float] | None) -> SessionActivity:
    """Spike times of one stretch: an epoch, all epochs, or all that is known to have been recorded."""
    times, offsets = np.asarray(activity.times[:], np.float64), np.asarray(activity.offsets[:], np.int64)
    start, stop = stretch if stretch is not None else _extent(recording, times)
    inside = (times >= start) & (times <= stop)
    outside = int(len(times) - inside.sum())
    if outside:
        times, offsets = times[inside], np.concatenate([[0], np.cumsum(inside)])[offsets]
    data = ConnectivityData(
        spikes=SpikeTrains(times, offsets), start=start, stop=stop, sites=_sites(recording.units)
    )  # fmt: skip
    # Spikes outside the epoch that was asked for are no surprise; those outside of all epochs are.
    return _whole(data, {"spikes_outside": outside} if stretch is None else {})


def _trials(activity: Activity, recording: Recording, label: str | None) -> SessionActivity:
    counts = activity.trial_counts[:]
    n_trials, n_bins, n_units = counts.shape
    trials = recording.trials
    labels = trials[label].astype(str).to_numpy() if trials is not None and label in (trials.columns) else None
    data = ConnectivityData(
        counts=counts.reshape(n_trials * n_bins, n_units),
        bin_width=activity.published[0],
        segments=np.arange(n_trials + 1) * n_bins,
        labels=labels,
        sites=_sites(recording.units),
    )
    return _whole(data, {"bin_width": data.bin_width, "trials": n_trials})


def _events(activity: Activity, recording: Recording, stretch: tuple[float, float] | None) -> SessionActivity:
    """Events of ROIs; frames that were skipped or not recorded end a segment."""
    events, times = activity.events[:], np.asarray(activity.frame_times[:], np.float64)
    if stretch is not None:
        kept = (times >= stretch[0]) & (times <= stretch[1])
        events, times = events[kept], times[kept]
    recorded = np.isfinite(events)
    share = recorded.mean(axis=0) if len(events) else np.zeros(events.shape[1])
    units = np.flatnonzero(share >= RECORDED)
    left_out = {int(roi): f"it was recorded in {100 * share[roi]:.0f} % of the frames" for roi in
                np.flatnonzero(share < RECORDED)}  # fmt: skip
    frames = np.flatnonzero(recorded[:, units].all(axis=1))
    if len(frames) < 2 or len(units) < 2:
        raise BadInput(
            f"connectivity is between ROIs that were recorded at once: {len(units)} of {events.shape[1]} ROIs share "
            f"{len(frames)} frames, and two of each are needed"
        )
    width = float(np.median(np.diff(times)))
    breaks = np.flatnonzero((np.diff(frames) > 1) | (np.diff(times[frames]) > 1.5 * width)) + 1
    data = ConnectivityData(
        counts=events[np.ix_(frames, units)], bin_width=width, segments=np.concatenate([[0], breaks, [len(frames)]])
    )
    facts = {"bin_width": round(width, 6), "frames_left_out": len(events) - len(frames)}
    return SessionActivity(data, units, left_out, {"seconds": round(data.duration, 3), **facts})


def _whole(data: ConnectivityData, facts: dict[str, Any]) -> SessionActivity:
    return SessionActivity(data, np.arange(data.n_units), {}, {"seconds": round(data.duration, 3), **facts})


def _longest(epochs: pd.DataFrame | None, name: str) -> tuple[float, float]:
    """start and stop (s) of the longest stretch of an epoch."""
    known = [] if epochs is None else list(dict.fromkeys(epochs["name"]))
    if epochs is None or name not in known:
        raise BadInput(f"no epoch is called {name!r}; the recording has {', '.join(known) or 'none'}")
    own = epochs[epochs["name"] == name]
    row = own.iloc[int((own["stop"] - own["start"]).to_numpy().argmax())]
    return float(row["start"]), float(row["stop"])


def _extent(recording: Recording, times: np.ndarray) -> tuple[float, float]:
    """start and stop (s) of all epochs; without epochs, of all trials and spikes."""
    if recording.epochs is not None and len(recording.epochs):
        return float(recording.epochs["start"].min()), float(recording.epochs["stop"].max())
    known = [times]
    if recording.trials is not None:
        known += [recording.trials[name].to_numpy(float) for name in ("start", "stop") if name in recording.trials]
    every = np.concatenate(known)
    every = every[np.isfinite(every)]
    if not len(every):
        raise BadInput("the recording holds neither spikes nor epochs, so nothing can be said of connections")
    return float(every.min()), float(every.max())


def _sites(units: pd.DataFrame) -> np.ndarray | None:
    """(unit,) electrode of each unit, -1 where it is not known; None where the table names none."""
    for name in SITES:
        if name in units:
            return pd.factorize(units[name])[0].astype(np.int64)
    return None
