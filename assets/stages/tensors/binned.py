"""binned: activity in bins with what to decode from it: a label a trial, or behaviour in every bin."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from assets.stages.applies import without_task
from assets.stages.tensors.binned_events import events_in_trials, imaged_trials
from assets.stages.tensors.binned_time import bin_time
from neuropipe import plots as figures
from neuropipe.binning import rebin_window
from neuropipe.binning.streaming import bin_to_zarr, spikes_in_windows, write_counts
from neuropipe.catalog import ContinuousTask, DatasetEntry, Session, check_window
from neuropipe.errors import BadInput
from resources.store.artifact import Artifact, Draft
from resources.store.binned_format import binned_activity, check_sums
from resources.store.recording_format import published_counts
from resources.store.stage import StageConfig, memoized

LARGEST_DRAWN = 200_000_000


class BinnedConfig(StageConfig):
    """bin_width : s. With trials: label, align : columns of the trial table; window : (start, stop) s around the event.

    Continuous: targets : behavioural series; circular : they are angles; history : bins of a sample; epoch : where.
    """

    bin_width: float
    label: str = ""
    align: str = ""
    window: tuple[float, float] = (0.0, 0.0)
    min_trials_per_class: int = 2
    targets: tuple[str, ...] = ()
    circular: bool = False
    history: int = Field(1, ge=1)
    epoch: str | None = None

    @model_validator(mode="after")
    def _window_holds_bins(self) -> Self:
        if not self.targets:
            check_window(self.window, self.bin_width)
        elif not self.bin_width > 0:
            raise ValueError(f"bin_width is {self.bin_width} s; it must be above 0")
        return self


def _settings(dataset: DatasetEntry) -> dict:
    task = dataset.task
    if isinstance(task, ContinuousTask):
        return task.model_dump(exclude={"folds"})
    return {
        "label": task.label,
        "align": task.align,
        "window": task.window,
        "bin_width": task.bin_width,
        "min_trials_per_class": dataset.task.min_trials_per_class,
    }


@memoized(
    group="binning",
    kinds=("zarr",),
    inputs={"events": "events/oasis"},
    config=BinnedConfig,
    settings=_settings,
    applies_to=without_task,
    tools=("zarr",),
    checks={
        "counts_finite": "Counts are whole numbers, activity is finite; with at least one trial, bin and unit.",
        "counts_equal_spikes": "What is in the bins adds up to the spikes, or events, that fall into the windows.",
    },
)
def binned(draft: Draft, session: Session, config: BinnedConfig, recording: Artifact, events: Artifact | None) -> None:
    """Spike counts (trial, bin, unit) around the task's event and the labels to decode; or, where a session has no
    trials, counts (time, unit) and the behaviour in every bin. Of imaged ROIs it is `activity`: the events in each bin.

    Label, event and window, or targets and history, and the bin width come from the data set's task.
    """
    if config.targets:
        bin_time(draft, session, config, recording, events)
    else:
        bin_trials(draft, session, config, recording, events)


def bin_trials(
    draft: Draft, session: Session, config: BinnedConfig, recording: Artifact, events: Artifact | None
) -> None:
    """counts or activity (trial, bin, unit), labels (trial,) and the table of trials; the figure shows both."""
    trials, published = recording.table("trials"), published_counts(recording)
    if published is None and config.align not in trials:
        raise BadInput(f"{session.key}: no event {config.align!r} in the trial table; it has {', '.join(trials)}")
    n_bins = round((config.window[1] - config.window[0]) / config.bin_width)
    every_start = event_times(trials, config) + config.window[0]
    seen = None if events is None else imaged_trials(events, every_start, n_bins * config.bin_width)
    labelled = label_trials(trials, config, session.key, seen)
    starts = every_start[labelled.kept]
    if events is not None:
        summary, expected = events_in_trials(draft, events, starts, config.bin_width, n_bins, session.key)
    elif published is not None:
        cut = rebin_window(
            published[:][labelled.kept],
            published.attrs["bin_width"],
            published.attrs["start"],
            window=config.window,
            new_bin_width=config.bin_width,
        )
        summary = write_counts(cut, draft.arrays)
        expected = int(cut.sum(dtype=np.int64))
    else:
        spikes = (recording.arrays["times"], recording.arrays["offsets"][:], starts, config.bin_width, n_bins)
        summary = bin_to_zarr(*spikes, draft.arrays)
        expected = int(spikes_in_windows(*spikes).sum())
    counts = binned_activity(draft)
    counts.attrs.update(
        {
            "bin_width": config.bin_width,
            "align": config.align,
            "window": list(config.window),
            "label": config.label,
            "classes": labelled.classes,
        }
    )
    draft.array("labels", labelled.codes)
    draft.table(
        "trials",
        pd.DataFrame({"trial": labelled.kept, "start": starts, "stop": starts + n_bins * config.bin_width}),
    )
    check_sums(draft, summary.n_spikes, expected)
    draft.metadata |= {
        "trials": counts.shape[0],
        "bins": counts.shape[1],
        "units": counts.shape[2],
        "silent_units": int((summary.spikes_per_unit == 0).sum()),
        "spikes" if events is None else "events": round(summary.n_spikes, 3),
        "classes": {name: int((labelled.codes == code).sum()) for code, name in enumerate(labelled.classes)},
        "left_out": labelled.left_out,
    }
    _draw(draft, config, session, counts, labelled)


@dataclass(frozen=True)
class LabelledTrials:
    """kept : (trial,) rows of the trial table; codes : (trial,) class index; left_out : reason -> number of trials."""

    kept: np.ndarray
    codes: np.ndarray
    classes: list[str]
    left_out: dict[str, int]


def label_trials(
    trials: pd.DataFrame, config: BinnedConfig, key: str, seen: np.ndarray | None = None
) -> LabelledTrials:
    """The trials that can be used: with a label, with the event, of a class with enough trials.

    seen : (trial,) bool, whether the window was imaged, where a session was
    """
    if config.label not in trials:
        raise BadInput(f"{key}: no column {config.label!r} in the trial table; it has {', '.join(trials)}")
    labels = trials[config.label]
    usable = labels.notna().to_numpy(copy=True)
    left_out = {"no label": int((~usable).sum())}
    happened = ~np.isnan(event_times(trials, config)) if config.align in trials else np.ones(len(trials), bool)
    left_out[f"no {config.align}"] = int((usable & ~happened).sum())
    usable &= happened
    if seen is not None:
        left_out["not imaged"] = int((usable & ~seen).sum())
        usable &= seen
    frequent = labels[usable].map(labels[usable].value_counts()) >= config.min_trials_per_class
    rare = np.zeros(len(trials), bool)
    rare[np.flatnonzero(usable)] = ~frequent.to_numpy(bool)
    left_out["class too rare"] = int(rare.sum())
    kept = np.flatnonzero(usable & ~rare)
    values = np.sort(labels.iloc[kept].unique())
    if len(values) < 2:
        found = ", ".join(f"{name} ({n})" for name, n in labels.value_counts().items()) or "none"
        raise BadInput(
            f"{key}: decoding {config.label!r} needs two classes of at least {config.min_trials_per_class} trials "
            f"each; found {found}, {len(kept)} trials usable"
        )
    codes = np.searchsorted(values, labels.iloc[kept].to_numpy()).astype(np.int64)
    return LabelledTrials(kept, codes, [_name(value) for value in values], left_out)


def event_times(trials: pd.DataFrame, config: BinnedConfig) -> np.ndarray:
    """(trial,) s; NaN throughout where counts were published without the recording's clock."""
    if config.align in trials:
        return trials[config.align].to_numpy(np.float64)
    return np.full(len(trials), np.nan)


def _name(value: object) -> str:
    """A class as text: 1.0, as a table with gaps stores the integer 1, is `1`."""
    return str(int(value)) if isinstance(value, float | np.floating) and float(value).is_integer() else str(value)


def _draw(draft: Draft, config: BinnedConfig, session: Session, counts, labelled: LabelledTrials) -> None:
    stride = max(1, counts.size // LARGEST_DRAWN)
    names = np.array(labelled.classes)
    figure = figures.raster_and_psth(
        counts[:] if stride == 1 else counts[::stride],
        names[labelled.codes][::stride],
        labelled.classes,
        config.bin_width,
        config.window[0],
        event=config.align,
        unit="Hz" if counts.dtype.kind == "u" else "events / s",
        label=config.label,
        title=session.key,
    )
    draft.figure("raster_and_psth", figure)
