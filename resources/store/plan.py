"""Planning: which (asset, session) is a hit, must run or does not apply; the same code fingerprints a real run.

Nothing is run or opened: a decision is a fingerprint and one look into the store. Inputs are found by computing the
fingerprint that this configuration gives them, never by asking what was made last.
"""

import difflib
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import ValidationError

from neuropipe.catalog import Session
from neuropipe.errors import BadInput
from resources.store.artifact import Artifact
from resources.store.code import current_code
from resources.store.pipeline import Pipeline
from resources.store.stage import Member, Stage, Unresolved, Uses
from resources.store.store import SCHEMA, Variant, canonical, digest

State = Literal["hit", "run", "n/a"]
Overrides = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about one asset of one session, and why.

    blocked_by : the input that has to run before; holder : the asset whose artifact it is, another one's where the
    asset points at its source
    """

    asset: str
    session: str | None
    state: State
    reason: str = ""
    fingerprint: str | None = None
    data_version: str | None = None
    blocked_by: str | None = None
    holder: str = ""

    @property
    def is_alias(self) -> bool:
        """Whether the asset only points at another one's artifact, and has nothing of its own to make or reuse."""
        return self.holder not in ("", self.asset)


class Planner:
    """Decisions under one set of overrides (asset -> field -> value); each is made once.

    Code and catalogue are those on disk when the planner is made. Make a new planner after something ran.
    """

    def __init__(self, pipeline: Pipeline, overrides: Overrides | None = None):
        self.pipeline = pipeline
        self.catalog = pipeline.workspace.catalog
        self.store = pipeline.workspace.store
        self.code = current_code(pipeline.workspace.store_root / ".cache")
        self.overrides = {asset: dict(fields) for asset, fields in (overrides or {}).items() if fields}
        for asset, given in self.overrides.items():
            known = pipeline.stage(asset).config.model_fields
            for name in given:
                if name not in known:
                    raise BadInput(f"{asset} has no setting {name!r}; it has {', '.join(known) or 'none'}")
        self._decisions: dict[tuple[str, str | None], Decision] = {}
        self._heads: dict[Any, str] = {}
        self._variants: dict[str, str] = {}
        self._members: dict[str, list[Member]] = {}
        self._versions: dict[Any, str] = {}

    # -- decisions -------------------------------------------------------------------------------------------------

    def decide(self, asset: str, session: Session | None) -> Decision:
        """What is to be done about an asset of a session; about what is made once for all, whichever session asks."""
        stage = self.pipeline.stages[asset]
        if not stage.partitioned:
            session = None
        key = (asset, session.key if session is not None else None)
        decision = self._decisions.get(key)
        if decision is None:
            decision = self._decisions[key] = self._decide(stage, session)
        return decision

    def plan(self, sessions: Iterable[Session], assets: Iterable[str] | None = None) -> list[Decision]:
        """Decisions about assets (all by default): session by session, what gathers sessions last."""
        wanted = [stage for name, stage in self.pipeline.stages.items() if assets is None or name in set(assets)]
        rows = [self.decide(stage.name, session) for session in sessions for stage in wanted if stage.partitioned]
        will_run = {row.asset for row in rows if row.state == "run"}
        for stage in wanted:
            if not stage.partitioned:
                waiting = sorted(will_run & set(stage.gathers)) if stage.unavailable is None else []
                rows.append(
                    Decision(stage.name, None, "run", f"{waiting[0]} will run", blocked_by=waiting[0])
                    if waiting
                    else self.decide(stage.name, None)
                )
        return rows

    def required(self, assets: Iterable[str], session: Session | None) -> list[str]:
        """The assets and all that they need for a session, in order: of the sources of activity, the chosen one."""
        found: set[str] = set()
        waiting = list(assets)
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found.add(name)
            stage = self.pipeline.stage(name)
            if session is not None and stage.partitioned and stage.applies_to(session):
                continue
            if stage.choose is not None and session is not None:
                waiting.append(stage.choose(self.config(stage, session)))
            else:
                waiting += [needed.asset for needed in stage.inputs.values()]
        return [name for name in self.pipeline.stages if name in found]

    def artifact(self, decision: Decision) -> Artifact | None:
        """The whole artifact of a hit, None where there is none; a damaged one is set aside."""
        if decision.state != "hit" or decision.fingerprint is None:
            return None
        return self.store.serve(decision.holder, decision.fingerprint)

    def _decide(self, stage: Stage, session: Session | None) -> Decision:
        key = session.key if session is not None else None
        if reason := self.not_applicable(stage, session):
            return Decision(stage.name, key, "n/a", reason)
        if stage.choose is not None:
            return self._pointed_at(stage, session)
        versions, waiting = {}, None
        for parameter, needed in stage.inputs.items():
            above = self.decide(needed.asset, session)
            if above.state == "n/a" and not needed.optional:
                return Decision(stage.name, key, "n/a", f"{needed.asset} does not apply: {above.reason}")
            if above.state == "run":
                waiting = waiting or needed.asset
            versions[parameter] = above.data_version
        if waiting:
            if stage.name in self.overrides:
                self.config(stage, session)  # a bad setting is refused before anything upstream is run for it
            return Decision(stage.name, key, "run", f"{waiting} will run", blocked_by=waiting)
        try:
            fingerprint = self.fingerprint(stage, session, versions)
        except Unresolved as unresolved:
            return Decision(stage.name, key, "run", str(unresolved))
        version = self.store.probe(stage.name, fingerprint)
        if version is not None:
            return Decision(stage.name, key, "hit", "", fingerprint, version, None, stage.name)
        return Decision(stage.name, key, "run", self.why(stage, session, versions), fingerprint, holder=stage.name)

    def _pointed_at(self, stage: Stage, session: Session | None) -> Decision:
        """The decision about the asset that this one points at, under this one's name."""
        chosen = stage.choose(self.config(stage, session))
        known = [needed.asset for needed in stage.inputs.values()]
        if chosen not in known:
            where = f" of {session.key}" if session is not None else ""
            raise BadInput(f"{stage.name}{where} can't point at {chosen!r}; its sources are {', '.join(known)}")
        above = self.decide(chosen, session)
        reason = above.reason if above.state == "hit" else f"{chosen}: {above.reason}"
        blocked = chosen if above.state == "run" else None
        return replace(above, asset=stage.name, reason=reason, blocked_by=blocked, holder=chosen)

    def not_applicable(self, stage: Stage, session: Session | None) -> str | None:
        """Why a stage can't be made of a session, or for all of them, as far as it says itself."""
        if session is not None:
            return stage.applies_to(session)
        return stage.unavailable(self) if stage.unavailable is not None else None

    def members(self, stage: Stage) -> list[Member]:
        """What a stage over many sessions is given."""
        if stage.name not in self._members:
            self._members[stage.name] = stage.gather(self) if stage.gather is not None else []
        return self._members[stage.name]

    # -- configuration ---------------------------------------------------------------------------------------------

    def config(self, stage: Stage, session: Session | None, *, fetch: bool = False) -> Any:
        """The resolved configuration: defaults < data set < session < overrides.

        Raises Unresolved for settings that depend on files which were never fetched, unless `fetch`.
        """
        values: dict[str, Any] = {}
        if session is not None:
            values = dict(stage.settings(session.dataset))
            if stage.settings_of_session is not None:
                values |= stage.settings_of_session(session, self.pipeline.workspace, fetch=fetch)
            if stage.settings_like is not None:
                values["decoder"] = session.config(stage.settings_like)
            values |= session.config(stage.name)
        values.update(self.overrides.get(stage.name, {}))
        try:
            return stage.config(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            fault = first["msg"].removeprefix("Value error, ")
            said = f"{name}: {fault} (found {first['input']!r})" if name else fault
            known = ", ".join(stage.config.model_fields) or "none"
            where = f" of {session.key}" if session is not None else ""
            raise BadInput(f"{stage.name}{where}: {said}; its settings are {known}") from None

    def variant(self, asset: str) -> str:
        """Name of what the overrides make of an asset: those of its own and of everything upstream, sorted."""
        if asset not in self._variants:
            concerned = self.pipeline.ancestors(asset) | {asset, *self.pipeline.stages[asset].gathers}
            self._variants[asset] = ",".join(
                f"{name}.{key}={_brief(value)}"
                for name, given in sorted(self.overrides.items())
                if name in concerned
                for key, value in sorted(given.items())
                if key not in self.pipeline.stages[name].config.runtime_only()
            )
        return self._variants[asset]

    # -- fingerprints ----------------------------------------------------------------------------------------------

    def fingerprint(self, stage: Stage, session: Session | None, versions: Mapping[str, str | None]) -> str:
        """sha256 over asset, code, configuration, tools and the data versions of inputs; never the session's name."""
        lines = [self._head(stage, session)]
        lines += [f"{parameter}={version or ''}" for parameter, version in sorted(versions.items())]
        if stage.gather is not None:
            lines.append(digest([member.ingredients() for member in self.members(stage)]))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def ingredients(self, stage: Stage, session: Session | None, versions: Mapping[str, str | None]) -> dict[str, Any]:
        """All that enters the fingerprint, in words: stored in the manifest, compared to say why something reran."""
        found = {**self._head_parts(stage, session), "inputs": dict(versions)}
        if stage.gather is not None:
            found["members"] = [member.ingredients() for member in self.members(stage)]
        return found

    def declared_version(self, stage: Stage) -> str:
        """One version of a stage for all sessions: code, tools and settings. Dagster compares it to tell staleness."""
        seen = {}
        for session in self.catalog if stage.partitioned else [None]:
            if session is None or not stage.applies_to(session):
                try:
                    seen[self._head(stage, session)] = None
                except Unresolved:
                    continue
        return digest(sorted(seen))[:16]

    def code_version(self, stage: Stage, uses: Uses) -> str:
        """Version of the code that decides the bytes of a stage."""
        key = (stage.name, uses.code)
        if key not in self._versions:
            self._versions[key] = self.code.version(stage.roots(uses))
        return self._versions[key]

    def _head(self, stage: Stage, session: Session | None) -> str:
        """Digest of everything but inputs; the same for the sessions of a data set, where they don't differ."""
        if session is not None and stage.settings_of_session is None:
            config = session.entry.config
            own = [config.get(stage.name), config.get(stage.settings_like)] if config else None
            key = (stage.name, id(session.dataset), canonical(own) if own else b"")
        else:
            key = (stage.name, session.key if session is not None else None)
        if key not in self._heads:
            self._heads[key] = digest(self._head_parts(stage, session))
        return self._heads[key]

    def _head_parts(self, stage: Stage, session: Session | None) -> dict[str, Any]:
        config = self.config(stage, session)
        uses = stage.uses(config)
        return {
            "schema": SCHEMA,
            "asset": stage.name,
            "code_version": self.code_version(stage, uses),
            "config": config.resolved(),
            "tools": stage.tool_versions(uses),
            **({"facts": dict(uses.facts)} if uses.facts else {}),
        }

    def why(self, stage: Stage, session: Session | None, versions: Mapping[str, str | None]) -> str:
        """What differs from the artifact that the session last had."""
        key = session.key if session is not None else None
        latest = self.store.latest(stage.name, key)
        if latest is None:
            return "its artifact is gone" if self.store.pointers.latest(stage.name, key) else "never made"
        return changes(latest.manifest["ingredients"], self.ingredients(stage, session, versions))


def decide_variant(pipeline: Pipeline, asset: str, variant: Variant, session: Session | None) -> Decision:
    """What is decided today under the overrides that made a variant; `run` where they are settings no more."""
    try:
        return Planner(pipeline, variant.overrides).decide(asset, session)
    except BadInput as error:
        return Decision(asset, session.key if session is not None else None, "run", str(error))


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """`changed: config.bin_width, inputs.recording`: which ingredients differ."""
    found: list[str] = []
    _compare("", before, now, found)
    return f"changed: {', '.join(found)}" if found else "its artifact is gone"


def _compare(path: str, old: Any, new: Any, found: list[str]) -> None:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            _compare(f"{path}.{key}" if path else key, old.get(key), new.get(key), found)
    elif canonical(old) != canonical(new):
        found.append(path)


def nearest(name: str, known: Iterable[str]) -> str:
    """The names that come closest to a misspelt one, for an error."""
    names = list(known)
    return ", ".join(difflib.get_close_matches(name, names, n=3) or names)


def _brief(value: Any) -> str:
    return value if isinstance(value, str) else canonical(value).decode()
