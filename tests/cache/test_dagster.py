"""Dagster around the stages: hits, reasons, planned hits and Dagster's own opinion of what is stale."""

import json
import os

import dagster as dg
import pytest

from assets.dagster.assets import OVERRIDES_TAG, asset_key
from assets.dagster.build import build_definitions, job_of
from assets.dagster.dead_runs import PROCESS_TAG, close_dead_runs, this_process
from assets.dagster.driver import drive
from assets.dagster.internals import CachingStaleStatusResolver, LoadingContextForTest, StaleStatus
from assets.dagster.reporting import report_hits
from assets.pipeline import build_pipeline
from resources.store.memo import CACHE_TAG, REFRESH
from resources.store.plan import Planner
from tests.three_stages import Bench

ASSETS = ["source", "doubled", "length"]


class Instance:
    """One DAGSTER_HOME over a bench."""

    def __init__(self, bench: Bench):
        self.bench = bench
        self.instance = dg.DagsterInstance.ephemeral()

    @property
    def definitions(self) -> dg.Definitions:
        return build_definitions(self.bench.pipeline)

    def run(self, key="d.one", assets=ASSETS, config=None, tags=None, succeed=True):
        result = self.definitions.resolve_job_def("default").execute_in_process(
            instance=self.instance,
            partition_key=key,
            asset_selection=[asset_key(asset) for asset in assets],
            run_config={"ops": {asset: {"config": fields} for asset, fields in (config or {}).items()}},
            tags=tags,
            raise_on_error=False,
        )
        assert result.success == succeed
        return {
            event.materialization.asset_key.to_user_string(): event.materialization
            for event in result.get_asset_materialization_events()
        }

    def cache(self, *args, **kwargs):
        return {name: event.metadata["cache"].value for name, event in self.run(*args, **kwargs).items()}

    def stale(self, key="d.one"):
        graph = self.definitions.resolve_asset_graph()
        resolver = CachingStaleStatusResolver(self.instance, graph, LoadingContextForTest(self.instance))
        return {asset: resolver.get_status(asset_key(asset), key) for asset in ASSETS}

    def plan_and_report(self, key="d.one"):
        planner = Planner(self.bench.pipeline)
        return report_hits(self.instance, planner, planner.plan([self.bench.catalog.session(key)]))


FRESH = dict.fromkeys(ASSETS, StaleStatus.FRESH)
HITS, MISSES = dict.fromkeys(ASSETS, "hit"), dict.fromkeys(ASSETS, "miss")


@pytest.fixture
def home(tmp_path):
    return Instance(Bench(tmp_path))


def test_a_second_run_hits_with_the_same_data_versions(home):
    first, second = home.run(), home.run()
    assert {name: event.metadata["cache"].value for name, event in first.items()} == MISSES
    assert {name: event.metadata["cache"].value for name, event in second.items()} == HITS
    for name in ASSETS:
        assert first[name].tags["dagster/data_version"] == second[name].tags["dagster/data_version"]
    assert first["source"].metadata["cache_reason"].value == "never made"


def test_dagster_calls_everything_fresh_after_hits(home):
    home.run()
    assert home.stale() == FRESH
    home.run()
    assert home.stale() == FRESH
    home.run(assets=["source"])
    assert home.stale() == FRESH


def test_configuration_from_the_launchpad_reaches_every_step_of_the_run(home):
    home.run()
    assert home.cache(config={"doubled": {"times": 3}}) == {"source": "hit", "doubled": "miss", "length": "miss"}
    assert home.cache() == HITS
    assert home.cache(config={"doubled": {"times": 3}}) == HITS


def test_overrides_of_assets_outside_the_run_travel_as_a_tag(home):
    home.run(config={"doubled": {"times": 3}})
    tags = {OVERRIDES_TAG: json.dumps({"doubled": {"times": 3}})}
    event = home.run(assets=["length"], tags=tags)["length"]
    assert event.metadata["cache"].value == "hit"
    assert event.metadata["variant"].value == "doubled.times=3"


def test_the_refresh_tag_forces_a_new_attempt(home):
    home.run()
    assert home.cache(tags={CACHE_TAG: REFRESH}) == MISSES
    assert home.cache() == HITS


def test_a_fresh_dagster_home_reuses_what_another_built(tmp_path):
    Instance(Bench(tmp_path)).run()
    other = Instance(Bench(tmp_path))
    assert other.cache() == HITS
    assert other.bench.world.calls == []


def test_planned_hits_are_reported_until_dagster_agrees(tmp_path):
    Instance(Bench(tmp_path)).run()
    other = Instance(Bench(tmp_path))
    assert other.stale() == dict.fromkeys(ASSETS, StaleStatus.MISSING)
    assert other.plan_and_report() == 3
    assert other.stale() == FRESH
    assert other.plan_and_report() == 0, "said once"


def test_after_a_variant_the_default_is_reported_again_however_often(home):
    home.run()
    for _ in range(2):
        home.run(config={"doubled": {"times": 3}})
        assert home.plan_and_report() == 2
        assert home.stale() == FRESH
    shown = home.instance.get_latest_data_version_record(asset_key("doubled"), partition_key="d.one")
    default = home.bench.store.latest("doubled", "d.one").data_version
    assert shown.asset_materialization.tags["dagster/data_version"] == default


def test_dagster_sees_a_changed_catalogue_as_stale_as_the_plan_does(home):
    home.run()
    home.bench.catalog.datasets["d"].config["doubled"] = {"times": 7}
    assert home.stale()["doubled"] == StaleStatus.STALE
    assert home.bench.plan()["doubled"] == ("run", "changed: config.times")
    home.run()
    assert home.stale() == FRESH


def test_a_home_that_was_told_of_hits_can_be_told_again(tmp_path):
    """The second report of an asset's checks once broke the run: Dagster keeps one of them without a run."""
    bench = Bench(tmp_path)
    Instance(bench).run()
    other = Instance(bench)
    assert other.plan_and_report() == 3
    other.run(config={"doubled": {"times": 3}})
    assert other.plan_and_report() == 2
    assert other.stale() == FRESH


def test_what_does_not_apply_succeeds_and_says_so(home):
    events = home.run("d.odd")
    assert events["doubled"].metadata["applicable"].value is False
    assert events["doubled"].metadata["reason"].value == "odd one"
    assert home.stale("d.odd") == FRESH


def test_the_driver_launches_only_what_must_run(home):
    pipeline, sessions = home.bench.pipeline, [home.bench.catalog.session("d.one")]
    first = drive(pipeline, sessions, ASSETS, instance=home.instance)
    assert (first.hit, first.run, first.failed) == (0, 3, 0)
    second = drive(pipeline, sessions, ASSETS, instance=home.instance)
    assert (second.hit, second.run, second.failed) == (3, 0, 0)
    assert len(home.instance.get_runs()) == 1, "hits launch no run"
    third = drive(pipeline, sessions, ["length"], overrides={"doubled": {"times": 4}}, instance=home.instance)
    assert (third.hit, third.run) == (1, 2)
    fourth = drive(pipeline, sessions, ASSETS, instance=home.instance)
    assert (fourth.hit, fourth.run) == (3, 0)
    assert home.stale() == FRESH


def test_the_driver_brings_upstream_along(home):
    summary = drive(home.bench.pipeline, [home.bench.catalog.session("d.one")], ["doubled"], instance=home.instance)
    assert summary.run == 2
    assert home.bench.world.calls == ["source", "doubled"]


def test_runs_of_one_asset_at_a_time_leave_all_fresh(home):
    """The job of such a run holds the asset and its inputs alone."""
    for asset in ASSETS:
        drive(home.bench.pipeline, [home.bench.catalog.session("d.one")], [asset], instance=home.instance)
    assert home.stale() == FRESH
    for name, inputs in {"source": [], "doubled": ["source"]}.items():
        graph = job_of(home.bench.pipeline, [name]).asset_layer.asset_graph
        assert {key.to_user_string() for key in graph.materializable_asset_keys} == {name, *inputs}


def test_one_failing_session_leaves_the_others(home):
    home.bench.world.fails = True
    sessions = [home.bench.catalog.session(key) for key in ("d.one", "d.odd")]
    summary = drive(home.bench.pipeline, sessions, ASSETS, instance=home.instance)
    assert summary.failed == 2, "doubled, and length that needs it"
    assert [failure.reason for failure in summary.failures] == ["RuntimeError: the model diverged"]
    assert home.bench.store.latest("length", "d.odd") is not None


def test_the_driver_rebuilds_a_damaged_input_by_itself(tmp_path):
    Bench(tmp_path).run()
    bench = Bench(tmp_path)
    text = bench.store.latest("doubled", "d.one").path / "data" / "text.json"
    text.write_text(text.read_text().replace("abc", "abX"))
    overrides = {"length": {}}
    for artifact in list(bench.store.artifacts("length")):
        bench.store.quarantine(artifact.path)
    summary = drive(
        bench.pipeline, [bench.catalog.session("d.one")], ASSETS, overrides=overrides, instance=Instance(bench).instance
    )
    assert summary.failed == 0
    assert bench.store.latest("length", "d.one").json("text") == 10


def test_runs_of_killed_processes_end_in_the_history_and_others_go_on():
    machine, number, start = this_process().split()
    with dg.DagsterInstance.ephemeral() as instance:
        tags = {
            "alive": {PROCESS_TAG: this_process()},
            "another machine": {PROCESS_TAG: f"elsewhere {number} 1"},
            "not of the driver": {},
            "number given again": {PROCESS_TAG: f"{machine} {number} {int(start) - 1}"},
            "gone": {PROCESS_TAG: f"{machine} {2**22 + os.getpid()} {start}"},
        }
        runs = {
            name: instance.add_run(dg.DagsterRun(job_name="j", tags=own, status=dg.DagsterRunStatus.STARTED)).run_id
            for name, own in tags.items()
        }
        close_dead_runs(instance)
        found = {name: instance.get_run_by_id(run_id).status.value for name, run_id in runs.items()}
    alive = dict.fromkeys(["alive", "another machine", "not of the driver"], "STARTED")
    assert found == {**alive, **dict.fromkeys(["number given again", "gone"], "FAILURE")}


def test_the_definitions_of_the_whole_pipeline_are_valid():
    dg.Definitions.validate_loadable(build_definitions(build_pipeline()))
