"""A pipeline: stages in topological order, and the workspace that they work in."""

import difflib
import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import replace

from neuropipe.errors import BadInput
from resources.store.stage import Stage
from resources.workspace import Workspace


class Pipeline:
    """The stages of a pipeline. Raises BadInput for two stages of one name, an unknown input and a cycle.

    builder : `module:function`, which makes this pipeline of a workspace; child processes make theirs so.
    """

    def __init__(self, stages: Iterable[Stage], workspace: Workspace, builder: str = ""):
        named: dict[str, Stage] = {}
        for stage in stages:
            if stage.name in named:
                raise BadInput(f"two stages are called {stage.name!r}: one would overwrite the other; rename one")
            named[stage.name] = stage
        _refuse_same_steps(named)
        self.stages = _sorted_topologically({name: _gathering(stage, named) for name, stage in named.items()})
        self.workspace = workspace
        self.builder = builder
        if not builder and (isolated := [name for name, stage in self.stages.items() if stage.isolated]):
            raise ValueError(f"{isolated[0]} runs in a child process, which needs to know the pipeline's builder")
        self._ancestors: dict[str, frozenset[str]] = {}

    def stage(self, name: str) -> Stage:
        """A stage by name; raises BadInput with the nearest names for an unknown one."""
        if name not in self.stages:
            near = difflib.get_close_matches(name, self.stages, n=3) or list(self.stages)
            raise BadInput(f"no asset is called {name!r}; did you mean {', '.join(near)}?")
        return self.stages[name]

    def ancestors(self, name: str) -> frozenset[str]:
        """Names of everything upstream of a stage, through its inputs."""
        if name not in self._ancestors:
            above = [needed.asset for needed in self.stages[name].inputs.values()]
            self._ancestors[name] = frozenset(above).union(*map(self.ancestors, above))
        return self._ancestors[name]


def _gathering(stage: Stage, stages: Mapping[str, Stage]) -> Stage:
    """A stage whose `gathers` names assets, in place of patterns of their names."""
    if not any("*" in name for name in stage.gathers):
        return stage
    found = [fnmatch.filter(stages, name) if "*" in name else [name] for name in stage.gathers]
    return replace(stage, gathers=tuple(dict.fromkeys(name for names in found for name in names)))


def _refuse_same_steps(stages: Mapping[str, Stage]) -> None:
    """`a-b` and `a_b` would be one step of Dagster's; `a` and `a/LATEST` one place on disk."""
    steps: dict[str, str] = {}
    for name, stage in stages.items():
        other = steps.setdefault(stage.op_name, name)
        if other != name:
            raise BadInput(f"the stages {other!r} and {name!r} would be one step in Dagster; rename one")


def _sorted_topologically(stages: Mapping[str, Stage]) -> dict[str, Stage]:
    ordered: dict[str, Stage] = {}
    path: list[str] = []

    def visit(name: str, wanted_by: str) -> None:
        if name in ordered:
            return
        if name not in stages:
            near = difflib.get_close_matches(name, stages, n=2)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise BadInput(f"the stage {wanted_by!r} takes {name!r}, which no stage makes{hint}")
        if name in path:
            raise BadInput(f"the stages form a cycle: {' -> '.join([*path[path.index(name) :], name])}")
        path.append(name)
        for upstream in (*(needed.asset for needed in stages[name].inputs.values()), *stages[name].gathers):
            visit(upstream, name)
        path.pop()
        ordered[name] = stages[name]

    for name in stages:
        visit(name, name)
    return ordered
