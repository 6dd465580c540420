"""Trials, epochs, behaviour."""

from typing import Any

import numpy as np
import pandas as pd

from neuropipe.export.content import SessionContent
from neuropipe.export.nwb_parts.columns import RESERVED, clock, columns, module, packed, safe_name

TAKEN = RESERVED | {"start_time", "stop_time", "tags", "tags_index", "timeseries", "timeseries_index"}
SECONDS = "s, on the recording's own clock"


def add_trials(file: Any, session: SessionContent) -> None:
    """The trial table: start_time and stop_time, events in s, labels. NaN stands for a time that is not known.

    Trials that are one moment (`onset`) begin and end there.
    """
    from hdmf.common import VectorData
    from pynwb.epoch import TimeIntervals

    trials = session.recording.trials
    if trials is None:
        return
    instants = "onset" in trials and not {"start", "stop"} & set(trials)
    made = []
    for name, column, what in (("start_time", "start", "begins"), ("stop_time", "stop", "ends")):
        described = f"when the trial {what}, {SECONDS}"
        if instants:
            column, described = "onset", f"the trial's only event, {SECONDS}: when it {what} is not known"
        values = trials[column].to_numpy(float) if column in trials else np.full(len(trials), np.nan)
        if not np.isfinite(values).all():
            described += "; NaN where it is not known"
        made.append(VectorData(name=name, description=described, data=packed(values)))
    rest = trials.drop(columns=[name for name in ("start", "stop") if name in trials])
    made += columns(rest, {}, TAKEN)
    described = "Trials, with events (s, on the recording's own clock) and labels."
    file.trials = TimeIntervals(name="trials", description=described, columns=made, id=np.arange(len(trials)))


def add_epochs(file: Any, session: SessionContent) -> None:
    """Epochs, their names as tags."""
    from hdmf.common import VectorData, VectorIndex
    from pynwb.epoch import TimeIntervals

    epochs: pd.DataFrame | None = session.recording.epochs
    if epochs is None or not len(epochs):
        return
    names = VectorData(name="tags", description="name of the epoch", data=epochs["name"].astype(str).tolist())
    made = [
        VectorData(name="start_time", description=f"first moment, {SECONDS}", data=epochs["start"].to_numpy(float)),
        VectorData(name="stop_time", description=f"last moment, {SECONDS}", data=epochs["stop"].to_numpy(float)),
        names,
        VectorIndex(name="tags_index", data=np.arange(1, len(epochs) + 1), target=names),
    ]
    described = "Stretches of the recording, such as wake and sleep."
    file.epochs = TimeIntervals(name="epochs", description=described, columns=made, id=np.arange(len(epochs)))


def add_behaviour(file: Any, session: SessionContent) -> None:
    """Every behavioural signal as a TimeSeries of its name, in the module `behavior`."""
    from pynwb import TimeSeries

    recording = session.recording
    for name in sorted(recording.behaviour):
        series = recording.series(name)
        described = f"{name}, as the recording has it; its unit is not known."
        if series.columns:
            described = f"{name}; columns: {', '.join(series.columns)}. The unit is not known."
        behavior = module(file, "behavior", "Behaviour of the animal.")
        behavior.add(
            TimeSeries(
                name=safe_name(name),
                description=described,
                data=packed(series.values),
                unit="a.u.",
                **clock(series.times),
            )
        )
