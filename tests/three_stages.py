"""A pipeline of three small stages and three sessions, for tests of memoisation and of Dagster around it."""

from pathlib import Path

from pydantic import Field

from neuropipe.catalog import Catalog, DatasetEntry
from resources.store.artifact import Artifact, Draft
from resources.store.memo import materialize
from resources.store.pipeline import Pipeline
from resources.store.plan import Planner
from resources.store.stage import RUNTIME_ONLY, StageConfig, Unresolved, memoized
from resources.workspace import Workspace


class World:
    """What lies outside the graph."""

    version = "v1"
    content = "abc"
    calls: list[str]
    fails = False


class DoubledConfig(StageConfig):
    times: int = 2
    n_jobs: int = Field(1, json_schema_extra=RUNTIME_ONLY)


DATASET = {
    "title": "T",
    "citation": "C",
    "licence": "CC0-1.0",
    "modality": "spikes",
    "simulator": "none",
    "sessions": {"one": {}, "two": {"config": {"doubled": {"times": 5}}}, "odd": {"note": "skip"}},
}


def three_stages(world: World):
    def upstream_version(planner, session, *, fetch):
        if world.version is None and not fetch:
            raise Unresolved("never fetched")
        if fetch:
            world.version = "fetched"
        return world.version

    @memoized(group="g", source=upstream_version)
    def source(draft: Draft, session) -> None:
        world.calls.append("source")
        draft.json("text", f"{world.content}-{session.key}")

    @memoized(
        group="g",
        config=DoubledConfig,
        applies_to=lambda session: "odd one" if session.entry.note == "skip" else None,
    )
    def doubled(draft: Draft, config: DoubledConfig, source: Artifact) -> None:
        world.calls.append("doubled")
        if world.fails:
            raise RuntimeError("the model diverged")
        draft.json("text", source.json("text") * config.times)
        draft.check("not_empty", True)

    @memoized(group="g")
    def length(draft: Draft, doubled: Artifact | None) -> None:
        world.calls.append("length")
        draft.json("n", len(doubled.json("text")) if doubled else None)

    return [length, doubled, source]


class Bench:
    def __init__(self, root: Path):
        self.world = World()
        self.world.calls = []
        catalog = Catalog({"d": DatasetEntry.model_validate(DATASET)}, root)
        workspace = Workspace(root / "catalog", root / "store", root / "raw")
        workspace.__dict__["catalog"] = catalog
        self.pipeline = Pipeline(three_stages(self.world), workspace)
        self.store = workspace.store
        self.catalog = catalog

    def run(self, key="d.one", overrides=None, refresh=()):
        """state and reason of every stage, in order, as a run would make them."""
        session, found = self.catalog.session(key), {}
        for asset in self.pipeline.stages:
            outcome = materialize(Planner(self.pipeline, overrides), asset, session, refresh=asset in refresh)
            found[asset] = (outcome.state, outcome.reason)
        return found

    def states(self, *args, **kwargs):
        return [state for state, _ in self.run(*args, **kwargs).values()]

    def plan(self, key="d.one", overrides=None):
        return {
            d.asset: (d.state, d.reason) for d in Planner(self.pipeline, overrides).plan([self.catalog.session(key)])
        }
