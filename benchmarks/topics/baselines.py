"""Baselines: the real session's decoders with their baselines, and what the pipeline around them costs."""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from assets.dagster.driver import drive, with_upstream
from assets.pipeline import build_pipeline
from benchmarks import binning, logistic_regression, plan
from benchmarks.figures import ROOT, Figure
from resources.store.plan import Planner

SESSION = "steinmetz-choice.cori-2016-12-18"
ASKED = {("logistic_regression", "rolled"): ">= .86", ("xgboost", "rolled"): ">= .82"}
MODELS = ("rate_logistic", "logistic_regression", "xgboost")
RUN = f"neuropipe run --session {SESSION}"


def measure() -> Iterator[Figure]:
    yield from _accuracy()
    yield from _pipeline()
    yield from _peers()


def _accuracy() -> Iterator[Figure]:
    pipeline = build_pipeline()
    session = pipeline.workspace.catalog.session(SESSION)
    evaluations = [f"evaluation/{model}" for model in MODELS]
    failures = drive(pipeline, [session], with_upstream(pipeline, evaluations)).failures
    if failures:
        sys.exit(f"{failures[0].asset}: {failures[0].reason}")
    planner, store = Planner(pipeline), pipeline.workspace.store
    scores = {}
    for name in evaluations:
        decision = planner.decide(name, session)
        artifact = store.lookup(name, session.key, decision.fingerprint)
        scores[name.removeprefix("evaluation/")] = artifact.table("scores").set_index(["scheme", "metric"])
    for model, table in sorted(scores.items(), key=lambda item: -item[1].loc[("rolled", "accuracy"), "value"]):
        for scheme in ("rolled", "blocked"):
            yield _row(f"accuracy: {model}, {scheme}", table.loc[(scheme, "accuracy")], ASKED.get((model, scheme), ""))
    for baseline, metric in (("previous label", "accuracy_previous"), ("majority", "accuracy_majority")):
        for scheme in ("rolled", "blocked"):
            yield _row(f"accuracy: {baseline}, {scheme}", next(iter(scores.values())).loc[(scheme, metric)], "")
    seconds = 0.0
    for model in ("logistic_regression", "xgboost"):
        decision = planner.decide(f"decoder/{model}", session)
        seconds += store.lookup(decision.asset, session.key, decision.fingerprint).manifest["seconds"]
    note = "rolled, blocked and shuffled folds and the refit on all trials, as recorded when they were made"
    yield Figure("seconds: both decoders", seconds, asked="< 90", command=RUN, note=note)


def _row(name: str, score, asked: str) -> Figure:
    return Figure(name, score["value"], score["ci_low"], score["ci_high"], asked, seed=0, command=RUN)


def _pipeline() -> Iterator[Figure]:
    command = [sys.executable, "-m", "neuropipe", "run", "--session", "sim-*.small"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        seconds.append(time.perf_counter() - began)
    yield Figure("seconds: warm run, all hits", statistics.median(seconds), asked="< 10", command=" ".join(command[2:]))
    planned = plan.measure()
    note = f"1,000 sessions x {planned['assets a session']} assets"
    for which in ("empty store", "full store"):
        value = planned[f"{which}, s"]
        yield Figure(f"seconds: plan, {which}", value, asked="< 2.5", command="python -m benchmarks.plan", note=note)


def _peers() -> Iterator[Figure]:
    command = "python -m benchmarks.binning --full"
    asked = {"numpy_searchsorted": ">= 5"}
    for rival, ratio in binning.moderate(5).items():
        if rival != "ours":
            yield Figure(f"binning: {rival} over ours", ratio, asked=asked.get(rival, ""), command=command)
    full = binning.full(5)
    name = "binning: 70 M spikes, Zarr to Zarr over read and write alone"
    yield Figure(name, full["over read and write"], asked="<= 1.5", command=command)
    yield Figure("binning: 70 M spikes, peak memory (GB)", full["peak GB"], asked="< 2", command=command)
    command = "python -m benchmarks.logistic_regression"
    for name, (ratio, error) in logistic_regression.main().items():
        yield Figure(f"logistic regression: scikit-learn over ours, {name}", ratio, asked=">= 10", command=command)
        yield Figure(f"logistic regression: largest error, {name}", error, asked="<= 1e-5", command=command)
