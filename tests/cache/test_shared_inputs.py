"""What is made once for all sessions, as an input of what is made for each: order, absence, lineage, failures."""

import dagster as dg
import pytest

from assets.dagster.assets import asset_key
from assets.dagster.build import build_definitions
from assets.dagster.driver import drive
from assets.dagster.internals import CachingStaleStatusResolver, LoadingContextForTest, StaleStatus
from assets.dagster.reporting import report_hits
from neuropipe.catalog.cohorts import Cohort
from neuropipe.errors import BadInput
from resources.store.members import absent_members, cohort_members
from resources.store.memo import materialize
from resources.store.pipeline import Pipeline
from resources.store.plan import Planner
from resources.store.stage import Member, StageConfig, stage
from resources.workspace import Workspace
from tests.three_stages import CATALOG, Text

COHORT = Cohort(title="T", groups={"a": ("d.one",), "b": ("d.two",)})
ABSENT = "2 of the 2 sessions that it is made from have no current source in the store: run `neuropipe run source "
ABSENT += "--session 'd.one' --session 'd.two'` first"


class SourceConfig(StageConfig):
    text: str


class PooledConfig(StageConfig):
    sign: str = "+"


class Bench:
    """source of each session -> pooled of d.one and d.two -> judged for each session but d.odd."""

    def __init__(self, root):
        self.calls, self.content, self.fails = [], {}, False
        (root / "catalog").mkdir()
        (root / "catalog" / "d.yaml").write_text(CATALOG.replace(", config: {doubled: {times: 5}}", ""))
        self.pipeline = Pipeline(self.stages(), Workspace(root / "catalog", root / "store", root / "raw"))
        self.catalog, self.store = self.pipeline.workspace.catalog, self.pipeline.workspace.store
        self.instance = dg.DagsterInstance.ephemeral()

    def stages(self):
        @stage(
            group="g",
            settings_of_session=lambda session, _, fetch: {"text": session.key + self.content.get(session.key, "")},
        )
        def source(config: SourceConfig) -> Text:
            self.calls.append(f"source {config.text.rstrip('!')}")
            return Text(text=config.text)

        @stage(
            group="g",
            partitioned=False,
            gathers=("source",),
            gather=lambda planner: cohort_members(planner, COHORT, "source", Text),
            unavailable=lambda planner: absent_members(planner, COHORT, "source"),
        )
        def pooled(config: PooledConfig, members: list[Member]) -> Text:
            self.calls.append("pooled")
            if self.fails:
                raise RuntimeError("nothing was learned")
            return Text(text=config.sign.join(member.read().text for member in members))

        @stage(group="g", applies_to=lambda session: "odd" if session.key == "d.odd" else None)
        def judged(source: Text, pooled: Text) -> Text:
            self.calls.append(f"judged {source.text.rstrip('!')}")
            return Text(text=f"{source.text} by {pooled.text}")

        return [judged, pooled, source]

    def drive(self, *selected, keys=("d.one", "d.two"), **options):
        sessions = [self.catalog.session(key) for key in keys]
        return drive(self.pipeline, sessions, list(selected), instance=self.instance, **options)

    def decide(self, asset, key="d.one", overrides=None):
        decision = Planner(self.pipeline, overrides).decide(asset, self.catalog.session(key) if key else None)
        return decision.state, decision.reason

    def text(self, asset, key):
        return self.store.latest(asset, key).json("text")

    def stale(self, key):
        graph = build_definitions(self.pipeline).resolve_asset_graph()
        resolver = CachingStaleStatusResolver(self.instance, graph, LoadingContextForTest(self.instance))
        return resolver.get_status(asset_key("judged"), key)

    def dagster(self, assets, key=None):
        return (
            build_definitions(self.pipeline)
            .resolve_job_def("everything")
            .execute_in_process(
                instance=self.instance,
                partition_key=key,
                asset_selection=[asset_key(asset) for asset in assets],
                raise_on_error=False,
            )
        )


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_it_is_made_once_and_before_the_sessions_that_need_it(bench):
    bench.drive("source")
    bench.calls.clear()
    summary = bench.drive("judged")
    assert bench.calls == ["pooled", "judged d.one", "judged d.two"]
    assert (summary.hit, summary.run, summary.failed) == (2, 3, 0)
    assert bench.text("judged", "d.two") == "d.two by d.one+d.two"
    again = bench.drive("judged")
    assert (again.hit, again.run, again.failed) == (5, 0, 0)


def test_sessions_that_do_not_need_it_do_not_make_it(bench):
    bench.drive("source")
    bench.calls.clear()
    assert bench.drive("judged", keys=("d.odd",)).failed == 0
    assert "pooled" not in bench.calls


def test_it_can_be_made_with_its_members_in_one_call(bench):
    assert bench.drive("source", "pooled").failed == 0
    assert bench.calls == ["source d.one", "source d.two", "pooled"]


def test_without_its_members_it_is_not_applicable_and_says_what_to_run(bench):
    assert bench.decide("pooled", None) == ("n/a", ABSENT)
    assert bench.decide("judged") == ("n/a", f"pooled does not apply: {ABSENT}")
    assert bench.decide("judged", "d.odd") == ("n/a", "odd")
    rows = {row.asset: row.state for row in Planner(bench.pipeline).plan([bench.catalog.session("d.one")])}
    assert rows == {"source": "run", "pooled": "n/a", "judged": "n/a"}


def test_selected_among_others_it_is_left_out_and_asked_for_by_name_it_is_refused(bench):
    everything = bench.drive("source", "pooled", "judged", keys=("d.one",))
    assert (everything.run, everything.failed) == (1, 0)
    asked = bench.drive("judged", keys=("d.one",), named=["judged"])
    assert asked.failed == 1
    assert [failure.reason for failure in asked.failures] == [
        "1 of the 2 sessions that it is made from has no current source in the store: "
        "run `neuropipe run source --session 'd.two'` first"
    ]
    assert bench.drive("judged", keys=("d.odd",), named=["judged"]).failed == 0, "it does not apply there anyway"
    assert bench.drive("pooled", keys=(), named=["pooled"]).failed == 1
    assert "pooled" not in bench.calls


def test_in_dagster_it_is_refused_by_itself_and_left_out_of_the_run_of_a_session(bench):
    assert not bench.dagster(["pooled"]).success
    result = bench.dagster(["source", "pooled", "judged"], "d.one")
    assert result.success
    events = {
        event.asset_key.to_user_string(): event.materialization for event in result.get_asset_materialization_events()
    }
    assert events["pooled"].metadata["applicable"].value is False
    assert events["judged"].metadata["applicable"].value is False
    bench.drive("source")
    assert bench.dagster(["pooled", "judged"], "d.one").success
    assert bench.text("judged", "d.one") == "d.one by d.one+d.two"


def test_a_change_in_a_member_reaches_every_session(bench):
    bench.drive("source")
    bench.drive("judged")
    before = Planner(bench.pipeline).decide("pooled", None).fingerprint
    bench.content["d.two"] = "!"
    assert bench.decide("pooled", None)[0] == "n/a", "the member is out of date"
    bench.drive("source")
    assert Planner(bench.pipeline).decide("pooled", None).fingerprint != before
    assert bench.decide("pooled", None) == ("run", "changed: members")
    assert bench.decide("judged") == ("run", "pooled will run")
    bench.drive("judged")
    assert bench.text("judged", "d.one") == "d.one by d.one+d.two!"


def test_its_settings_make_variants_of_what_is_made_from_it(bench):
    bench.drive("source")
    bench.drive("judged")
    summary = bench.drive("judged", overrides={"pooled": {"sign": "-"}})
    assert summary.run == 3
    assert bench.text("judged", "d.one") == "d.one by d.one+d.two", "LATEST is the default's"
    assert Planner(bench.pipeline, {"pooled": {"sign": "-"}}).variant("judged") == "pooled.sign=-"


def test_its_failure_is_told_once_and_what_needs_it_is_skipped(bench):
    bench.drive("source")
    bench.fails, told = True, []
    summary = bench.drive("source", "judged", report=told.append)
    assert bench.calls.count("pooled") == 1
    assert summary.failed == 3
    assert [failure.reason for failure in summary.failures] == ["RuntimeError: nothing was learned"]
    assert [(step.asset, step.session) for step in told if step.state == "skipped"] == [
        ("judged", "d.one"),
        ("judged", "d.two"),
    ]


def test_a_step_by_hand_names_the_command_without_a_session(bench):
    bench.drive("source")
    with pytest.raises(BadInput, match=r"run `neuropipe run pooled` first"):
        materialize(Planner(bench.pipeline), "judged", bench.catalog.session("d.one"))


def test_dagster_sees_the_lineage_and_agrees_after_planned_hits(bench, tmp_path):
    bench.drive("source")
    bench.drive("judged")
    assert bench.stale("d.one") == StaleStatus.FRESH
    bench.instance = dg.DagsterInstance.ephemeral()
    sessions = [bench.catalog.session(key) for key in ("d.one", "d.two")]
    planner = Planner(bench.pipeline)
    decisions = [planner.decide(asset, session) for session in sessions for asset in bench.pipeline.stages]
    assert report_hits(bench.instance, planner, decisions) == 5
    assert report_hits(bench.instance, planner, decisions) == 0, "said once"
    record = bench.instance.get_latest_data_version_record(asset_key("judged"), partition_key="d.one")
    tags = record.asset_materialization.tags
    assert tags["dagster/input_data_version/pooled"] == bench.store.latest("pooled", None).data_version
