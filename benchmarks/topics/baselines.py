"""Baselines: the real session's decoders with their baselines, and what the pipeline around them costs."""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from assets.pipeline import build_pipeline
from benchmarks import binning, logistic_regression, plan
from benchmarks.artifacts import current, evaluation_of, make
from benchmarks.results import ROOT, Result
from resources.store.plan import Planner

SESSION = "steinmetz-choice.cori-2016-12-18"
ASKED = {("logistic_regression", "rolled"): ">= .86", ("xgboost", "rolled"): ">= .82"}
MODELS = ("rate_logistic", "logistic_regression", "xgboost")
RUN = f"neuropipe run --session {SESSION}"


def measure() -> Iterator[Result]:
    yield from _accuracy()
    yield from _pipeline()
    yield from _peers()


def _accuracy() -> Iterator[Result]:
    pipeline = build_pipeline()
    session = pipeline.workspace.catalog.session(SESSION)
    make(pipeline, [session], map(evaluation_of, MODELS))
    planner = Planner(pipeline)
    scores = {
        model: current(planner, evaluation_of(model), session).table("scores").set_index(["scheme", "metric"])
        for model in MODELS
    }
    for model, table in sorted(scores.items(), key=lambda item: -item[1].loc[("rolled", "accuracy"), "value"]):
        for scheme in ("rolled", "blocked"):
            yield _row(f"accuracy: {model}, {scheme}", table.loc[(scheme, "accuracy")], ASKED.get((model, scheme), ""))
    for baseline, metric in (("previous label", "accuracy_previous"), ("majority", "accuracy_majority")):
        for scheme in ("rolled", "blocked"):
            yield _row(f"accuracy: {baseline}, {scheme}", next(iter(scores.values())).loc[(scheme, metric)], "")
    both = (current(planner, f"decoder/{model}", session) for model in ("logistic_regression", "xgboost"))
    seconds = sum(artifact.manifest["seconds"] for artifact in both)
    note = "rolled, blocked and shuffled folds and the refit on all trials, as recorded when they were made"
    yield Result("seconds: both decoders", seconds, asked="< 90", command=RUN, note=note)


def _row(name: str, score, asked: str) -> Result:
    return Result(name, score["value"], score["ci_low"], score["ci_high"], asked, seed=0, command=RUN)


def _pipeline() -> Iterator[Result]:
    command = [sys.executable, "-m", "neuropipe", "run", "--session", "sim-*.small"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        seconds.append(time.perf_counter() - began)
    yield Result("seconds: warm run, all hits", statistics.median(seconds), asked="< 10", command=" ".join(command[2:]))
    planned = plan.measure()
    note = f"1,000 sessions x {planned['assets a session']} assets"
    for which in ("empty store", "full store"):
        value = planned[f"{which}, s"]
        yield Result(f"seconds: plan, {which}", value, asked="< 2.5", command="python -m benchmarks.plan", note=note)


def _peers() -> Iterator[Result]:
    command = "python -m benchmarks.binning --full"
    asked = {"numpy_searchsorted": ">= 5"}
    for rival, ratio in binning.moderate(5).items():
        if rival != "ours":
            yield Result(f"binning: {rival} over ours", ratio, asked=asked.get(rival, ""), command=command)
    full = binning.full(5)
    name = "binning: 70 M spikes, Zarr to Zarr over read and write alone"
    yield Result(name, full["over read and write"], asked="<= 1.5", command=command)
    yield Result("binning: 70 M spikes, peak memory (GB)", full["peak GB"], asked="< 2", command=command)
    command = "python -m benchmarks.logistic_regression"
    for name, (ratio, error) in logistic_regression.main().items():
        yield Result(f"logistic regression: scikit-learn over ours, {name}", ratio, asked=">= 10", command=command)
        yield Result(f"logistic regression: largest error, {name}", error, asked="<= 1e-5", command=command)
