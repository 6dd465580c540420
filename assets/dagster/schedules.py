"""The weekly refresh: look upstream, then launch what changed and nothing else."""

import dagster as dg

from assets.dagster.assets import asset_key
from neuropipe.catalog import Session
from resources.store.pipeline import Pipeline
from resources.store.plan import Decision, Planner

WEEKLY = "0 3 * * 1"


def weekly_refresh(pipeline: Pipeline, job) -> dg.ScheduleDefinition:
    @dg.schedule(
        job=job,
        cron_schedule=WEEKLY,
        name="weekly_refresh",
        description="Mondays at 3: asks upstream (ETag or hash) what changed and launches only what must run.",
    )
    def refresh(context: dg.ScheduleEvaluationContext):
        requests = refresh_requests(pipeline, context.log)
        return requests or dg.SkipReason("nothing changed upstream, in the catalogue or in the code")

    return refresh


def refresh_requests(pipeline: Pipeline, log) -> list[dg.RunRequest]:
    """One run for each session that has anything to do, with just the assets that must run."""
    started = _started(pipeline)
    _look_upstream(pipeline, started, log)
    planner = Planner(pipeline)
    waited_for = {
        name
        for name, stage in pipeline.stages.items()
        if not stage.partitioned and planner.decide(name, None).state == "run"
    }
    requests = []
    for session in started:
        assets = [
            row.asset
            for row in planner.plan([session])
            if row.state == "run"
            and _wanted(pipeline, row)
            and not waited_for & set(planner.required([row.asset], session))
        ]
        if assets:
            keys = [asset_key(asset) for asset in assets]
            requests.append(dg.RunRequest(partition_key=session.key, asset_selection=keys))
    return requests


def _look_upstream(pipeline: Pipeline, sessions: list[Session], log) -> None:
    """Ask all servers at once, and request updates where the catalogue follows its source; download nothing."""
    sources = pipeline.workspace.sources
    known = {session.key: session for session in sessions}
    for key, answers in sources.check_upstream(sessions).items():
        session = known[key]
        for name in (name for name, answer in answers.items() if answer == "changed"):
            if session.dataset.follow_upstream and session.entry.files[name].sha256 is None:
                log.info(f"{key}: {name} changed upstream; it will be downloaded again")
                sources.request_update(session, name)
            else:
                log.warning(
                    f"{key}: {name} changed upstream, but the catalogue pins what was first downloaded; to accept the "
                    "new file, update its sha256 (or set follow_upstream)"
                )


def _wanted(pipeline: Pipeline, row: Decision) -> bool:
    """A slow decoder is refreshed where somebody asked for it before; what gathers sessions, by a run of its own."""
    if row.session is None:
        return False
    made_before = pipeline.workspace.store.latest(row.asset, row.session) is not None
    return made_before or not pipeline.stages[row.asset].slow


def _started(pipeline: Pipeline) -> list[Session]:
    """Sessions that somebody has materialised before: a schedule does not begin to download the whole catalogue."""
    store = pipeline.workspace.store
    return [session for session in pipeline.workspace.catalog if store.latest("recording", session.key) is not None]
