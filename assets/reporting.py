"""Planned hits, told to the Dagster instance: what the store holds and this instance has not seen.

Each is reported with data version, code version, input data versions and pointers to the input events, so that
Dagster's own staleness agrees with the plan.
"""

from collections.abc import Iterable

import dagster as dg
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)
from dagster._core.event_api import AssetRecordsFilter

from assets.dagster_assets import NOT_APPLICABLE, asset_key, metadata_of
from resources.plan import Decision, Pipeline, Planner

_SEEN_TAGS = [DATA_VERSION_TAG, CODE_VERSION_TAG]


def report_hits(instance: dg.DagsterInstance, pipeline: Pipeline, decisions: Iterable[Decision]) -> int:
    """Report the hits that the instance does not show as current; returns how many."""
    planner = Planner(pipeline)
    declared = {name: planner.declared_version(stage) for name, stage in pipeline.stages.items()}
    shown = {}
    reported: set[tuple[str, str | None]] = set()
    for decision in decisions:
        if decision.state == "run":
            continue
        if decision.asset not in shown:
            shown[decision.asset] = _shown(instance, decision.asset)
        stage = pipeline.stages[decision.asset]
        moved = any((upstream, decision.session) in reported for upstream in stage.inputs.values())
        current = {
            DATA_VERSION_TAG: decision.data_version or NOT_APPLICABLE,
            CODE_VERSION_TAG: declared[decision.asset],
        }
        if shown[decision.asset].get(decision.session) == current and not moved:
            continue
        _report(instance, pipeline, decision, current)
        reported.add((decision.asset, decision.session))
    return len(reported)


def _shown(instance: dg.DagsterInstance, asset: str) -> dict[str | None, dict[str, str]]:
    """session -> data and code version that the instance holds as the newest, in one query an asset."""
    key = asset_key(asset)
    shown: dict[str | None, dict[str, str]] = dict(
        instance.event_log_storage.get_latest_tags_by_partition(
            key, dg.DagsterEventType.ASSET_MATERIALIZATION, tag_keys=_SEEN_TAGS
        )
    )
    newest = instance.get_latest_materialization_event(key)
    if newest is not None and newest.asset_materialization.partition is None:
        tags = newest.asset_materialization.tags or {}
        shown[None] = {tag: tags[tag] for tag in _SEEN_TAGS if tag in tags}
    return shown


def _report(instance: dg.DagsterInstance, pipeline: Pipeline, decision: Decision, tags: dict[str, str]) -> None:
    stage = pipeline.stages[decision.asset]
    tags = {**tags, DATA_VERSION_IS_USER_PROVIDED_TAG: "true"}
    for upstream in dict.fromkeys(stage.inputs.values()):
        record = _newest_record(instance, upstream, decision.session)
        if record is not None:
            key = asset_key(upstream)
            tags[get_input_data_version_tag(key)] = record.asset_materialization.tags[DATA_VERSION_TAG]
            tags[get_input_event_pointer_tag(key)] = str(record.storage_id)
    if decision.state == "n/a":
        metadata, artifact = {"applicable": False, "reason": decision.reason}, None
    else:
        artifact = pipeline.workspace.store.lookup(decision.asset, decision.session, decision.fingerprint)
        metadata = {"cache": "hit", "cache_reason": "planned hit", **metadata_of(artifact)}
    instance.report_runless_asset_event(
        dg.AssetMaterialization(asset_key(decision.asset), partition=decision.session, tags=tags, metadata=metadata)
    )


def _newest_record(instance: dg.DagsterInstance, asset: str, session: str | None):
    partitions = [session] if session is not None else None
    found = instance.fetch_materializations(
        AssetRecordsFilter(asset_key=asset_key(asset), asset_partitions=partitions), limit=1
    )
    return found.records[0] if found.records else None
