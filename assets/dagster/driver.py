"""The driver: plan, tell the instance about the hits, launch one run a session with just the assets that must run."""

import errno
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dagster as dg

from assets.dagster.assets import DAMAGED_INPUT, OVERRIDES_TAG, asset_key
from assets.dagster.build import job_of
from assets.dagster.dead_runs import PROCESS_TAG, close_dead_runs, this_process
from assets.dagster.internals import ErrorSource, RunFailureReason
from assets.dagster.jobs import EVERYTHING_JOB
from assets.dagster.reporting import report_hits
from neuropipe.catalog import Session
from neuropipe.errors import BadInput
from resources.files.safe_files import process_lock
from resources.store.memo import CACHE_TAG, REFRESH, point
from resources.store.pipeline import Pipeline
from resources.store.plan import Decision, Overrides, Planner
from resources.workspace import CLONE

Report = Callable[["StepReport"], None]


@dataclass(frozen=True)
class StepReport:
    """One thing that happened. state : hit | start | progress | done | failed | skipped; total : steps of the run."""

    asset: str
    session: str | None
    state: str
    reason: str = ""
    seconds: float | None = None
    total: int = 0


@dataclass
class Summary:
    """What a call of the driver did, in numbers. Assets that only point at others' artifacts are not counted."""

    hit: int = 0
    run: int = 0
    failed: int = 0
    seconds: float = 0.0
    failures: list[StepReport] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {"hit": self.hit, "run": self.run, "failed": self.failed, "seconds": round(self.seconds, 3)}


def launched(decisions: Iterable[Decision], selected: Iterable[str], refresh: bool) -> list[str]:
    """Which of a session's decisions need a step: what must run, and on refresh all that was selected."""
    forced = set(selected) if refresh else set()
    return [row.asset for row in decisions if row.state == "run" or (row.state == "hit" and row.asset in forced)]


def drive(
    pipeline: Pipeline,
    sessions: Iterable[Session],
    selected: list[str],
    *,
    overrides: Overrides | None = None,
    refresh: bool = False,
    report: Report = lambda _: None,
    instance: dg.DagsterInstance | None = None,
    named: Iterable[str] = (),
) -> Summary:
    """Make the selected assets of the sessions be there. A failure in one of them leaves the others alone.

    What is made once for all sessions, and needed for one of these, comes first; what gathers their results last.
    named : those of the selected that were asked for by name: that others are absent which they need is a failure.
    """
    began = time.perf_counter()
    sessions = list(sessions)
    instance = instance or run_history()
    summary = Summary()
    total = _count_steps(Planner(pipeline, overrides), sessions, selected)

    def tell(step: StepReport) -> None:
        report(replace(step, total=total))

    run = _Run(pipeline, instance, dict(overrides or {}), refresh, tell, summary)
    of_sessions = [name for name in selected if pipeline.stage(name).partitioned]
    of_all = [name for name in selected if not pipeline.stage(name).partitioned]
    if shared := run.shared(sessions, of_sessions):
        run.make(None, shared)
    for session in sessions:
        run.make(session, of_sessions)
    run.tell_hits()  # what gathers results of sessions points at them
    if of_all := [name for name in of_all if name not in shared]:
        run.make(None, of_all)
    run.tell_hits()
    run.refuse_unavailable(sessions, named)
    summary.seconds = time.perf_counter() - began
    return summary


def _count_steps(planner: Planner, sessions: list[Session], selected: list[str]) -> int:
    """How many steps, hits included, a run has."""
    of_all = {name for name in selected if not planner.pipeline.stage(name).partitioned}
    n_steps = 0
    for session in sessions:
        for name in planner.required(selected, session):
            if not planner.pipeline.stage(name).partitioned:
                of_all.add(name)
            elif planner.decide(name, session).state != "n/a":
                n_steps += 1
    return n_steps + len(of_all)


def run_history() -> dg.DagsterInstance:
    """The Dagster instance of DAGSTER_HOME, whose folder is made where it does not exist."""
    home = Path(os.environ["DAGSTER_HOME"])
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not os.access(home, os.W_OK):
            raise PermissionError(errno.EACCES, "it can't be written")
        if not (home / "dagster.yaml").exists():  # without one Dagster sends telemetry, and says much
            shutil.copy(CLONE / "dagster.yaml", home)
    except OSError as error:
        raise BadInput(
            f"Dagster's run history has no place in {home} ({error.strerror}): set DAGSTER_HOME to a folder that can "
            "be written, or unset it to use the clone"
        ) from error
    # Two processes that make the databases of a fresh home at once would trip over each other.
    with process_lock(home / ".opening"):
        instance = dg.DagsterInstance.get()
        close_dead_runs(instance)
    return instance


@dataclass
class _Run:
    pipeline: Pipeline
    instance: dg.DagsterInstance
    overrides: dict[str, Mapping[str, Any]]
    refresh: bool
    report: Report
    summary: Summary
    _job: dg.JobDefinition | None = None
    _in_job: set[str] = field(default_factory=set)
    _broken: set[str] = field(default_factory=set)  # of what is made once for all
    _untold: list[Decision] = field(default_factory=list)  # hits that the instance was not told of
    _teller: Planner | None = None  # of the code and catalogue that they were decided under

    def shared(self, sessions: list[Session], selected: list[str]) -> list[str]:
        """What is made once for all sessions, and which selected assets of one of these need."""
        planner, needed = Planner(self.pipeline, self.overrides), set()
        for session in sessions:
            for asset in planner.required(selected, session):
                if not self.pipeline.stage(asset).partitioned:
                    needed.add(asset)
        return [name for name in self.pipeline.stages if name in needed]

    def refuse_unavailable(self, sessions: list[Session], named: Iterable[str]) -> None:
        """An asset that was asked for by name, and cannot be built yet, is a failure that says why."""
        planner = Planner(self.pipeline, self.overrides)
        for asset in named:
            stage = self.pipeline.stage(asset)
            applies = (
                [session for session in sessions if not stage.applies_to(session)] if stage.partitioned else [None]
            )
            above = {name for session in applies for name in planner.required([asset], session)}
            for name in (name for name in self.pipeline.stages if name in above):
                each = self.pipeline.stage(name)
                if not each.partitioned and (reason := planner.not_applicable(each, None)):
                    self.summary.failed += 1
                    self.summary.failures.append(StepReport(asset, None, "failed", reason))
                    self.report(self.summary.failures[-1])

    def make(self, session: Session | None, selected: list[str]) -> None:
        planner = Planner(self.pipeline, self.overrides)
        assets = planner.required(selected, session)
        if session is not None:
            assets = [asset for asset in assets if self.pipeline.stage(asset).partitioned]
        hopeless = [
            asset for asset in assets if self._broken and self._broken & set(planner.required([asset], session))
        ]
        assets = [asset for asset in assets if asset not in hopeless]
        settled: set[str] = set()
        computed: set[str] = set()
        failed: set[str] = set()
        launches = 0
        # A damaged input is set aside and made anew in the next round, which may uncover another one.
        for rounds_left in reversed(range(len(assets) + 1)):
            if launches:
                planner = Planner(self.pipeline, self.overrides)
            decisions = [planner.decide(asset, session) for asset in assets]
            if [row for row in decisions if row.state == "hit" and planner.artifact(row) is None]:
                planner = Planner(self.pipeline, self.overrides)  # all that was damaged is set aside now
                decisions = [planner.decide(asset, session) for asset in assets]
            wanted = launched(decisions, set(selected) - settled, self.refresh)
            if not wanted:
                break
            launches += 1
            watcher = self._launch(session, wanted, planner, planner.required(wanted, session))
            settled |= watcher.succeeded
            computed |= watcher.computed
            if not watcher.damaged or rounds_left == 0:
                self.summary.failures += watcher.failures + watcher.damaged
                failed = set(wanted) - watcher.succeeded
                break
        if session is None:
            self._broken |= failed
        for asset in hopeless:
            self.report(StepReport(asset, session.key if session is not None else None, "skipped", "an input failed"))
        self.summary.run += len(computed)
        broken = {failure.asset for failure in self.summary.failures}
        self.summary.failed += len(self._counted(failed)) + len((failed - self._counted(failed)) & broken)
        self.summary.failed += len(hopeless)
        self.summary.hit += len(self._counted(settled - computed - failed))
        self._settle(session, assets, settled | failed, Planner(self.pipeline, self.overrides) if launches else planner)

    def _counted(self, assets: set[str]) -> set[str]:
        """Those that have something of their own to make, and do not only point at another asset."""
        return {name for name in assets if self.pipeline.stage(name).choose is None}

    def _launch(
        self, session: Session | None, assets: list[str], planner: Planner, required: Iterable[str]
    ) -> "_Watcher":
        """Execute the assets in one run; what was seen of it. required : they and all that they are made from"""
        key = session.key if session is not None else None
        tags = {PROCESS_TAG: this_process()}
        if planner.overrides:
            tags[OVERRIDES_TAG] = json.dumps(planner.overrides, sort_keys=True)
        if self.refresh:
            tags[CACHE_TAG] = REFRESH
        watcher = _Watcher(self.pipeline, key, self.report)
        run_id = dg.DagsterRun(job_name=EVERYTHING_JOB).run_id
        self.instance.add_event_listener(run_id, watcher)
        self._job_of(required).execute_in_process(
            instance=self.instance,
            partition_key=key,
            asset_selection=[asset_key(asset) for asset in assets],
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags=tags,
            raise_on_error=False,
            run_id=run_id,
        )
        if watcher.interrupted:
            raise KeyboardInterrupt
        return watcher

    def _settle(self, session: Session | None, assets: list[str], settled: set[str], planner: Planner) -> None:
        """Count and report the planned hits, and note them as what the session has."""
        hits = [decision for asset in assets if asset not in settled if (decision := planner.decide(asset, session))]
        for hit in hits:
            if hit.state != "hit":
                continue
            self.report(StepReport(hit.asset, hit.session, "hit"))
            if not hit.is_alias:
                self.summary.hit += 1
                artifact = planner.store.lookup(hit.holder, hit.fingerprint)
                point(planner, hit.asset, hit.session, artifact)
        planner.store.used(f"{hit.holder}/{hit.fingerprint[:32]}" for hit in hits if hit.state == "hit")
        if self._teller is None or self._teller.code is not planner.code or self._teller.catalog is not planner.catalog:
            self.tell_hits()
            self._teller = planner if not self.overrides else Planner(self.pipeline)
        self._untold += [hit for hit in hits if not planner.variant(hit.asset)]

    def tell_hits(self) -> None:
        """Tell the instance of the hits since the last call: together, as every look at its history costs."""
        if self._untold and self._teller is not None:
            report_hits(self.instance, self._teller, self._untold)
            self._untold = []

    def _job_of(self, assets: Iterable[str]) -> dg.JobDefinition:
        if self._job is None or not self._in_job.issuperset(assets):
            self._in_job.update(assets)
            self._job = job_of(self.pipeline, self._in_job, self.overrides)
        return self._job


class _Watcher:
    """Turns Dagster's events of one run into step reports, as they happen.

    succeeded, computed : assets, the latter those that were no hit; damaged : failures for want of a whole input
    """

    def __init__(self, pipeline: Pipeline, session: str | None, report: Report):
        self.session, self.report = session, report
        self.asset_of = {stage.op_name: name for name, stage in pipeline.stages.items()}
        self.succeeded: set[str] = set()
        self.computed: set[str] = set()
        self.failures: list[StepReport] = []
        self.damaged: list[StepReport] = []
        self.interrupted = False
        self.began: dict[str, float] = {}

    def __call__(self, entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is not None and event.event_type == dg.DagsterEventType.RUN_FAILURE:
            # Dagster swallows the signal and fails the run; the sessions still to come must not be begun.
            reason = event.job_failure_data.failure_reason
            self.interrupted = reason == RunFailureReason.UNEXPECTED_TERMINATION
        asset = self.asset_of.get(entry.step_key or "")
        if asset is None:
            return
        if event is None:
            self.report(StepReport(asset, self.session, "progress", entry.user_message))
            return
        if event.event_type == dg.DagsterEventType.STEP_START:
            self.began[asset] = time.perf_counter()
            self.report(StepReport(asset, self.session, "start"))
        elif event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
            metadata = event.step_materialization_data.materialization.metadata
            cache = metadata["cache"].value if "cache" in metadata else "n/a"
            if cache == "miss":
                self.computed.add(asset)
            reason = metadata["cache_reason"].value if "cache_reason" in metadata else "does not apply"
            state = "done" if cache == "miss" else "hit"
            self.report(StepReport(asset, self.session, state, reason, self._seconds(asset)))
        elif event.event_type == dg.DagsterEventType.STEP_SUCCESS:
            self.succeeded.add(asset)
        elif event.event_type == dg.DagsterEventType.STEP_FAILURE:
            self._failed(asset, event.step_failure_data)
        elif event.event_type == dg.DagsterEventType.STEP_SKIPPED:
            self.report(StepReport(asset, self.session, "skipped", "an input failed"))

    def _failed(self, asset: str, data: Any) -> None:
        if data.error_source == ErrorSource.INTERRUPT:
            return
        told = data.user_failure_data
        error = data.error.cause or data.error
        message = told.description if told is not None else error.message.strip()
        failure = StepReport(asset, self.session, "failed", message, self._seconds(asset))
        if told is not None and DAMAGED_INPUT in (told.metadata or {}):
            self.damaged.append(failure)
            return
        self.failures.append(failure)
        self.report(failure)

    def _seconds(self, asset: str) -> float:
        return time.perf_counter() - self.began.get(asset, time.perf_counter())
