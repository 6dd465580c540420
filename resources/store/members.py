"""The members of a cohort, as a stage over many sessions is given them: one artifact of each, none absent."""

from typing import Any

from neuropipe.catalog.cohorts import Cohort
from resources.store.plan import Decision, Planner
from resources.store.stage import Member, Unresolved

NAMED = 3  # absent sessions, up to which each is named


def absent_members(planner: Planner, cohort: Cohort, asset: str) -> str | None:
    """Which sessions of a cohort have no current artifact, with the command that makes them; None where all have."""
    absent = [row.session for row in _decisions(planner, cohort, asset) if row.state != "hit"]
    if not absent:
        return None
    datasets = dict.fromkeys(key.partition(".")[0] for key in absent)
    keys = absent if len(absent) <= NAMED else [f"{dataset}.*" for dataset in datasets]
    sessions = " ".join(f"--session '{key}'" for key in keys)
    have = "has" if len(absent) == 1 else "have"
    return (
        f"{len(absent)} of the {len(cohort.sessions)} sessions that it is made from {have} no current {asset} in the "
        f"store: run `neuropipe run {asset} {sessions}` first"
    )


def cohort_members(planner: Planner, cohort: Cohort, asset: str, schema: Any) -> list[Member]:
    """The artifacts of a cohort, with the group of each; Unresolved while one is absent. schema : that reads them"""
    if absent := absent_members(planner, cohort, asset):
        raise Unresolved(absent)

    def reader(row: Decision) -> Any:
        what = f"{row.asset} of {row.session}"
        return lambda: schema.read(planner.store.open_verified(row.holder, row.fingerprint, what))

    return [
        Member(
            {"group": cohort.group_of(row.session)}, asset, row.session, row.fingerprint, row.data_version, reader(row)
        )
        for row in _decisions(planner, cohort, asset)
    ]


def _decisions(planner: Planner, cohort: Cohort, asset: str) -> list[Decision]:
    return [planner.decide(asset, planner.catalog.session(key)) for key in cohort.sessions]
