"""report: one self-contained HTML page of what the store holds: results first, then every plot of every session."""

import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from assets.stages.results import evaluations
from assets.stages.sessions import task_of
from neuropipe import __version__
from neuropipe.catalog import Session
from neuropipe.evaluation.leaderboard import judged_rows
from neuropipe.plots.captions import reading_order
from neuropipe.report import Picture, PictureGroup, SessionFacts, render
from neuropipe.schemas import Leaderboard, Report
from resources.files.safe_files import write_durably
from resources.store.artifact import Artifact
from resources.store.pipeline import Pipeline
from resources.store.plan import Planner
from resources.store.stage import Member, StageConfig, Uses, stage
from resources.workspace import CLONE

NAME = "report.html"
FIRST = ("binned", "recording", "fluorescence")  # whose plots come before those of models
ABOUT = "about"  # the member that describes a session, beside those that have its plots


def publish(pipeline: Pipeline) -> Path | None:
    """Put the newest report at its stable path in the store's folder; None where there is none."""
    artifact = pipeline.workspace.store.latest("report", None)
    if artifact is None:
        return None
    page, place = Report.read(artifact).page, pipeline.workspace.store_root / NAME
    if not place.is_file() or place.read_text(encoding="utf-8") != page:
        write_durably(place, page)
    return place


def _gather(planner: Planner) -> list[Member]:
    """What is said of each session that was worked on, and its artifacts that have plots."""
    worked_on = set(planner.store.sessions())
    found: list[Member] = []
    for session in planner.catalog:
        if session.key in worked_on:
            plots = list(_with_plots(planner, session))
            if plots:
                found += [Member({"kind": ABOUT, **_about(session)}, "", session.key, None, None), *plots]
    leaderboard = planner.decide("leaderboard", None)
    if (artifact := planner.artifact(leaderboard)) is not None:
        found.append(_member({"kind": "leaderboard"}, "leaderboard", None, artifact))
    return found


def _about(session: Session) -> dict[str, Any]:
    dataset = session.dataset
    same = session.entry.same_recording_as
    return {
        "session": session.key,
        "title": dataset.title,
        "citation": dataset.citation,
        "licence": dataset.licence,
        "decoded": session.task.target if session.task is not None else "",
        "family": task_of(session).family if session.task is not None else "",
        "notes": [f"The same recording as {same}."] if same else [],
    }


def _with_plots(planner: Planner, session: Session) -> Iterator[Member]:
    for name, each in planner.pipeline.stages.items():
        if not each.partitioned or each.plots is None:
            continue
        artifact = planner.artifact(planner.decide(name, session))
        if artifact is not None and artifact.plots():
            family = evaluations.family_of(planner.pipeline, name, session)
            facts = {"kind": "plots", "session": session.key, "asset": name, "family": family}
            yield _member(facts, name, session.key, artifact)


def _member(facts: dict[str, Any], asset: str, session: str | None, artifact: Artifact) -> Member:
    return Member(facts, asset, session, artifact.fingerprint, artifact.data_version, lambda: artifact)


def _uses(_: StageConfig) -> Uses:
    return evaluations.uses("assets.stages.results.report:_member")


@stage(
    group="results",
    kinds=("html",),
    partitioned=False,
    gather=_gather,
    uses=_uses,
    gathers=("binned", "evaluation/*"),
    tools=("jinja2", "scipy", "scikit-learn"),
)
def report(leaderboard: Leaderboard, members: list[Member]) -> Report:
    """One HTML page of all that the store holds: scores, intervals, baselines and plots, by session.

    `neuropipe report` writes it and prints where it lies.
    """
    table = leaderboard.leaderboard
    ranks = judged_rows(table).groupby(["session", "family", "model"])["rank"].min()
    across: list[Picture] = []
    plots: dict[str, dict[str, Artifact]] = {}
    belongs: dict[tuple[str | None, str], str] = {}
    for member in members:
        if member.facts["kind"] == "leaderboard":
            across = _pictures(member.read())
        elif member.facts["kind"] == "plots":
            plots.setdefault(member.session, {})[member.asset] = member.read()
            belongs[member.session, member.asset] = member.facts["family"]
    sessions = [
        _session(member.facts, plots.get(member.session, {}), belongs, ranks)
        for member in members
        if member.facts["kind"] == ABOUT
    ]
    page = render(
        table,
        sessions,
        dead=leaderboard.facts.get("dead_families"),
        across=across,
        made=datetime.now(),
        version=__version__,
        commit=_commit(),
    )
    return Report(page=page, facts={"page": f"data/{NAME}", "sessions": len(sessions)})


def _session(facts: Any, plots: dict[str, Artifact], belongs: dict, ranks: Any) -> SessionFacts:
    """A session with its plots: data first, then models from the best down; all but the best are folded away.

    belongs : (session, asset) -> score family, "" for none; ranks : (session, family, model) -> rank under the scheme
    that the session is judged by
    """

    def place(name: str) -> tuple:
        family = belongs[facts["session"], name]
        rank = ranks.get((facts["session"], family, name.rpartition("/")[2]), float("inf"))
        return name not in FIRST, family != facts["family"], rank, name

    order = sorted(plots, key=place)
    best: dict[str, str] = {}
    for name in order:
        if name.startswith("evaluation/"):
            best.setdefault(belongs[facts["session"], name], name)
    shown = {*FIRST, *best.values(), *(name.removeprefix("evaluation/") for name in best.values())}
    classes = plots["binned"].metadata.get("classes") if "binned" in plots else None
    decoded = f"{facts['decoded']} ({', '.join(classes)})" if classes else facts["decoded"]
    return SessionFacts(
        key=facts["session"],
        title=facts["title"],
        citation=facts["citation"],
        licence=facts["licence"],
        decoded=decoded,
        family=facts["family"],
        notes=facts["notes"],
        groups=[PictureGroup(name, _pictures(plots[name]), collapsed=name not in shown) for name in order],
    )


def _pictures(artifact: Artifact) -> list[Picture]:
    return [Picture(path) for path in sorted(artifact.plots(), key=lambda path: reading_order(path.stem))]


def _commit() -> str:
    """The commit of the clone that made the report, "" where it is none."""
    asked = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=CLONE, capture_output=True, text=True, check=False
    )
    return asked.stdout.strip()


STAGES = [report]
