"""A session's artifacts as exporters take them (neuropipe.export)."""

import fnmatch
from collections.abc import Sequence

from neuropipe.catalog import Session
from neuropipe.errors import BadInput
from neuropipe.export import Made, SessionContent
from neuropipe.registry import Plugin
from resources.store.plan import Planner

SUPPORT = ("recording", "binned")  # what tells samples, trials and units of the others apart


def gather(planner: Planner, session: Session, exporter: Plugin, asked: Sequence[str]) -> SessionContent:
    """What a format holds of a session. asked : assets; by default everything of the session that is in the store.

    Raises BadInput for an asset that the format does not hold, that does not apply or is not in the store, where there
    is nothing at all, and for several where the format holds one.
    """
    fits = [name for name in planner.pipeline.stages if _fits(name, exporter)]
    for name in asked:
        planner.pipeline.stage(name)
        if name not in fits:
            raise BadInput(
                f"{name!r} can't be exported as {exporter.name}, which holds {', '.join(exporter.facts['assets'])}"
            )
    source = _source(planner, session)
    if asked:
        names = list(dict.fromkeys(asked))
        for name in names:
            _refuse_missing(planner, session, name)
    else:
        names = [name for name in fits if planner.decide(name, session).state == "hit"]
        if not names:
            raise BadInput(
                f"nothing of {session.key} that {exporter.name} holds is in the store; make it with "
                f"`neuropipe run --session {session.key}`"
            )
    if not exporter.facts.get("many"):
        names = [_the_one(names, source, exporter)]
    support = [name for name in (*SUPPORT, source) if planner.decide(name, session).state == "hit"]
    made = {name: _made(planner, session, name) for name in dict.fromkeys((*names, *support))}
    dataset = session.dataset
    return SessionContent(
        key=session.key,
        title=dataset.title,
        citation=dataset.citation,
        licence=dataset.licence,
        note=session.entry.note,
        modality=dataset.modality,
        source=source,
        assets=made,
        subject={**dataset.subject, **session.entry.subject},
        simulated=session.simulator is not None,
        asked=tuple(names),
    )


def _fits(name: str, exporter: Plugin) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in exporter.facts["assets"])


def _source(planner: Planner, session: Session) -> str:
    """The asset that the session's activity is read from."""
    stage = planner.pipeline.stages.get("activity")
    if stage is None or planner.not_applicable(stage, session):
        return "recording"
    return planner.config(stage, session).source


def _the_one(names: list[str], source: str, exporter: Plugin) -> str:
    if len(names) == 1:
        return names[0]
    if source in names:
        return source
    raise BadInput(f"{exporter.name} holds one asset: name one of {', '.join(names)}")


def _refuse_missing(planner: Planner, session: Session, name: str) -> None:
    decision = planner.decide(name, session)
    if decision.state == "n/a":
        raise BadInput(f"{name} does not apply to {session.key}: {decision.reason}")
    if decision.state == "run":
        options = "".join(
            f" --set {asset}.{field}={value}"
            for asset, fields in planner.overrides.items()
            for field, value in fields.items()
        )
        raise BadInput(
            f"{name} of {session.key} is not in the store ({decision.reason}); make it with "
            f"`neuropipe run {name} --session {session.key}{options}`"
        )


def _made(planner: Planner, session: Session, name: str) -> Made:
    decision, stage = planner.decide(name, session), planner.pipeline.stage(name)
    assert decision.fingerprint is not None
    artifact = planner.store.open_verified(decision.holder, decision.fingerprint, f"{name} of {session.key}")
    return Made(stage.output.read(artifact), artifact.fingerprint, artifact.manifest["ingredients"]["config"])
