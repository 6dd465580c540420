"""Artifacts that results are read from, made first where they are missing."""

import sys
from collections.abc import Iterable

from assets.dagster.driver import drive
from neuropipe.catalog import Session
from resources.store.artifact import Artifact
from resources.store.pipeline import Pipeline
from resources.store.plan import Overrides, Planner


def evaluation_of(decoder: str) -> str:
    """The asset that holds a decoder's scores."""
    return f"evaluation/decoder/{decoder}"


def make(
    pipeline: Pipeline, sessions: Iterable[Session], assets: Iterable[str], overrides: Overrides | None = None
) -> None:
    """Make assets of the sessions with everything upstream; a failure ends the program with its reason."""
    wanted = list(assets)
    failures = drive(pipeline, list(sessions), wanted, overrides=overrides, named=wanted).failures
    if failures:
        sys.exit(f"{failures[0].asset} of {failures[0].session}: {failures[0].reason}")


def current(planner: Planner, asset: str, session: Session | None) -> Artifact:
    """The artifact of the present code and the planner's settings; ends the program if the store does not hold it."""
    decision = planner.decide(asset, session)
    found = planner.artifact(decision)
    if found is None:
        sys.exit(f"{asset} of {session.key if session else 'all sessions'} is not in the store: {decision.reason}")
    return found
