"""Whether the task that `neuropipe add` was given suits a recording."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.recording import Recording

FEWEST_TRIALS = 2  # per class, and classes


def check_task(recording: Recording, place: Path, task: Mapping[str, Any]) -> None:
    """Refuse a label or event that the trial table doesn't have, and fewer than two classes."""
    label, align, trials = task["label"], task["align"], recording.trials
    columns = ", ".join(map(str, trials.columns)) if trials is not None else "no trials"
    if trials is None or label not in trials:
        raise BadInput(
            f"{place} has no labels called {label!r}; its trial table has {columns} (--label names one of these)"
        )
    if recording.counts is None and align not in trials:
        raise BadInput(
            f"{place} has no event {align!r} to align trials to; its trial table has {columns} (--align names one of "
            "these)"
        )
    counted = trials[label].value_counts()
    if (counted >= FEWEST_TRIALS).sum() < FEWEST_TRIALS:
        found = ", ".join(f"{value!s} ({n})" for value, n in counted.head(4).items())
        raise BadInput(
            f"{place}: decoding {label!r} needs two classes of at least {FEWEST_TRIALS} trials each; it has "
            f"{len(counted)} in {len(trials)} trials: {found or 'none'}. Give another --label, or more trials"
        )


def check_no_task(recording: Recording, place: Path) -> None:
    """Refuse to leave trials undecoded: what to decode of them is to be said."""
    if recording.trials is not None:
        columns = ", ".join(map(str, recording.trials.columns))
        raise BadInput(
            f"{place} has trials; say what to decode with --label (its trial table has {columns}), --window and "
            "--bin-width"
        )


def check_times(recording: Recording, task: Mapping[str, Any]) -> None:
    """Refuse trials of a table of the user's that lie outside of the recording: they are on another clock."""
    trials, (start, stop) = recording.trials, _extent(recording)
    column = trials[task["align"]] if trials is not None else ()
    try:
        times = np.asarray(column, float)
    except (TypeError, ValueError):
        raise BadInput(f"trials.csv: {task['align']} holds words; an event has times in s") from None
    # The end of a recording of spikes is its last spike, so that windows may go beyond it.
    before, after = task["window"] if recording.spikes is None else (0.0, 0.0)
    outside = np.flatnonzero((times + before < start) | (times + after > stop))
    if len(outside):
        raise BadInput(
            f"trials.csv: {len(outside)} of {len(times)} trials lie beyond the recording, which goes from {start:g} to "
            f"{stop:g} s (the first is trial {outside[0]}, {task['align']} at {times[outside[0]]:g} s); give times in "
            "s on the recording's own clock"
        )


def _extent(recording: Recording) -> tuple[float, float]:
    """When a recording starts and stops, s."""
    if recording.voltage is not None:
        return recording.voltage.start, recording.voltage.start + recording.voltage.duration
    if recording.fluorescence is not None:
        return float(recording.fluorescence.frame_times[0]), float(recording.fluorescence.frame_times[-1])
    if recording.spikes is not None and len(recording.spikes.times):
        return min(0.0, float(recording.spikes.times.min())), float(recording.spikes.times.max())
    return -np.inf, np.inf
