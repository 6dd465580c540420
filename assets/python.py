"""The pipeline from Python: what `neuropipe.load`, `sessions`, `run` and `leaderboard` do."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from assets.cli.selection import select
from assets.pipeline import build_pipeline
from neuropipe import tasks
from neuropipe.errors import BadInput
from neuropipe.schemas import Activity
from resources.store.plan import Planner
from resources.workspace import CLONE


def load(asset: str, session: str | None, settings: Mapping[str, Any] | None) -> Any:
    pipeline = build_pipeline()
    stage = pipeline.stage(asset)
    if stage.partitioned and session is None:
        raise BadInput(f"{asset} is made for each session: name one, e.g. load({asset!r}, '<dataset>.<session>')")
    planner = Planner(pipeline, _overrides(settings))
    wanted = planner.catalog.session(session) if session is not None and stage.partitioned else None
    decision = planner.decide(asset, wanted)
    if decision.state == "n/a":
        raise BadInput(f"{asset} does not apply to {session}: {decision.reason}")
    if decision.state == "run":
        call = f"neuropipe.run({asset!r}" + (f", session={session!r})" if wanted is not None else ")")
        raise BadInput(f"{asset} is not in the store ({decision.reason}): make it with {call}")
    what = f"{asset} of {session}" if wanted is not None else asset
    artifact = planner.store.open_verified(decision.holder, decision.fingerprint, what)
    return (Activity if stage.choose is not None else stage.output).read(artifact)


def sessions() -> pd.DataFrame:
    rows = []
    for session in build_pipeline().workspace.catalog:
        files = session.entry.files
        rows.append(
            {
                "session": session.key,
                "modality": session.modality,
                "task": tasks.kind_of(session.task) if session.task is not None else None,
                "target": session.task.target if session.task is not None else None,
                "files": len(files),
                "bytes": sum(file.bytes or 0 for file in files.values()),
                "note": session.entry.note,
            }
        )
    return pd.DataFrame(rows)


def run(
    selection: tuple[str, ...], session: str | list[str] | None, settings: Mapping[str, Any] | None, refresh: bool
) -> dict[str, Any]:
    os.environ.setdefault("DAGSTER_HOME", str(CLONE))
    os.environ["DAGSTER_HOME"] = str(Path(os.environ["DAGSTER_HOME"]).absolute())
    from assets.cli.options import refuse_unread
    from assets.dagster.driver import drive

    pipeline = build_pipeline()
    assets = select(pipeline, selection)
    if session is None and any(pipeline.stage(asset).partitioned for asset in assets):
        raise BadInput("say which sessions: session='<dataset>.<session>', a list of keys, or a glob like 'sim-*'")
    chosen = pipeline.workspace.catalog.match(_patterns(session)) if session is not None else []
    overrides = _overrides(settings)
    refuse_unread(Planner(pipeline, overrides), chosen, assets)
    named = [name for name in selection if name in pipeline.stages]
    summary = drive(pipeline, chosen, assets, overrides=overrides, refresh=refresh, named=named)
    failures = [
        {"asset": failure.asset, "session": failure.session, "reason": failure.reason} for failure in summary.failures
    ]
    return {**summary.as_json(), "failures": failures}


def leaderboard(session: str | list[str] | None) -> pd.DataFrame:
    from assets.stages.results.leaderboard import collect

    planner = Planner(build_pipeline())
    keys = {each.key for each in planner.catalog.match(_patterns(session))} if session is not None else None
    return collect(planner, keys)


def _patterns(session: str | list[str]) -> tuple[str, ...]:
    return (session,) if isinstance(session, str) else tuple(session)


def _overrides(settings: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    """`{"decoder/xgboost.max_depth": 2}` -> {"decoder/xgboost": {"max_depth": 2}}"""
    overrides: dict[str, dict[str, Any]] = {}
    for setting, value in (settings or {}).items():
        asset, dot, field = setting.rpartition(".")
        if not dot:
            raise BadInput(f"settings {setting!r}: write 'ASSET.FIELD', e.g. 'decoder/xgboost.max_depth'")
        overrides.setdefault(asset, {})[field] = value
    return overrides
