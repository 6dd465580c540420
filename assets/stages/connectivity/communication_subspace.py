"""communication_subspace: through how many dimensions the fluctuations of one brain area predict those of another."""

import dataclasses
from typing import Any

import numpy as np

from assets.stages.sessions import has_activity
from neuropipe.catalog import Session
from neuropipe.connectivity.communication_subspace import communication_subspace as subspaces
from neuropipe.connectivity.data import ConnectivityData
from neuropipe.connectivity.of_session import activity_of
from neuropipe.errors import BadInput
from neuropipe.plots import connectivity as plots
from neuropipe.schemas import Activity, Check, CommunicationSubspace, Recording
from resources.store.stage import StageConfig, stage


class CommunicationSubspaceConfig(StageConfig):
    """areas : column of the unit table; conditions : columns of the trial table that say what was shown or done, whose
    mean response is subtracted, by default that of all trials; the others as in connectivity.communication_subspace."""

    areas: str = "brain_area"
    conditions: tuple[str, ...] = ()
    bin_width: float = 0.1
    n_folds: int = 5
    most_ranks: int = 12
    fewest_units: int = 20
    most_units: int = 40
    seed: int = 0


def _names_areas(session: Session) -> str | None:
    """Why areas can't be compared, if so; that units have areas is said by the catalogue, before anything is read."""
    if reason := has_activity(session):
        return reason
    if session.config("communication_subspace"):
        return None
    return "the catalogue names no areas of its units (config: communication_subspace: areas)"


def _plots(made: CommunicationSubspace, **_: Any) -> dict[str, Any]:
    return {"communication_subspace": plots.subspace(made.subspace)}


@stage(
    group="connectivity",
    kinds=("parquet",),
    description="How well the fluctuations of each area predict those of each other one at the same time: rank and R2 "
    "of reduced-rank regression in held-out trials (Semedo et al. 2019).",
    applies_to=_names_areas,
    slow=True,
    checks={"some_prediction": "Some area is predicted by another one better than by its mean."},
    plots=_plots,
)
def communication_subspace(
    config: CommunicationSubspaceConfig, activity: Activity, recording: Recording
) -> CommunicationSubspace:
    of = activity_of(activity, recording)
    settings = config.model_dump()
    column, conditions = settings.pop("areas"), settings.pop("conditions")
    if column not in recording.units:
        known = ", ".join(map(str, recording.units.columns)) or "none"
        raise BadInput(f"the unit table has no column {column!r}; communication_subspace.areas is one of {known}")
    areas = recording.units[column].astype(str).to_numpy()[of.units]
    table = subspaces(_labelled(of.data, recording, conditions), areas, **settings)
    between = table[table["source_area"] != table["target_area"]]
    some = bool((table["r2_low"] > 0).any())
    return CommunicationSubspace(
        subspace=table,
        facts={
            "areas": int(table["source_area"].nunique()),
            "trials": int(table["n_trials"].iloc[0]),
            "median rank between areas": float(np.median(between["rank"])) if len(between) else None,
            "median R2 between areas": round(float(np.median(between["r2"])), 4) if len(between) else None,
        },
        checks={"some_prediction": Check(some, "" if some else "no interval of R2 lies above 0", warn=True)},
    )


def _labelled(data: ConnectivityData, recording: Recording, conditions: tuple[str, ...]) -> ConnectivityData:
    """Trials labelled by all their conditions."""
    if not conditions:
        return data
    trials = recording.trials
    if trials is None or data.counts is None or len(data.segment_edges) - 1 != len(trials):
        raise BadInput("communication_subspace.conditions label trials, but this activity does not come in trials")
    unknown = [name for name in conditions if name not in trials]
    if unknown:
        known = ", ".join(map(str, trials.columns))
        raise BadInput(f"the trial table has no column {', '.join(unknown)}; conditions are of {known}")
    return dataclasses.replace(data, labels=trials[list(conditions)].astype(str).agg(" ".join, axis=1).to_numpy())


STAGES = [communication_subspace]
