"""What an asset over several sessions takes of each member of its cohort: one artifact, none of which may be absent."""

from neuropipe.catalog import Session
from neuropipe.catalog.cohorts import Cohort
from resources.store.artifact import Artifact
from resources.store.plan import Decision, Planner

NAMED = 3  # sessions that are absent, up to which each is named


def absent_members(planner: Planner, cohort: Cohort, upstream: str) -> str | None:
    """What is absent of the cohort and which command makes it, in a sentence; None where everything is there."""
    absent = [row.session for row in _decisions(planner, cohort, upstream) if row.state != "hit"]
    if not absent:
        return None
    datasets = dict.fromkeys(key.partition(".")[0] for key in absent)
    keys = absent if len(absent) <= NAMED else [f"{dataset}.*" for dataset in datasets]
    sessions = " ".join(f"--session '{key}'" for key in keys)
    return (
        f"{len(absent)} of the {len(cohort.sessions)} sessions that it is made from have no current {upstream} in the "
        f"store: run `neuropipe run {upstream} {sessions}` first"
    )


def versions_of_members(planner: Planner, cohort: Cohort, upstream: str) -> dict[str, dict[str, str | None]]:
    """group -> session -> data version."""
    version = {row.session: row.data_version for row in _decisions(planner, cohort, upstream)}
    return {group: {key: version[key] for key in keys} for group, keys in cohort.groups.items()}


def artifacts_of_members(planner: Planner, cohort: Cohort, upstream: str) -> dict[str, Artifact]:
    """session -> artifact, whose bytes are those that were committed."""
    store = planner.pipeline.workspace.store
    return {
        row.session: store.open_verified(upstream, row.session, row.fingerprint)
        for row in _decisions(planner, cohort, upstream)
    }


def _decisions(planner: Planner, cohort: Cohort, upstream: str) -> list[Decision]:
    sessions: dict[str, Session] = planner.pipeline.workspace.catalog.sessions
    return [planner.decide(upstream, sessions[key]) for key in cohort.sessions]
