"""Stages: typed functions from schema objects to a schema object, described once and free of Dagster.

    @stage(group="tensors", settings=_settings, applies_to=has_task, uses=_uses, plots=_plots)
    def binned(config: BinnedConfig, activity: Activity, recording: Recording, scratch: Path) -> Binned: ...

The signature says what a stage is given. Parameters annotated with a schema are its inputs, named like the assets that
they come from; `Schema | None` marks one that may not apply to a session. Beside them a stage may name `config`,
`files` (name -> verified raw file), `members` (a list of Member, of stages over many sessions), `log`, `progress` (a
folder that outlives a kill) and `scratch` (a folder for arrays larger than memory). It is given neither session nor
catalogue: what it needs of them is configuration, so that equal ingredients give one artifact whatever the session.
"""

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import metadata
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from neuropipe.catalog import DatasetEntry, Session
from resources.store.code import Definition, definition_of, reference

if TYPE_CHECKING:
    from resources.store.plan import Planner

RUNTIME_ONLY = {"runtime_only": True}
TOOLS_OF_ALL = ("numpy", "pandas", "pyarrow", "zarr")
# What every stage runs on: the code that calls it, and that reads and writes artifacts.
FRAMEWORK = tuple(
    map(
        reference,
        (
            "resources.store.running:run_stage",
            "resources.store.artifact:Artifact",
            "resources.store.artifact:Draft",
        ),
    )
)


class StageConfig(BaseModel):
    """Base of every stage's configuration: unknown fields are refused; mark fields that change no byte RUNTIME_ONLY."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    @classmethod
    def runtime_only(cls) -> frozenset[str]:
        """Fields that change how fast a stage runs, never what it makes: they are left out of the fingerprint."""
        return frozenset(
            name for name, info in cls.model_fields.items() if (info.json_schema_extra or {}) == RUNTIME_ONLY
        )

    def resolved(self) -> dict[str, Any]:
        """What enters the fingerprint, as JSON."""
        return self.model_dump(mode="json", exclude=set(self.runtime_only()))


class Unresolved(Exception):
    """A setting of a session that can't be told without fetching its files."""


class Uses(NamedTuple):
    """What a configuration chooses at run time.

    code : `module:attribute` of plug-ins; tools : distributions; facts : (name, value) that plug-ins declare and that
    are written into the artifact
    """

    code: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    facts: tuple[tuple[str, Any], ...] = ()


class Input(NamedTuple):
    """One parameter of a stage that is an artifact. asset : it comes from; schema : that reads it."""

    asset: str
    schema: Any
    optional: bool


@dataclass(frozen=True)
class Member:
    """One artifact among many that a stage over all sessions is given. facts : enter the fingerprint, as JSON."""

    facts: Mapping[str, Any]
    asset: str
    session: str | None
    fingerprint: str | None
    data_version: str | None
    read: Callable[[], Any] = lambda: None

    def ingredients(self) -> dict[str, Any]:
        return {**self.facts, "data_version": self.data_version}


def _no_settings(_: DatasetEntry) -> dict[str, Any]:
    return {}


def _always(_: Session) -> None:
    return None


def _no_uses(_: Any) -> Uses:
    return Uses()


@dataclass(frozen=True)
class Stage:
    """One asset.

    settings : what the catalogue says of a data set -> configuration fields; settings_of_session : what it says of a
    session, where sessions of a data set differ; with fetch=True it may fetch files, else it may raise Unresolved
    settings_like : another asset, what the catalogue sets for it becomes the field `decoder`
    applies_to : session -> None, or why not; uses : configuration -> plug-ins and tools that it chooses
    tools : distributions whose version counts; checks : name -> what it promises
    slow : takes minutes a session, so that it runs only where it is asked for; isolated : runs in a child process
    output : schema of what it returns
    partitioned : made for each session, else once for all; gather : planner -> its members; gathers : their assets,
    of which `evaluation/*` names all that there are
    unavailable : of unpartitioned stages, planner -> why it cannot be built yet, or None
    choose : configuration -> the input that the asset points at: it has no bytes of its own
    plots : what the stage made, inputs by name -> name -> figure; no part of code version or data
    score_family : of evaluations, session -> family of their scores. `evaluation/<group>/<model>` is that of
    `<group>/<model>`, and takes part in leaderboard and report
    """

    name: str
    function: Callable[..., Any]
    group: str
    inputs: Mapping[str, Input] = field(default_factory=dict)
    output: Any = None
    kinds: tuple[str, ...] = ()
    description: str = ""
    config: type[StageConfig] = StageConfig
    settings: Callable[[DatasetEntry], Mapping[str, Any]] = _no_settings
    settings_of_session: Callable[..., Mapping[str, Any]] | None = None
    applies_to: Callable[[Session], str | None] = _always
    uses: Callable[[Any], Uses] = _no_uses
    tools: tuple[str, ...] = ()
    checks: Mapping[str, str] = field(default_factory=dict)
    partitioned: bool = True
    slow: bool = False
    isolated: bool = False
    gather: "Callable[[Planner], list[Member]] | None" = None
    gathers: tuple[str, ...] = ()
    unavailable: "Callable[[Planner], str | None] | None" = None
    choose: Callable[[Any], str] | None = None
    settings_like: str | None = None
    plots: Callable[..., Mapping[str, Any]] | None = None
    score_family: Callable[[Session], str] | None = None

    @property
    def op_name(self) -> str:
        """Dagster's name of the step, under which run configuration is given."""
        return self.name.replace("/", "__").replace("-", "_")

    @cached_property
    def parameters(self) -> frozenset[str]:
        """Names of everything that the function is given."""
        return frozenset(inspect.signature(self.function).parameters)

    def roots(self, uses: Uses) -> tuple[Definition, ...]:
        """Where the code begins that decides the bytes of the artifact."""
        schemas = [needed.schema for needed in self.inputs.values()] + [self.output] * (self.output is not None)
        return (definition_of(self.function), *map(definition_of, schemas), *FRAMEWORK, *map(reference, uses.code))

    def tool_versions(self, uses: Uses) -> dict[str, str]:
        """Distribution -> major.minor of what is installed: a patch release reruns nothing."""
        return {tool: minor_version(tool) for tool in sorted({*TOOLS_OF_ALL, *self.tools, *uses.tools})}


def stage(
    *,
    group: str,
    name: str | None = None,
    inputs: Mapping[str, str] | None = None,
    **facts: Any,
) -> Callable[[Callable[..., Any]], Stage]:
    """Turn a typed function into a stage; `inputs` maps parameters to assets where their names differ."""

    def describe(function: Callable[..., Any]) -> Stage:
        from neuropipe.schemas.base import LAYOUT, LAYOUT_PROMISE

        signature = inspect.signature(function)
        found: dict[str, Input] = {}
        config = facts.pop("config", StageConfig)
        for parameter in signature.parameters.values():
            schema, optional = _schema(parameter.annotation)
            if schema is not None:
                asset = (inputs or {}).get(parameter.name, parameter.name)
                found[parameter.name] = Input(asset, schema, optional)
            elif parameter.name == "config" and config is StageConfig and isinstance(parameter.annotation, type):
                config = parameter.annotation
        output, _ = _schema(signature.return_annotation)
        checks = {LAYOUT: LAYOUT_PROMISE} if output is not None else {}
        return Stage(
            name=name or function.__name__,
            function=function,
            group=group,
            config=config,
            inputs=found,
            output=output,
            description=facts.pop("description", inspect.getdoc(function) or ""),
            checks={**checks, **facts.pop("checks", {})},
            **facts,
        )

    return describe


def _schema(annotation: Any) -> tuple[Any, bool]:
    """The schema that an annotation names, and whether None will do, too; (None, False) for any other annotation."""
    members = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    for member in members:
        if isinstance(member, type) and hasattr(member, "read") and hasattr(member, "specs"):
            return member, type(None) in members
    return None, False


@cache
def installed_version(tool: str) -> str:
    """Version of a distribution; xgboost may be installed as xgboost-cpu, the same library without CUDA."""
    for distribution in (tool, f"{tool}-cpu"):
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return "not installed"


def minor_version(tool: str) -> str:
    """major.minor of a distribution."""
    return ".".join(installed_version(tool).split(".")[:2])
