"""Memoised materialisation: a hit returns what is recorded, a miss computes, commits and says why it had to."""

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from neuropipe.catalog import Session
from neuropipe.errors import BadInput
from resources.run.job import Job
from resources.store.artifact import Artifact, Draft
from resources.store.plan import Planner
from resources.store.stage import Stage, Unresolved, call

CACHE_TAG = "neuropipe/cache"
REFRESH = "refresh"
LOG = logging.getLogger("neuropipe")


@dataclass(frozen=True)
class Outcome:
    """What became of one (asset, session). seconds : of computing, when it was computed."""

    state: Literal["hit", "miss", "n/a"]
    reason: str
    artifact: Artifact | None = None


def materialize(
    planner: Planner,
    asset: str,
    session: Session | None,
    *,
    refresh: bool = False,
    run_id: str = "",
    log: Any = LOG,
) -> Outcome:
    """Make one asset of one session be there, from the store or by running its stage.

    Raises BadInput when an input is missing or damaged; whatever the stage raises is recorded and passed on.
    """
    stage = planner.pipeline.stage(asset)
    store = planner.pipeline.workspace.store
    key = session.key if session is not None else None
    if reason := planner.not_applicable(stage, session):
        return Outcome("n/a", reason)
    inputs = {}
    for parameter, upstream in stage.inputs.items():
        above = planner.decide(upstream, session)
        if above.state == "n/a" and parameter not in stage.optional:
            return Outcome("n/a", f"{upstream} does not apply: {above.reason}")
        if above.state == "run":
            command = f"neuropipe run {upstream}" + (f" --session {above.session}" if above.session else "")
            raise BadInput(
                f"{asset} of {key} needs {upstream}, which is not in the store ({above.reason}): run `{command}` first"
            )
        inputs[parameter] = above
    versions = {parameter: above.data_version for parameter, above in inputs.items()}
    try:
        fingerprint = planner.fingerprint(stage, session, versions)
    except Unresolved:
        stage.source(planner, session, fetch=True)
        fingerprint = planner.fingerprint(stage, session, versions)

    if not refresh and (found := _reuse(store, asset, key, fingerprint)):
        return Outcome("hit", "fingerprint match", found)
    with store.lock(asset, key, fingerprint):
        if not refresh and (found := _reuse(store, asset, key, fingerprint)):
            return Outcome("hit", "made by a concurrent run", found)
        reason = "refresh asked for" if refresh else planner.why(stage, session, versions)
        log.info(f"{asset} of {key}: running ({reason})" if key else f"{asset}: running ({reason})")
        try:
            artifact = _compute(planner, stage, session, inputs, versions, fingerprint, refresh, run_id, log)
        except Exception as error:
            message = str(error) if isinstance(error, BadInput) else f"{type(error).__name__}: {error}"
            store.record_failure(asset, key, fingerprint, planner.variant(asset), message)
            raise
    store.point_latest(artifact)
    store.clear_failure(asset, key)
    return Outcome("miss", reason, artifact)


def _reuse(store, asset: str, key: str | None, fingerprint: str) -> Artifact | None:
    """The artifact of a fingerprint, if it is whole as far as a look at its files' sizes tells."""
    artifact = store.lookup(asset, key, fingerprint)
    if artifact is None:
        return None
    if store.missized(artifact):
        store.quarantine(artifact.path)
        return None
    store.point_latest(artifact)
    return artifact


def _compute(
    planner: Planner,
    stage: Stage,
    session: Session | None,
    inputs: Mapping[str, Any],
    versions: Mapping[str, str | None],
    fingerprint: str,
    refresh: bool,
    run_id: str,
    log: Any,
) -> Artifact:
    store = planner.pipeline.workspace.store
    key = session.key if session is not None else None
    artifacts = {
        parameter: store.open_verified(above.asset, above.session, above.fingerprint) if above.fingerprint else None
        for parameter, above in inputs.items()
    }
    progress = store.progress(stage.name, key, fingerprint, planner.overrides) if stage.keeps_progress else None
    began = time.perf_counter()
    with store.draft() as draft:
        if stage.isolated:
            job = Job.of(planner, stage.name, key, fingerprint, versions, artifacts, draft, progress)
            done = planner.pipeline.workspace.compute.run(
                asdict(job), f"{stage.name} of {key}" if key else stage.name, log
            )
            draft.metadata, draft.checks = done["metadata"], done["checks"]
        else:
            fill(planner, stage, session, artifacts, draft, progress, log)
        artifact = store.commit(
            draft,
            asset=stage.name,
            session=key,
            fingerprint=fingerprint,
            ingredients=planner.ingredients(stage, session, versions),
            variant=planner.variant(stage.name),
            facts={
                "seconds": round(time.perf_counter() - began, 3),
                "created": time.time(),
                "run_id": run_id,
                "overrides": planner.overrides,
            },
            new_attempt=refresh,
        )
    store.clear_progress(stage.name, key, fingerprint)
    return artifact


def fill(
    planner: Planner,
    stage: Stage,
    session: Session | None,
    artifacts: Mapping[str, Artifact | None],
    draft: Draft,
    progress: Path | None,
    log: Any,
) -> None:
    """Run a stage's function with what its signature names. progress : folder of its work in progress."""
    available = {
        "session": session,
        "config": planner.config(stage, session),
        "workspace": planner.pipeline.workspace,
        "planner": planner,
        "progress": progress,
        "log": log,
    }
    call(stage, draft, available, artifacts)
