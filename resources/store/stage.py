"""Stages: what the pipeline is made of, described once and free of Dagster, so that planning needs no import of it.

A stage is a thin function that reads artifacts and fills a draft:

    @memoized(group="binning", config=BinnedConfig, settings=binned_settings, applies_to=has_trials)
    def binned(draft: Draft, session: Session, config: BinnedConfig, recording: Artifact) -> None: ...

Parameters annotated `Artifact` are its inputs, named like the asset they come from; `Artifact | None` marks an input
that may not apply to a session. Everything that enters the fingerprint is declared here.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from typing import Any

from pydantic import BaseModel, ConfigDict

from neuropipe.catalog import DatasetEntry, Session
from resources.store.artifact import Artifact, Draft
from resources.store.code_version import code_version

RUNTIME_ONLY = {"runtime_only": True}


class StageConfig(BaseModel):
    """Base of every stage's configuration: unknown fields refused; mark runtime-only ones with RUNTIME_ONLY."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    @classmethod
    def runtime_only(cls) -> frozenset[str]:
        """Fields that change how fast, never what: left out of the fingerprint."""
        return frozenset(
            name for name, info in cls.model_fields.items() if (info.json_schema_extra or {}) == RUNTIME_ONLY
        )


class Unresolved(Exception):
    """The version of a source can't be told without fetching it."""


def _nothing(_: Any) -> dict[str, Any]:
    return {}


def _always(_: Session) -> None:
    return None


def _no_plugins(_: Session | None) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class Parts:
    """What a configuration names that is made at run time: modules of plug-ins, and the distributions they use."""

    modules: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()


def _no_parts(_: StageConfig) -> Parts:
    return Parts()


@dataclass(frozen=True)
class Stage:
    """One asset.

    settings : what the catalogue says of a data set -> configuration fields; applies_to : session -> None, or why not;
    source : version of what lies outside the graph; with fetch=True it may fetch, else it raises Unresolved;
    plugins : session -> modules of the plug-ins that are made at run time; tools : distributions whose version counts;
    parts : configuration -> more of both, where it is the configuration that names plug-ins;
    checks : name -> what it promises; slow : takes minutes a session, so that it runs only where it is asked for;
    isolated : runs in a child process with a memory limit; partitioned : made for each session, else once for all, of
    what other sessions `gathers`; lacks : of one for all: planner -> what it can't be made without, or None.

    A function that names `progress` is given a folder that outlives a kill, for its work to be gone on with.
    """

    name: str
    function: Callable[..., None]
    group: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    kinds: tuple[str, ...] = ()
    description: str = ""
    config: type[StageConfig] = StageConfig
    settings: Callable[[DatasetEntry], Mapping[str, Any]] = _nothing
    applies_to: Callable[[Session], str | None] = _always
    source: Callable[..., Any] | None = None
    plugins: Callable[[Session | None], tuple[str, ...]] = _no_plugins
    tools: tuple[str, ...] = ()
    parts: Callable[[StageConfig], Parts] = _no_parts
    checks: Mapping[str, str] = field(default_factory=dict)
    partitioned: bool = True
    lacks: Callable[..., str | None] | None = None
    slow: bool = False
    isolated: bool = False
    gathers: tuple[str, ...] = ()

    @property
    def op_name(self) -> str:
        """Dagster's name of the step, under which run configuration is given."""
        return self.name.replace("/", "__").replace("-", "_")

    @property
    def keeps_progress(self) -> bool:
        return "progress" in inspect.signature(self.function).parameters

    def code_version(self, session: Session | None, config: StageConfig) -> str:
        return _code_version(self.function, (*self.plugins(session), *self.parts(config).modules))

    def tool_versions(self, config: StageConfig) -> dict[str, str]:
        return {tool: installed_version(tool) for tool in (*self.tools, *self.parts(config).tools)}


_code_version = cache(code_version)


def memoized(
    *,
    group: str,
    name: str | None = None,
    inputs: Mapping[str, str] | None = None,
    **facts: Any,
) -> Callable[[Callable[..., None]], Stage]:
    """Turn a function into a memoised stage; `inputs` maps parameters to assets where their names differ."""

    def describe(function: Callable[..., None]) -> Stage:
        found: dict[str, str] = {}
        optional: set[str] = set()
        for parameter in inspect.signature(function).parameters.values():
            if parameter.annotation in (Artifact, Artifact | None):
                found[parameter.name] = (inputs or {}).get(parameter.name, parameter.name)
                if parameter.annotation != Artifact:
                    optional.add(parameter.name)
        return Stage(
            name=name or function.__name__,
            function=function,
            group=group,
            inputs=found,
            optional=frozenset(optional),
            description=facts.pop("description", inspect.getdoc(function) or ""),
            **facts,
        )

    return describe


@cache
def installed_version(tool: str) -> str:
    """Version of a distribution; xgboost may be installed as xgboost-cpu, the same library without CUDA."""
    for distribution in (tool, f"{tool}-cpu"):
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return "not installed"


def call(stage: Stage, draft: Draft, available: Mapping[str, Any], artifacts: Mapping[str, Artifact | None]) -> None:
    """Run the stage's function with the arguments that its signature names."""
    wanted = inspect.signature(stage.function).parameters
    given = {"draft": draft, **available, **artifacts}
    stage.function(**{parameter: given[parameter] for parameter in wanted})
