"""Planned hits, told to the Dagster instance with their checks: what the store holds and this instance has not seen.

Each is reported with data version, code version, input data versions and pointers to the input events, so that
Dagster's own staleness agrees with the plan.
"""

import contextlib
from collections.abc import Iterable, Mapping

import dagster as dg
from sqlalchemy.exc import IntegrityError

from assets.dagster.assets import NOT_APPLICABLE, asset_key, check_results, metadata_of
from assets.dagster.internals import (
    CODE_VERSION_TAG,
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
    AssetCheckEvaluationTargetMaterializationData,
    AssetRecordsFilter,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)
from resources.store.artifact import Artifact
from resources.store.plan import Decision, Planner
from resources.store.stage import Stage

_RECORDS_A_QUERY = 500
Newest = dict[str | None, dg.EventLogRecord]


def report_hits(instance: dg.DagsterInstance, planner: Planner, decisions: Iterable[Decision]) -> int:
    """Report the hits that the instance does not show as current; returns how many.

    planner : of the code and catalogue that the decisions were made under
    """
    pipeline = planner.pipeline
    decisions = [decision for decision in decisions if decision.state != "run"]
    sessions = {decision.session for decision in decisions}
    newest: dict[str, Newest] = {}
    n_reported = 0

    def partitioned(asset: str) -> bool:
        return pipeline.stages[asset].partitioned

    for decision in decisions:
        stage = pipeline.stages[decision.asset]
        above = inputs_of(stage, decision)
        for asset in (decision.asset, *above):
            if asset not in newest:
                newest[asset] = _newest(instance, asset, sessions - {None} if partitioned(asset) else {None})
        tags = {
            DATA_VERSION_TAG: decision.data_version or NOT_APPLICABLE,
            CODE_VERSION_TAG: planner.declared_version(stage),
            **_input_tags({name: decision.session if partitioned(name) else None for name in above}, newest),
        }
        shown = newest[decision.asset].get(decision.session)
        if shown is None or not tags.items() <= (shown.asset_materialization.tags or {}).items():
            artifact = planner.artifact(decision)
            _report(instance, decision, artifact, tags)
            newest[decision.asset] |= _newest(instance, decision.asset, {decision.session})
            if shown is None:
                _report_checks(instance, stage, artifact, newest[decision.asset][decision.session])
            n_reported += 1
    return n_reported


def inputs_of(stage: Stage, decision: Decision) -> list[str]:
    """The assets that a decision was made from: of a stage that points at its source, that source alone."""
    if stage.choose is not None:
        return [decision.holder] if decision.holder else []
    return [needed.asset for needed in stage.inputs.values()]


def _newest(instance: dg.DagsterInstance, asset: str, sessions: set[str | None]) -> Newest:
    """session -> the newest materialization that the instance knows of."""
    key = asset_key(asset)
    if sessions == {None}:
        found = instance.fetch_materializations(AssetRecordsFilter(asset_key=key), limit=1)
        return {record.partition_key: record for record in found.records}
    ids = instance.event_log_storage.get_latest_storage_id_by_partition(
        key, dg.DagsterEventType.ASSET_MATERIALIZATION, partitions=sessions
    )
    storage_ids = list(ids.values())
    newest: Newest = {}
    for first in range(0, len(storage_ids), _RECORDS_A_QUERY):
        part = storage_ids[first : first + _RECORDS_A_QUERY]
        wanted = AssetRecordsFilter(asset_key=key, storage_ids=part)
        found = instance.fetch_materializations(wanted, limit=len(part))
        newest |= {record.partition_key: record for record in found.records}
    return newest


def _input_tags(inputs: Mapping[str, str | None], newest: dict[str, Newest]) -> dict[str, str]:
    """Which versions, and which events, of its inputs (asset -> session) a materialization was made from."""
    tags: dict[str, str] = {}
    for upstream, session in inputs.items():
        record = newest[upstream].get(session)
        if record is not None:
            key = asset_key(upstream)
            tags[get_input_data_version_tag(key)] = record.asset_materialization.tags[DATA_VERSION_TAG]
            tags[get_input_event_pointer_tag(key)] = str(record.storage_id)
    return tags


def _report(instance: dg.DagsterInstance, decision: Decision, artifact: Artifact | None, tags: dict[str, str]) -> None:
    if artifact is None:
        metadata = {"applicable": False, "reason": decision.reason}
    else:
        metadata = {"cache": "hit", "cache_reason": "planned hit", **metadata_of(artifact)}
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            asset_key(decision.asset),
            partition=decision.session,
            tags={**tags, DATA_VERSION_IS_USER_PROVIDED_TAG: "true"},
            metadata=metadata,
        )
    )


def _report_checks(
    instance: dg.DagsterInstance, stage: Stage, artifact: Artifact | None, made: dg.EventLogRecord
) -> None:
    """The checks of a reported materialization, as they came out when the artifact was made.

    Dagster has room for one result of a check that no run made, a partition: where there is one, it stays. It says the
    same, since an artifact whose checks failed is never committed.
    """
    target = AssetCheckEvaluationTargetMaterializationData(
        storage_id=made.storage_id, run_id=made.run_id, timestamp=made.timestamp
    )
    for result in check_results(stage, artifact):
        evaluation = dg.AssetCheckEvaluation(
            asset_key(stage.name),
            result.check_name,
            result.passed,
            metadata=result.metadata,
            target_materialization_data=target,
            severity=result.severity,
            description=result.description,
            partition=made.partition_key,
        )
        with contextlib.suppress(IntegrityError):
            instance.report_runless_asset_event(evaluation)
