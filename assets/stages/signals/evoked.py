"""evoked: event-related potentials, the mean voltage around the events of a session's task, by class."""

from typing import Any

import numpy as np
import pandas as pd

from assets.stages.sessions import has_trials_of_field_potentials
from neuropipe.catalog import DatasetEntry
from neuropipe.errors import BadInput
from neuropipe.fields.evoked import average, cut_epochs
from neuropipe.plots import fields as plots
from neuropipe.schemas import Evoked, Features, Recording
from resources.store.stage import StageConfig, stage


class EvokedConfig(StageConfig):
    """align : event column; label : column of the classes; window, baseline : (start, stop) s around the event."""

    align: str
    label: str
    window: tuple[float, float] = (-0.2, 0.8)
    baseline: tuple[float, float] | None = (-0.2, 0.0)


def _settings(dataset: DatasetEntry) -> dict[str, Any]:
    return {"align": dataset.task.align, "label": dataset.task.label}


def _plots(made: Evoked, **_: Any) -> dict[str, Any]:
    return {"evoked": plots.event_related_potentials(made)}


@stage(
    group="signals",
    inputs={"features": "features/voltage"},
    kinds=("zarr",),
    settings=_settings,
    applies_to=has_trials_of_field_potentials,
    plots=_plots,
)
def evoked(config: EvokedConfig, recording: Recording, features: Features) -> Evoked:
    """Mean voltage of every channel around the events of the task, by class, with its standard error over trials."""
    trials = recording.trials
    missing = [name for name in (config.align, config.label) if trials is None or name not in trials]
    if trials is None or missing:
        known = ", ".join(trials) if trials is not None else "none"
        raise BadInput(f"no column {missing[0]!r} in the trial table; it has {known}")
    epochs = cut_epochs(
        features.signals[:],
        features.segments[:],
        features.segment_starts[:],
        features.sampling_rate,
        trials[config.align].to_numpy(np.float64),
        config.window,
        baseline=config.baseline,
    )
    labels = trials[config.label].iloc[epochs.kept]
    known = labels.notna().to_numpy()
    classes = sorted(labels[known].unique())
    if not classes:
        raise BadInput(f"no event {config.align!r} has its whole window of {config.window} s in the recording")
    members = [(labels == name).to_numpy(bool) for name in classes]
    means, errors = zip(*(average(epochs.values[of_class]) for of_class in members), strict=True)
    counts = [int(of_class.sum()) for of_class in members]
    names = [str(name) for name in classes]
    return Evoked(
        mean=np.stack(means),
        error=np.stack(errors),
        times=epochs.times,
        classes=pd.DataFrame({"label": names, "trials": counts}),
        channels=features.units,
        quantity=features.quantity,
        align=config.align,
        label=config.label,
        baseline=config.baseline,
        facts={"trials": dict(zip(names, counts, strict=True)), "left_out": len(trials) - sum(counts)},
    )


STAGES = [evoked]
