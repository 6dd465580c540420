"""Activity of every unit in the bins of every trial, with the class of each trial."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.binning import rebin_window
from neuropipe.binning.events import bin_events, events_in_windows, imaged
from neuropipe.binning.signals import recorded, segment_spans
from neuropipe.binning.streaming import BinnedSummary, bin_to_zarr, spikes_in_windows, write_counts
from neuropipe.errors import BadInput
from neuropipe.schemas.activity import Activity
from neuropipe.schemas.binned import TrialBins
from neuropipe.schemas.chunks import roi_blocks
from neuropipe.schemas.recording import Recording
from neuropipe.tasks.binning import average_signals, check_sums, recorded_units
from neuropipe.tasks.classification import ClassificationEntry


def bin_trials(entry: ClassificationEntry, activity: Activity, recording: Recording, scratch: Path) -> TrialBins:
    """activity (trial, bin, unit) and labels (trial,) of the trials that have a label and an event.

    Spikes, counts and events are summed in bins, signals averaged.

    scratch : folder for arrays that are larger than memory. Raises BadInput for columns that there are not, fewer than
    two classes, and ROIs none of which was recorded throughout.
    """
    import zarr

    trials = recording.trials
    if trials is None:
        raise BadInput(f"the recording has no trials, so there is no {entry.label!r} to decode")
    published = activity.trial_counts
    if published is None and entry.align not in trials:
        raise BadInput(f"no event {entry.align!r} in the trial table; it has {', '.join(trials)}")
    every_start = event_times(trials, entry.align) + entry.window[0]
    duration = entry.n_bins * entry.bin_width
    seen = _recorded_throughout(activity, every_start, duration)
    labelled = label_trials(trials, entry, seen, "not imaged" if activity.signals is None else "not recorded")
    starts = every_start[labelled.kept]
    group = zarr.open_group(scratch / "binned.zarr", mode="w", zarr_format=3)
    units, expected, check = None, 0.0, None
    if activity.signals is not None:
        values, check = average_signals(activity, starts, entry.bin_width, entry.n_bins)
        summary = write_counts(values, group, name="activity")
    elif activity.events is not None:
        values, expected, units = _bin_events(activity, starts, entry.bin_width, entry.n_bins)
        summary = write_counts(values, group, name="activity")
    elif published is not None:
        bin_width, start = activity.published
        cut = rebin_window(
            published[:][labelled.kept], bin_width, start, window=entry.window, new_bin_width=entry.bin_width
        )
        summary = write_counts(cut, group, name="activity")
        expected = int(cut.sum(dtype=np.int64))
    else:
        spikes = (activity.times, activity.offsets[:], starts, entry.bin_width, entry.n_bins)
        summary = bin_to_zarr(*spikes, group, name="activity")
        expected = int(spikes_in_windows(*spikes).sum())
    binned: Any = group["activity"]
    names = np.array(labelled.classes, dtype=object)
    table = {"trial": labelled.kept, "label": names[labelled.codes], "start": starts, "stop": starts + duration}
    return TrialBins(
        activity=binned,
        labels=labelled.codes,
        trials=pd.DataFrame(table),
        units=units,
        bin_width=entry.bin_width,
        window=entry.window,
        align=entry.align,
        label=entry.label,
        classes=tuple(labelled.classes),
        quantity=activity.quantity,
        checks={"sums": check or check_sums(binned.dtype, summary.n_spikes, expected)},
        facts={
            "trials": binned.shape[0],
            "bins": binned.shape[1],
            "units": binned.shape[2],
            **_amounts(activity, summary),
            "classes": {name: int((labelled.codes == code).sum()) for code, name in enumerate(labelled.classes)},
            "left_out": labelled.left_out,
        },
    )


def _recorded_throughout(activity: Activity, starts: np.ndarray, duration: float) -> np.ndarray | None:
    """(trial,) bool: whether frames or samples cover the window; None for spikes and counts."""
    if activity.events is not None:
        return imaged(activity.frame_times[:], starts, duration)
    if activity.signals is not None:
        rate = activity.sampling_rate or 1.0
        return recorded(segment_spans(activity.segments[:], activity.segment_starts[:], rate), starts, duration, rate)
    return None


def _amounts(activity: Activity, summary: BinnedSummary) -> dict[str, Any]:
    """How much there is in the bins, for people; of signals, what they are in."""
    if activity.signals is not None:
        return {"quantity": activity.quantity}
    name = "spikes" if activity.events is None else "events"
    return {"silent_units": int((summary.spikes_per_unit == 0).sum()), name: round(summary.n_spikes, 3)}


def _bin_events(activity: Activity, starts: np.ndarray, bin_width: float, n_bins: int):
    """Activity (trial, bin, unit) of the ROIs recorded throughout, the sum of their events, and which ROIs they are."""
    events, frame_times = activity.events, activity.frame_times[:]
    values = np.empty((len(starts), n_bins, events.shape[1]), np.float32)
    expected = np.empty((len(starts), events.shape[1]))
    for rois in roi_blocks(events):
        block = events[:, rois]
        values[:, :, rois] = bin_events(block, frame_times, starts, bin_width, n_bins)
        expected[:, rois] = events_in_windows(block, frame_times, starts, n_bins * bin_width)
    kept = recorded_units(values)
    return values[:, :, kept], float(expected[:, kept].sum()), kept


@dataclass(frozen=True)
class LabelledTrials:
    """kept : (trial,) rows of the trial table; codes : (trial,) class index; left_out : reason -> number of trials."""

    kept: np.ndarray
    codes: np.ndarray
    classes: list[str]
    left_out: dict[str, int]


def label_trials(
    trials: pd.DataFrame, entry: ClassificationEntry, seen: np.ndarray | None = None, unseen: str = "not imaged"
) -> LabelledTrials:
    """The trials that can be used: with a label, with the event, of a class with enough trials.

    seen : (trial,) bool, whether the window was recorded throughout, of an imaged session or of signals; unseen : what
    the trials are called whose window was not
    """
    if entry.label not in trials:
        raise BadInput(f"no column {entry.label!r} in the trial table; it has {', '.join(trials)}")
    labels = trials[entry.label]
    usable = labels.notna().to_numpy(copy=True)
    left_out = {"no label": int((~usable).sum())}
    happened = ~np.isnan(event_times(trials, entry.align)) if entry.align in trials else np.ones(len(trials), bool)
    left_out[f"no {entry.align}"] = int((usable & ~happened).sum())
    usable &= happened
    if seen is not None:
        left_out[unseen] = int((usable & ~seen).sum())
        usable &= seen
    frequent = labels[usable].map(labels[usable].value_counts()) >= entry.min_trials_per_class
    rare = np.zeros(len(trials), bool)
    rare[np.flatnonzero(usable)] = ~frequent.to_numpy(bool)
    left_out["class too rare"] = int(rare.sum())
    kept = np.flatnonzero(usable & ~rare)
    values = np.sort(labels.iloc[kept].unique())
    if len(values) < 2:
        found = ", ".join(f"{name} ({n})" for name, n in labels.value_counts().items()) or "none"
        raise BadInput(
            f"decoding {entry.label!r} needs two classes of at least {entry.min_trials_per_class} trials each; found "
            f"{found}, {len(kept)} trials usable"
        )
    codes = np.searchsorted(values, labels.iloc[kept].to_numpy()).astype(np.int64)
    return LabelledTrials(kept, codes, [class_name(value) for value in values], left_out)


def event_times(trials: pd.DataFrame, align: str) -> np.ndarray:
    """(trial,) s; NaN throughout where counts were published without the recording's clock."""
    if align in trials:
        return trials[align].to_numpy(np.float64)
    return np.full(len(trials), np.nan)


def class_name(value: object) -> str:
    """A class as text: 1.0, as a table with gaps stores the integer 1, is `1`."""
    return str(int(value)) if isinstance(value, float | np.floating) and float(value).is_integer() else str(value)
