"""Dagster around the stages: one plain software-defined asset each, whose step asks the memo first."""

import base64
import json
import types
import typing
import warnings
from pathlib import Path
from typing import Any

import dagster as dg

from assets.dagster.pipes import over_pipes
from neuropipe.errors import BadInput
from resources.allen.warehouse import run_by
from resources.store.artifact import Artifact
from resources.store.memo import CACHE_TAG, REFRESH, Outcome, materialize
from resources.store.pipeline import Pipeline
from resources.store.plan import Overrides, Planner
from resources.store.stage import Stage, StageConfig
from resources.store.store import CorruptArtifact

OVERRIDES_TAG = "neuropipe/overrides"
DAMAGED_INPUT = "damaged_input"
NOT_APPLICABLE = "not-applicable"
LARGEST_PREVIEW = 400_000
MOST_LINES = 6
_SCALARS = {int: dg.Int, float: dg.Float, str: dg.String, bool: dg.Bool}


def asset_key(name: str) -> dg.AssetKey:
    return dg.AssetKey(name.split("/"))


def to_asset(
    stage: Stage, planner: Planner, partitions: dg.PartitionsDefinition, overrides: Overrides | None = None
) -> dg.AssetsDefinition:
    """The Dagster asset of a stage; its declared code version covers code, tools and catalogue settings.

    overrides : of the run that it is built for, where they are known: a source that they choose is made before it
    """
    pipeline = planner.pipeline
    upstream = _deps(stage, Planner(pipeline, overrides) if overrides and stage.choose is not None else planner)

    @dg.asset(
        key=asset_key(stage.name),
        partitions_def=partitions if stage.partitioned else None,
        deps=upstream,
        code_version=planner.declared_version(stage),
        config_schema=config_schema(stage.config),
        check_specs=_check_specs(stage, partitions),
        description=f"{stage.description}\n\n{_on_the_command_line(stage)}",
        group_name=stage.group,
        kinds=set(stage.kinds),
    )
    def step(context):
        try:
            planner = Planner(pipeline, overrides_of(pipeline, context.run))
            session = planner.catalog.session(context.partition_key) if stage.partitioned else None
            with run_by(over_pipes(context)):
                outcome = materialize(
                    planner,
                    stage.name,
                    session,
                    refresh=context.run.tags.get(CACHE_TAG) == REFRESH,
                    run_id=context.run.run_id,
                    log=context.log,
                )
        except BadInput as error:
            damaged = {DAMAGED_INPUT: True} if isinstance(error, CorruptArtifact) else {}
            raise dg.Failure(description=str(error), metadata=damaged, allow_retries=False) from error
        if outcome.state == "n/a" and not stage.partitioned and not context.has_partition_key:
            raise dg.Failure(description=outcome.reason, allow_retries=False)  # asked for by itself
        return to_result(stage, outcome, planner.variant(stage.name))

    return step


def _deps(stage: Stage, planner: Planner) -> list[dg.AssetDep]:
    """Everything upstream. A stage that points at its source depends, for each session, on the chosen one alone."""
    if stage.choose is None:
        upstream = dict.fromkeys([*(needed.asset for needed in stage.inputs.values()), *stage.gathers])
        return [dg.AssetDep(asset_key(name)) for name in upstream]
    chosen: dict[str, list[str]] = {}
    for session in planner.catalog:
        if not stage.applies_to(session):
            chosen.setdefault(stage.choose(planner.config(stage, session)), []).append(session.key)
    return [
        dg.AssetDep(asset_key(name), partition_mapping=dg.StaticPartitionMapping({key: key for key in keys}))
        for name, keys in chosen.items()
    ]


def _check_specs(stage: Stage, partitions: dg.PartitionsDefinition) -> list[dg.AssetCheckSpec]:
    """Checks by session, like their assets: else the UI would show that of whichever session came last."""
    of_sessions = partitions if stage.partitioned else None
    with warnings.catch_warnings():
        # Dagster calls partitioned checks a preview that may change with its version, which is pinned.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(
                check, asset=asset_key(stage.name), description=promise, blocking=True, partitions_def=of_sessions
            )
            for check, promise in stage.checks.items()
        ]


def _on_the_command_line(stage: Stage) -> str:
    key = " --session KEY" if stage.partitioned else ""
    return f"On the command line: `neuropipe show {stage.name}{key}` says where it lies and what is in it."


def overrides_of(pipeline: Pipeline, run: dg.DagsterRun) -> dict[str, dict[str, Any]]:
    """asset -> fields that a run overrides: from its configuration (the UI) and its tag (the command line).

    A tag, because an override may concern an asset that is a hit and so no step of the run.
    """
    overrides: dict[str, dict[str, Any]] = json.loads(run.tags.get(OVERRIDES_TAG, "{}"))
    asset_of = {stage.op_name: name for name, stage in pipeline.stages.items()}
    for op, given in run.run_config.get("ops", {}).items():
        if op in asset_of and given.get("config"):
            overrides.setdefault(asset_of[op], {}).update(given["config"])
    return overrides


def to_result(stage: Stage, outcome: Outcome, variant: str = "") -> dg.MaterializeResult:
    """What a step says of its outcome. variant : name of the settings that are not the default ones"""
    checks = check_results(stage, outcome.artifact)
    if outcome.artifact is None:
        return dg.MaterializeResult(
            data_version=dg.DataVersion(NOT_APPLICABLE),
            metadata={"applicable": False, "reason": outcome.reason},
            check_results=checks,
        )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(outcome.artifact.data_version),
        metadata={
            **({"variant": variant} if variant else {}),
            "cache": outcome.state,
            "cache_reason": outcome.reason,
            **metadata_of(outcome.artifact),
        },
        check_results=checks,
    )


def metadata_of(artifact: Artifact) -> dict[str, Any]:
    """What the UI shows of an artifact, in the order a person looks: plots, facts, where it lies."""
    shown: dict[str, Any] = {}
    for plot in artifact.plots():
        if plot.stat().st_size <= LARGEST_PREVIEW:
            shown[f"plot_{plot.stem}"] = dg.MetadataValue.md(_inline(plot))
    for name, value in artifact.metadata.items():
        shown |= _entries(name, value)
    return shown | {
        "seconds": artifact.manifest["seconds"],
        "bytes": artifact.manifest["bytes"],
        "fingerprint": artifact.fingerprint[:16],
        "path": dg.MetadataValue.path(str(artifact.path)),
    }


def _entries(name: str, value: Any) -> dict[str, Any]:
    """One line for each member of a short mapping (its numbers can then be plotted over sessions); else one entry."""
    if isinstance(value, dict) and 0 < len(value) <= MOST_LINES:
        return {f"{name} ({member})": _entry(of) for member, of in value.items()}
    return {name: _entry(value)}


def _entry(value: Any) -> Any:
    if isinstance(value, list) and len(value) <= MOST_LINES and not any(isinstance(of, dict | list) for of in value):
        return ", ".join(map(str, value)) or "none"
    return dg.MetadataValue.json(value) if isinstance(value, dict | list) else value


def check_results(stage: Stage, artifact: Artifact | None) -> list[dg.AssetCheckResult]:
    """What the stage's checks found when the artifact was made: a hit replays it; None where nothing applies."""
    recorded = artifact.manifest["checks"] if artifact is not None else {}
    return [_check_result(check, recorded.get(check)) for check in stage.checks]


def _check_result(check: str, recorded: dict[str, Any] | None) -> dg.AssetCheckResult:
    if recorded is None:
        return dg.AssetCheckResult(check_name=check, passed=True, metadata={"applicable": False})
    return dg.AssetCheckResult(
        check_name=check,
        passed=recorded["passed"],
        severity=dg.AssetCheckSeverity.WARN if recorded["warn"] else dg.AssetCheckSeverity.ERROR,
        description=recorded["description"] or None,
        metadata=recorded["metadata"],
    )


def config_schema(config: type[StageConfig]) -> dict[str, dg.Field]:
    """Dagster's form of a configuration, for the Launchpad: all optional, since defaults come from the catalogue."""
    return {
        name: dg.Field(
            _config_type(info.annotation),
            is_required=False,
            description=f"{info.description or ''} (default: {_default(info)})".strip(),
        )
        for name, info in config.model_fields.items()
    }


def _default(info) -> str:
    return "from the catalogue" if info.is_required() else repr(info.default)


def _config_type(annotation: Any) -> Any:
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        members = [member for member in typing.get_args(annotation) if member is not type(None)]
        if len(members) == 1:
            return dg.Noneable(_config_type(members[0]))
    return dg.Any


def _inline(plot: Path) -> str:
    return f"![{plot.stem}](data:image/png;base64,{base64.b64encode(plot.read_bytes()).decode()})"
