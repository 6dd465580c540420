"""Memoisation on a pipeline of three small stages: hits, misses and their reasons, variants, refresh, damage."""

import shutil
import time

import pytest

from neuropipe.errors import BadInput
from resources.store.memo import ChangedMeanwhile, materialize
from resources.store.pipeline import Pipeline
from resources.store.plan import Planner
from resources.store.stage import stage
from resources.store.store import CorruptArtifact
from tests.three_stages import Bench, Text


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_the_second_run_is_all_hits_and_calls_nothing(bench):
    assert list(bench.pipeline.stages) == ["source", "doubled", "length"]
    assert bench.states() == ["miss"] * 3
    assert bench.world.calls == ["source", "doubled", "length"]
    assert bench.states() == ["hit"] * 3
    assert bench.world.calls == ["source", "doubled", "length"]


def test_a_changed_setting_reruns_what_depends_on_it_and_back_is_free(bench):
    bench.run()
    changed = bench.run(overrides={"doubled": {"times": 3}})
    assert changed["source"][0] == "hit"
    assert changed["doubled"] == ("miss", "changed: config.times")
    assert changed["length"] == ("miss", "changed: inputs.doubled")
    assert bench.states() == ["hit"] * 3
    assert bench.states(overrides={"doubled": {"times": 3}}) == ["hit"] * 3
    assert bench.states(overrides={"doubled": {"times": 2}}) == ["hit"] * 3, "the default said aloud is the default"


def test_runtime_only_settings_change_nothing(bench):
    bench.run()
    assert bench.states(overrides={"doubled": {"n_jobs": 8}}) == ["hit"] * 3
    assert Planner(bench.pipeline, {"doubled": {"n_jobs": 8}}).variant("length") == ""


def test_the_session_overrides_the_data_set(bench):
    bench.run("d.two")
    artifact = bench.store.latest("doubled", "d.two")
    assert artifact.manifest["ingredients"]["config"] == {"times": 5}, "settings that only change speed stay out"


def test_the_same_bytes_upstream_stop_the_change_there(bench):
    bench.run()
    bench.world.version = "v2"
    found = bench.run()
    assert found["source"] == ("miss", "changed: config.version")
    assert [found["doubled"][0], found["length"][0]] == ["hit", "hit"]
    bench.world.version, bench.world.content = "v3", "xyz"
    assert bench.states() == ["miss", "miss", "miss"]


def test_a_variant_leaves_latest_alone_and_is_named_for_what_made_it(bench):
    bench.run()
    default = bench.store.latest("length", "d.one")
    bench.run(overrides={"doubled": {"times": 3}})
    assert bench.store.latest("length", "d.one") == default
    (variant,) = bench.store.variants("length", "d.one")
    assert variant.variant == "doubled.times=3"
    assert variant.overrides == {"doubled": {"times": 3}}
    assert bench.store.variants("source", "d.one") == [], "not concerned, so shared"


def test_sessions_of_equal_ingredients_share_every_artifact_and_none_is_named_after_a_session(bench):
    bench.run("d.one")
    calls = list(bench.world.calls)
    assert bench.states("d.twin") == ["hit"] * 3
    assert bench.world.calls == calls
    one, twin = (bench.store.latest("length", key) for key in ("d.one", "d.twin"))
    assert one.path == twin.path
    for file in one.path.parents[2].rglob("*"):
        if file.is_file():
            assert b"d.one" not in file.read_bytes(), file


def test_a_setting_changed_in_the_catalogue_while_a_planner_lives_is_seen_by_the_next_one(bench):
    bench.run("d.two")
    path = bench.root / "catalog" / "d.yaml"
    path.write_text(path.read_text().replace("times: 5", "times: 6"))
    assert bench.run("d.two")["doubled"] == ("miss", "changed: config.times")


def test_what_changes_while_the_work_runs_keeps_it_from_being_committed(bench):
    path = bench.root / "catalog" / "d.yaml"
    before = path.read_text()

    class Editing(list):
        def append(self, name):
            super().append(name)
            if name == "doubled":
                path.write_text(before.replace("times: 5", "times: 7"))

    bench.world.calls = Editing()
    with pytest.raises(ChangedMeanwhile, match=r"while doubled of d.two ran, something changed: config.times"):
        bench.run("d.two")
    path.write_text(before)
    bench.world.calls = []
    assert bench.states("d.two") == ["hit", "miss", "miss"], "undoing the edit is no hit on what it had made"
    assert bench.text("length", "d.two") == len("abc-2") * 5


def test_two_stages_of_one_name_a_cycle_and_an_unknown_input_are_refused_when_the_pipeline_is_built(bench):
    @stage(group="g", name="a")
    def first(b: Text) -> Text:
        return b

    @stage(group="g", name="b")
    def second(a: Text) -> Text:
        return a

    @stage(group="g", name="a")
    def third() -> Text:
        return Text(text="")

    @stage(group="g", name="a_b")
    def fourth() -> Text:
        return Text(text="")

    @stage(group="g", name="a-b")
    def fifth() -> Text:
        return Text(text="")

    workspace = bench.pipeline.workspace
    with pytest.raises(BadInput, match="cycle: a -> b -> a"):
        Pipeline([first, second], workspace)
    with pytest.raises(BadInput, match="two stages are called 'a'"):
        Pipeline([third, third], workspace)
    with pytest.raises(BadInput, match="'a' takes 'b', which no stage makes"):
        Pipeline([first], workspace)
    with pytest.raises(BadInput, match="would be one step in Dagster"):
        Pipeline([fourth, fifth], workspace)


def test_what_does_not_apply_says_so_and_optional_inputs_do_without(bench):
    plan = bench.plan("d.odd")
    assert plan["doubled"] == ("n/a", "odd one")
    found = bench.run("d.odd")
    assert [state for state, _ in found.values()] == ["miss", "n/a", "miss"]
    assert bench.text("length", "d.odd") == "nothing"


def test_plan_and_run_agree_and_plan_runs_nothing(bench):
    assert bench.plan() == {
        "source": ("run", "never made"),
        "doubled": ("run", "source will run"),
        "length": ("run", "doubled will run"),
    }
    assert bench.world.calls == []
    bench.run()
    assert {state for state, _ in bench.plan().values()} == {"hit"}
    assert bench.plan(overrides={"doubled": {"times": 4}})["doubled"] == ("run", "changed: config.times")


def test_a_source_of_unknown_version_is_fetched_before_it_is_fingerprinted(bench):
    bench.world.version = None
    assert bench.plan()["source"] == ("run", "never fetched")
    assert bench.states() == ["miss"] * 3
    assert bench.states() == ["hit"] * 3


def test_refresh_makes_a_new_attempt_and_downstream_follows_the_bytes(bench):
    bench.run()
    first = bench.store.latest("source", "d.one")
    found = bench.run(refresh=["source"])
    assert found["source"] == ("miss", "refresh asked for")
    assert [found["doubled"][0], found["length"][0]] == ["hit", "hit"]
    second = bench.store.latest("source", "d.one")
    assert second.path != first.path
    assert second.fingerprint == first.fingerprint
    bench.world.content = "drifted"
    assert bench.states(refresh=["source"]) == ["miss", "miss", "miss"]


def test_a_failure_is_recorded_leaves_nothing_and_is_cleared_by_success(bench):
    bench.world.fails = True
    with pytest.raises(RuntimeError, match="diverged"):
        bench.run()
    assert bench.store.latest("doubled", "d.one") is None
    assert bench.store.failure("doubled", "d.one")["message"] == "RuntimeError: the model diverged"
    bench.world.fails = False
    assert bench.states() == ["hit", "miss", "miss"]
    assert bench.store.failure("doubled", "d.one") is None


def test_a_missing_input_names_the_command_to_run(bench):
    session = bench.catalog.session("d.one")
    with pytest.raises(BadInput, match=r"needs source, .*run `neuropipe run source --session d.one`"):
        materialize(Planner(bench.pipeline), "doubled", session)


def test_a_truncated_artifact_is_no_hit_and_is_made_again(bench):
    bench.run()
    file = bench.store.latest("length", "d.one").path / "data" / "text.json"
    file.write_text("")
    assert bench.states() == ["hit", "hit", "miss"]
    assert bench.states() == ["hit", "hit", "hit"]


def test_a_damaged_input_is_set_aside_not_computed_from(bench):
    bench.run()
    file = bench.store.latest("doubled", "d.one").path / "data" / "text.json"
    text = file.read_text()
    file.chmod(0o644)
    file.write_text(text.replace("abc", "abX"))
    fresh = Bench(bench.root)
    for artifact in list(fresh.store.artifacts("length")):
        shutil.rmtree(artifact.path)
    with pytest.raises(CorruptArtifact, match="doubled of d.one is damaged"):
        fresh.run()
    assert fresh.states() == ["hit", "miss", "miss"]


def test_settings_that_do_not_exist_are_refused_with_those_that_do(bench):
    with pytest.raises(BadInput, match=r"doubled has no setting 'tims'; it has times, n_jobs"):
        Planner(bench.pipeline, {"doubled": {"tims": 3}})
    with pytest.raises(BadInput, match=r"doubled of d.one: times: .*its settings are times, n_jobs"):
        Planner(bench.pipeline, {"doubled": {"times": "x"}}).config(
            bench.pipeline.stages["doubled"], bench.catalog.session("d.one")
        )
    with pytest.raises(BadInput, match="no asset is called 'dubled'; did you mean doubled"):
        Planner(bench.pipeline, {"dubled": {"times": 3}})


def test_a_hit_costs_less_than_five_milliseconds(bench):
    """Against 200 empty Python function calls' worth of file reads: the ratio, not the clock, is asserted."""
    bench.run()
    session = bench.catalog.session("d.one")
    costs = []
    for _ in range(50):
        planner = Planner(bench.pipeline)
        began = time.perf_counter()
        materialize(planner, "length", session)
        costs.append(time.perf_counter() - began)
    reads = []
    manifest = bench.store.latest("length", "d.one").path / "_manifest.json"
    for _ in range(50):
        began = time.perf_counter()
        for _ in range(20):
            manifest.read_bytes()
        reads.append(time.perf_counter() - began)
    assert sorted(costs)[25] < 20 * sorted(reads)[25], "a hit should cost a few small reads"
