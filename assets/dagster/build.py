"""A pipeline as Dagster definitions."""

from collections.abc import Iterable

import dagster as dg

from assets.dagster.assets import asset_key, to_asset
from assets.dagster.jobs import DEFAULT_JOB, EVERYTHING_JOB
from assets.dagster.partitions import sessions
from assets.dagster.schedules import weekly_refresh
from assets.pipeline import quick
from resources.store.pipeline import Pipeline
from resources.store.plan import Overrides, Planner

# Steps share one process: a step in a process of its own costs a second, most of them are hits.
EXECUTOR = dg.in_process_executor


def build_definitions(pipeline: Pipeline) -> dg.Definitions:
    """Everything Dagster knows of a pipeline; tests and clusters pass one that works in another place."""
    partitions, planner = sessions(pipeline.workspace.catalog), Planner(pipeline)
    default = dg.define_asset_job(
        DEFAULT_JOB,
        selection=dg.AssetSelection.assets(*map(asset_key, quick(pipeline))),
        description="One session from download to leaderboard with the decoders that take seconds to minutes; what is "
        "unchanged is reused.",
    )
    everything = _everything()
    return dg.Definitions(
        assets=[to_asset(stage, planner, partitions) for stage in pipeline.stages.values()],
        jobs=[default, everything],
        schedules=[weekly_refresh(pipeline, everything)],
        executor=EXECUTOR,
    )


def job_of(pipeline: Pipeline, assets: Iterable[str], overrides: Overrides | None = None) -> dg.JobDefinition:
    """The job of everything, of no more than these assets and their inputs: all 80 take a third of a second to build.

    Inputs are there, run or not, as Dagster notes from which of their data versions an asset was made.
    """
    partitions, planner = sessions(pipeline.workspace.catalog), Planner(pipeline)
    found: dict[str, dg.AssetsDefinition] = {}
    for name in sorted(set(assets)):
        found[name] = to_asset(pipeline.stage(name), planner, partitions, overrides)
    inputs = {key.to_user_string() for definition in found.values() for key in definition.dependency_keys}
    for name in sorted(inputs - found.keys()):
        found[name] = to_asset(pipeline.stage(name), planner, partitions)
    definitions = dg.Definitions(assets=found.values(), jobs=[_everything()], executor=EXECUTOR)
    return definitions.resolve_job_def(EVERYTHING_JOB)


def _everything():
    return dg.define_asset_job(
        EVERYTHING_JOB,
        selection=dg.AssetSelection.all(),
        description="All assets of one session, networks, ensembles and sweeps too, which takes hours; what is "
        "unchanged is reused.",
    )
