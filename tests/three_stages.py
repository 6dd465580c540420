"""A pipeline of three small stages and three sessions, for tests of memoisation and of Dagster around it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from neuropipe.schemas.base import Check, Schema, document
from resources.store.memo import materialize
from resources.store.pipeline import Pipeline
from resources.store.plan import Planner
from resources.store.stage import RUNTIME_ONLY, StageConfig, Unresolved, stage
from resources.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Text(Schema):
    text: Any = document()


class World:
    """What lies outside the graph."""

    version: str | None = "v1"
    content = "abc"
    calls: list[str]
    fails = False


class SourceConfig(StageConfig):
    version: str
    seed: int = 0


class DoubledConfig(StageConfig):
    times: int = 2
    n_jobs: int = Field(1, json_schema_extra=RUNTIME_ONLY)


CATALOG = """\
title: T
citation: C
licence: CC0-1.0
modality: spikes
simulator: drift_diffusion
sessions:
  one: {parameters: {seed: 1}}
  two: {parameters: {seed: 2}, config: {doubled: {times: 5}}}
  odd: {parameters: {seed: 3}, note: skip}
  twin: {parameters: {seed: 1}}
"""


def three_stages(world: World):
    def source_settings(session, workspace, *, fetch):
        if world.version is None and not fetch:
            raise Unresolved("never fetched")
        if fetch:
            world.version = "fetched"
        return {"version": world.version, "seed": session.parameters["seed"]}

    @stage(group="g", settings_of_session=source_settings)
    def source(config: SourceConfig) -> Text:
        world.calls.append("source")
        return Text(text=f"{world.content}-{config.seed}")

    @stage(
        group="g",
        applies_to=lambda session: "odd one" if session.entry.note == "skip" else None,
        checks={"not_empty": "It has a text."},
    )
    def doubled(config: DoubledConfig, source: Text) -> Text:
        world.calls.append("doubled")
        if world.fails:
            raise RuntimeError("the model diverged")
        text = source.text * config.times
        return Text(text=text, checks={"not_empty": Check(bool(text))})

    @stage(group="g")
    def length(doubled: Text | None) -> Text:
        world.calls.append("length")
        return Text(text=len(doubled.text) if doubled else "nothing")

    return [length, doubled, source]


class Bench:
    def __init__(self, root: Path):
        self.root = root
        self.world = World()
        self.world.calls = []
        catalog = root / "catalog"
        catalog.mkdir(exist_ok=True)
        if not (catalog / "d.yaml").exists():
            (catalog / "d.yaml").write_text(CATALOG)
        self.pipeline = Pipeline(three_stages(self.world), Workspace(catalog, root / "store", root / "raw"))
        self.store = self.pipeline.workspace.store

    @property
    def catalog(self):
        return self.pipeline.workspace.catalog

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

    def text(self, asset, key="d.one"):
        return self.store.latest(asset, key).json("text")
