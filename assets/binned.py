"""binned: spike counts of every trial, bin and unit around the task's event, with the labels to decode."""

import numpy as np
import pandas as pd

from neuropipe import binning, figures
from neuropipe.catalog import DatasetEntry, Session
from neuropipe.errors import BadInput
from resources.recording_format import published_counts
from resources.stage import StageConfig, memoized
from resources.store import Artifact, Draft


class BinnedConfig(StageConfig):
    """label, align : columns of the trial table; window : (start, stop) s around the event; bin_width : s."""

    label: str
    align: str
    window: tuple[float, float]
    bin_width: float
    min_trials_per_class: int = 2


def _settings(dataset: DatasetEntry) -> dict:
    task = dataset.task
    return {
        "label": task.label,
        "align": task.align,
        "window": task.window,
        "bin_width": task.bin_width,
        "min_trials_per_class": dataset.thresholds.min_trials_per_class,
    }


def without_task(session: Session) -> str | None:
    """Why a session has nothing to decode, if so."""
    return None if session.task is not None else "the catalogue names no task for it"


@memoized(
    group="binning",
    kinds=("zarr",),
    config=BinnedConfig,
    settings=_settings,
    applies_to=without_task,
    tools=("zarr",),
    checks={
        "counts_finite": "Every count is a finite number and no unit axis is empty.",
        "counts_equal_spikes": "The counts add up to the spikes that fall into the windows.",
    },
)
def binned(draft: Draft, session: Session, config: BinnedConfig, recording: Artifact) -> None:
    """Spike counts (trial, bin, unit) around the task's event, and the labels to decode."""
    trials = recording.table("trials")
    kept, classes, codes = select_trials(trials, config, session.key)
    n_bins = round((config.window[1] - config.window[0]) / config.bin_width)
    published = published_counts(recording)
    if published is None:
        starts = trials[config.align].to_numpy(np.float64)[kept] + config.window[0]
        offsets = recording.arrays["offsets"][:]
        summary = binning.bin_to_zarr(
            recording.arrays["times"], offsets, starts, config.bin_width, n_bins, draft.arrays
        )
        expected = summary.spikes_in_windows
    else:
        counts, expected = binning.crop_and_rebin(
            published[:][kept],
            published.attrs["bin_width"],
            published.attrs["start"],
            config.window,
            config.bin_width,
        )
        starts = trials[config.align].to_numpy(np.float64)[kept] + config.window[0]
        binning.write_counts(draft.arrays, counts)
    counts = draft.arrays["counts"]
    counts.attrs.update(
        {
            "bin_width": config.bin_width,
            "align": config.align,
            "window": list(config.window),
            "label": config.label,
            "classes": classes,
            "axes": ["trial", "bin", "unit"],
        }
    )
    draft.array("labels", codes)
    draft.table(
        "trials",
        pd.DataFrame({"trial": np.flatnonzero(kept), "start": starts, "stop": starts + n_bins * config.bin_width}),
    )
