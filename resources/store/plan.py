"""plan(): which (asset, session) is a hit, must run or does not apply; the same code fingerprints a real run.

Nothing is run or opened: a decision is a fingerprint and one look into the store. Inputs are found by computing the
fingerprint that this configuration gives them, never by asking what was made last.
"""

import difflib
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from neuropipe.catalog import Session
from neuropipe.errors import BadInput
from resources.store.artifact import Artifact
from resources.store.stage import Stage, Unresolved
from resources.store.store import SCHEMA, canonical, digest
from resources.workspace import Workspace

State = Literal["hit", "run", "n/a"]
Overrides = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about one asset of one session, and why. blocked_by : the input that has to run before."""

    asset: str
    session: str | None
    state: State
    reason: str = ""
    fingerprint: str | None = None
    data_version: str | None = None
    blocked_by: str | None = None


class Pipeline:
    """The stages in topological order, and the workspace they work in.

    builder : `module:function`, which makes this pipeline of a workspace; child processes make theirs so.
    """

    def __init__(self, stages: Iterable[Stage], workspace: Workspace, builder: str = ""):
        self.stages = _sorted_topologically({stage.name: stage for stage in stages})
        self.workspace = workspace
        self.builder = builder
        if not builder and (isolated := [name for name, stage in self.stages.items() if stage.isolated]):
            raise ValueError(f"{isolated[0]} runs in a child process, which needs to know the pipeline's builder")

    def stage(self, name: str) -> Stage:
        if name not in self.stages:
            near = difflib.get_close_matches(name, self.stages, n=3) or list(self.stages)
            raise BadInput(f"no asset is called {name!r}; did you mean {', '.join(near)}?")
        return self.stages[name]

    def ancestors(self, name: str) -> set[str]:
        found: set[str] = set()
        waiting = list(self.stages[name].inputs.values())
        while waiting:
            asset = waiting.pop()
            if asset not in found:
                found.add(asset)
                waiting.extend(self.stages[asset].inputs.values())
        return found


def _sorted_topologically(stages: Mapping[str, Stage]) -> dict[str, Stage]:
    ordered: dict[str, Stage] = {}

    def visit(name: str) -> None:
        if name not in ordered:
            for upstream in (*stages[name].inputs.values(), *stages[name].gathers):
                visit(upstream)
            ordered[name] = stages[name]

    for name in stages:
        visit(name)
    return ordered


class Planner:
    """Decisions under one set of overrides (asset -> field -> value); each is made once.

    Make a new planner after something ran.
    """

    def __init__(self, pipeline: Pipeline, overrides: Overrides | None = None):
        self.pipeline = pipeline
        self.overrides = {asset: dict(fields) for asset, fields in (overrides or {}).items() if fields}
        for asset, fields in self.overrides.items():
            known = pipeline.stage(asset).config.model_fields
            for field in fields:
                if field not in known:
                    raise BadInput(f"{asset} has no setting {field!r}; it has {', '.join(known) or 'none'}")
        self._decisions: dict[tuple[str, str | None], Decision] = {}
        self._heads: dict[tuple[str, Any, tuple[str, ...]], str] = {}
        self._variants: dict[str, str] = {}

    # -- decisions -------------------------------------------------------------------------------------------------

    def decide(self, asset: str, session: Session | None) -> Decision:
        """What is to be done about an asset of a session; about what is made once for all, whichever session asks."""
        if not self.pipeline.stages[asset].partitioned:
            session = None
        key = (asset, session.key if session is not None else None)
        decision = self._decisions.get(key)
        if decision is None:
            decision = self._decisions[key] = self._decide(self.pipeline.stages[asset], session)
        return decision

    def plan(self, sessions: Iterable[Session], assets: Iterable[str] | None = None) -> list[Decision]:
        """Decisions for the given assets (all without): session by session, what gathers sessions last."""
        wanted = [stage for name, stage in self.pipeline.stages.items() if assets is None or name in set(assets)]
        rows = [self.decide(stage.name, session) for session in sessions for stage in wanted if stage.partitioned]
        will_run = {row.asset for row in rows if row.state == "run"}
        for stage in wanted:
            if not stage.partitioned:
                waiting = sorted(will_run & set(stage.gathers)) if stage.lacks is None else []
                reason = f"{waiting[0]} will run" if waiting else ""
                rows.append(
                    Decision(stage.name, None, "run", reason, blocked_by=waiting[0])
                    if waiting
                    else self.decide(stage.name, None)
                )
        return rows

    def _decide(self, stage: Stage, session: Session | None) -> Decision:
        key = session.key if session is not None else None
        if reason := self.not_applicable(stage, session):
            return Decision(stage.name, key, "n/a", reason)
        versions, waiting = {}, None
        for parameter, upstream in stage.inputs.items():
            above = self.decide(upstream, session)
            if above.state == "n/a" and parameter not in stage.optional:
                return Decision(stage.name, key, "n/a", f"{upstream} does not apply: {above.reason}")
            if above.state == "run":
                waiting = waiting or upstream
            versions[parameter] = above.data_version
        if waiting:
            if stage.name in self.overrides:
                self.config(stage, session)  # a bad setting is refused before anything upstream is run for it
            return Decision(stage.name, key, "run", f"{waiting} will run", blocked_by=waiting)
        try:
            fingerprint = self.fingerprint(stage, session, versions)
        except Unresolved as unresolved:
            return Decision(stage.name, key, "run", str(unresolved))
        version = self.pipeline.workspace.store.probe(stage.name, key, fingerprint)
        if version is not None:
            return Decision(stage.name, key, "hit", "", fingerprint, version)
        return Decision(stage.name, key, "run", self.why(stage, session, versions), fingerprint)

    def not_applicable(self, stage: Stage, session: Session | None) -> str | None:
        """Why a stage can't be made of a session, or for all of them, as far as it says itself."""
        if session is not None:
            return stage.applies_to(session)
        return stage.lacks(self) if stage.lacks is not None else None

    # -- fingerprints ----------------------------------------------------------------------------------------------

    def config(self, stage: Stage, session: Session | None) -> Any:
        """The resolved configuration: defaults < data set < session < overrides."""
        values: dict[str, Any] = {}
        if session is not None:
            values = {**stage.settings(session.dataset), **session.config(stage.name)}
        values.update(self.overrides.get(stage.name, {}))
        try:
            return stage.config(**values)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            fault = first["msg"].removeprefix("Value error, ")
            said = f"{field}: {fault} (found {first['input']!r})" if field else fault
            known = ", ".join(stage.config.model_fields) or "none"
            where = f" of {session.key}" if session is not None else ""
            raise BadInput(f"{stage.name}{where}: {said}; its settings are {known}") from None

    def fingerprint(self, stage: Stage, session: Session | None, versions: Mapping[str, str | None]) -> str:
        source = self.source(stage, session)
        lines = [
            self._head(stage, session),
            session.key if session is not None else "",
            "" if source is None else canonical(source).decode(),
            *(f"{parameter}={version or ''}" for parameter, version in sorted(versions.items())),
        ]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def ingredients(self, stage: Stage, session: Session | None, versions: Mapping[str, str | None]) -> dict[str, Any]:
        """All that enters the fingerprint, in words: kept in the manifest, compared to say why something reran."""
        return {
            **self._head_parts(stage, session),
            "session": session.key if session is not None else None,
            "source": self.source(stage, session),
            "inputs": dict(versions),
        }

    def source(self, stage: Stage, session: Session | None) -> Any:
        return stage.source(self, session, fetch=False) if stage.source else None

    def variant(self, asset: str) -> str:
        """Name of what the overrides make of an asset: those of its own and of everything upstream, sorted."""
        if asset not in self._variants:
            concerned = self.pipeline.ancestors(asset) | {asset, *self.pipeline.stages[asset].gathers}
            self._variants[asset] = ",".join(
                f"{name}.{field}={_brief(value)}"
                for name, fields in sorted(self.overrides.items())
                if name in concerned
                for field, value in sorted(fields.items())
                if field not in self.pipeline.stages[name].config.runtime_only()
            )
        return self._variants[asset]

    def declared_version(self, stage: Stage) -> str:
        """One version of a stage for all sessions: code, tools and settings. Dagster compares it to tell staleness."""
        seen = {}
        for session in self.pipeline.workspace.catalog if stage.partitioned else [None]:
            if session is None or not stage.applies_to(session):
                seen[self._head(stage, session)] = None
        return digest(sorted(seen))[:16]

    def _head(self, stage: Stage, session: Session | None) -> str:
        """Digest of all that does not differ between the sessions of a data set."""
        own = session.entry.config.get(stage.name) if session is not None else None
        scope = (id(session.dataset) if session is not None else None, canonical(own) if own else b"")
        key = (stage.name, scope, stage.plugins(session))
        if key not in self._heads:
            self._heads[key] = digest(self._head_parts(stage, session))
        return self._heads[key]

    def _head_parts(self, stage: Stage, session: Session | None) -> dict[str, Any]:
        config = self.config(stage, session)
        return {
            "schema": SCHEMA,
            "asset": stage.name,
            "code_version": stage.code_version(session, config),
            "config": config.model_dump(mode="json", exclude=config.runtime_only()),
            "tools": stage.tool_versions(config),
        }

    def why(self, stage: Stage, session: Session | None, versions: Mapping[str, str | None]) -> str:
        latest = self.pipeline.workspace.store.latest(stage.name, session.key if session is not None else None)
        if latest is None:
            return "never made"
        return changes(latest, self.ingredients(stage, session, versions))


def decide_again(pipeline: Pipeline, artifact: Artifact, session: Session | None) -> Decision:
    """What is decided today under the overrides that made an artifact; `run` where they are settings no more."""
    asset = artifact.manifest["asset"]
    try:
        return Planner(pipeline, artifact.manifest["overrides"]).decide(asset, session)
    except BadInput as error:
        return Decision(asset, artifact.manifest["session"], "run", str(error))


def changes(previous: Artifact, ingredients: Mapping[str, Any]) -> str:
    """`changed: config.bin_width, inputs.recording`: which ingredients differ from those of an artifact."""
    found: list[str] = []
    _compare("", previous.manifest["ingredients"], ingredients, found)
    return f"changed: {', '.join(found)}" if found else "its artifact is gone"


def _compare(path: str, old: Any, new: Any, found: list[str]) -> None:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            _compare(f"{path}.{key}" if path else key, old.get(key), new.get(key), found)
    elif canonical(old) != canonical(new):
        found.append(path)


def _brief(value: Any) -> str:
    return value if isinstance(value, str) else canonical(value).decode()
