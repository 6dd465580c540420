"""Which evaluations the store holds, of which sessions and variants, and which are missing or failed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from assets.stages import plugins
from neuropipe.catalog import Session
from neuropipe.evaluation import families
from neuropipe.evaluation.leaderboard import Evaluation
from neuropipe.schemas import Predictions, Scores
from resources.store.artifact import Artifact, CorruptArtifact
from resources.store.pipeline import Pipeline
from resources.store.plan import Planner, decide_variant
from resources.store.stage import Member, Uses

PREFIX = "evaluation/"  # of an evaluation's name; the rest is the name of what is evaluated


def uses(*code: str) -> Uses:
    """All score families, since any may be among the evaluations, and more `code` as `module:attribute`."""
    return plugins.together(plugins.uses(*families.available().values()), Uses(code))


def gather(planner: Planner, keys: set[str] | None = None) -> list[Member]:
    """All evaluations of the sessions that have been worked on; `keys` limits them.

    What is missing is listed beside evaluations of the same family.
    """
    assets = [name for name, stage in planner.pipeline.stages.items() if stage.score_family is not None]
    worked_on = set(planner.store.sessions())
    found: list[Member] = []
    for session in planner.catalog:
        if session.key in worked_on and (keys is None or session.key in keys):
            rows = [row for asset in assets for row in _of_asset(planner, asset, session)]
            begun = {row.facts["family"] for row in rows if row.facts["state"] != "missing"}
            found += [row for row in rows if row.facts["family"] in begun]
    return found


def read(members: list[Member]) -> list[Evaluation]:
    """What the members hold. A damaged one is set aside and listed as missing."""
    found = []
    for member in members:
        facts = dict(member.facts)
        try:
            found.append(member.read())
        except CorruptArtifact:
            command = f"neuropipe run {member.asset} --session {member.session}"
            facts |= {"state": "missing", "note": f"it was damaged: {command}"}
            found.append(Evaluation(**facts))
    return found


def family_of(pipeline: Pipeline, asset: str, session: Session) -> str:
    """Score family of an evaluation, or of the evaluation of an asset; "" where there is none."""
    for name in (asset, PREFIX + asset):
        stage = pipeline.stages.get(name)
        if stage is not None and stage.score_family is not None and not stage.applies_to(session):
            return stage.score_family(session)
    return ""


def _of_asset(planner: Planner, asset: str, session: Session) -> Iterator[Member]:
    """The default configuration of one evaluation, or why it is absent, and its variants."""
    store, model = planner.store, asset.rpartition("/")[2]
    decision = planner.decide(asset, session)
    if decision.state == "n/a":
        return
    upstream, family = asset.removeprefix(PREFIX), family_of(planner.pipeline, asset, session)

    def member(state: str, note: str = "", variant: str = "", artifact: Artifact | None = None) -> Member:
        facts = {"session": session.key, "family": family, "model": model}
        facts |= {"variant": variant, "state": state, "note": note}
        fingerprint = artifact.fingerprint if artifact else None
        version = artifact.data_version if artifact else None
        reader = _reader(planner, facts, asset, session, fingerprint)
        return Member(facts, asset, session.key, fingerprint, version, reader)

    failure = store.failure(asset, session.key) or store.failure(upstream, session.key)
    if decision.state == "hit" and (artifact := planner.artifact(decision)) is not None:
        yield member("current", artifact=artifact)
    elif failure is not None and not failure["variant"]:
        yield member("failed", failure["message"])
    elif (latest := store.latest(asset, session.key)) is not None:
        yield member("stale", decision.reason, artifact=latest)
    elif not planner.pipeline.stages[asset].slow:
        yield member("missing", f"neuropipe run {asset} --session {session.key}")
    for variant in store.variants(asset, session.key):
        if variant.artifact.fingerprint == decision.fingerprint:
            continue
        today = decide_variant(planner.pipeline, asset, variant, session)
        current = today.fingerprint == variant.artifact.fingerprint
        state, note = ("current", "") if current else ("stale", today.reason)
        yield member(state, note, variant.variant, variant.artifact)


def _reader(
    planner: Planner, facts: dict[str, Any], asset: str, session: Session, fingerprint: str | None
) -> Callable[[], Evaluation]:
    def read_evaluation() -> Evaluation:
        bare = Evaluation(**facts)
        if fingerprint is None:
            return bare
        scores = Scores.read(planner.store.open_verified(asset, fingerprint, f"{asset} of {session.key}"))
        upstream = asset.removeprefix(PREFIX)
        compared = facts["state"] == "current" and not facts["variant"]
        compared = compared and planner.pipeline.stages[upstream].output is Predictions
        return replace(
            bare,
            primary=scores.ranking["primary"],
            scores=scores.scores,
            predictions=(lambda: _predictions(planner, upstream, session)) if compared else None,
        )

    return read_evaluation


def _predictions(planner: Planner, asset: str, session: Session) -> Any:
    row = planner.decide(asset, session)
    artifact = planner.store.open_verified(row.holder, row.fingerprint, f"{asset} of {session.key}")
    return Predictions.read(artifact).predictions
