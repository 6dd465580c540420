"""Voltage and archives: sorters scored on simulated truth, what decoders lose by sorting, BOLD, reading NWB."""

import time
from collections.abc import Iterator

import numpy as np

from assets.dagster.driver import drive
from assets.pipeline import build_pipeline
from benchmarks import haxby, nwb_reading
from benchmarks.artifacts import current, evaluation_of, make
from benchmarks.results import Result
from neuropipe.catalog import Session
from resources.store.artifact import Artifact
from resources.store.pipeline import Pipeline
from resources.store.plan import Overrides, Planner

DATASET, SORTER = "sim-voltage", "spykingcircus2"
OTHER_SORTERS = ("lupin", "tridesclous2")
STILL, MOVING, DECISIONS = (
    tuple(f"{DATASET}.{name}{seed}" for seed in ("", "-2", "-3")) for name in ("probe", "probe-moving", "decisions")
)
REAL, HYBRID = "locust-tetrode.20010214", "locust-tetrode.hybrid"
DECODERS = ("rate_logistic", "logistic_regression")
SCHEME = "blocked"
TRUE = {"activity": {"source": "true_spikes"}}
CURATED = f"sorted_spikes/{SORTER}"
NOTE = "60 s, 32 channels, 20 units; interval over units"


def measure() -> Iterator[Result]:
    pipeline = build_pipeline()
    still = list(_accuracy(pipeline, SORTER, STILL, ">= .9", "no motion"))
    moving = list(_accuracy(pipeline, SORTER, MOVING, "", "motion of 30 um"))
    yield from still + moving
    ratio = np.mean([each.value for each in moving if "median" in each.result])
    ratio /= np.mean([each.value for each in still if "median" in each.result])
    note = "means of three seeds"
    command = " ".join(["neuropipe run", f"evaluation/sorting/{SORTER}", *(f"--session {key}" for key in MOVING)])
    yield Result("median accuracy with motion over without", float(ratio), asked=">= .75", command=command, note=note)
    yield from _seconds(pipeline)
    for other in OTHER_SORTERS:
        yield from _accuracy(pipeline, other, STILL, "", "no motion")
        yield from _accuracy(pipeline, other, MOVING, "", "motion of 30 um")
    yield from _decoders(pipeline)
    yield _rerun(pipeline)
    yield from _real(pipeline)
    yield from haxby.measure(pipeline)
    yield from _nwb()


def _sessions(pipeline: Pipeline, keys: tuple[str, ...]) -> list[Session]:
    return [pipeline.workspace.catalog.session(key) for key in keys]


def _accuracy(pipeline: Pipeline, sorter: str, keys: tuple[str, ...], asked: str, what: str) -> Iterator[Result]:
    """Scores over true units, a session each."""
    sessions, scored = _sessions(pipeline, keys), f"evaluation/sorting/{sorter}"
    make(pipeline, sessions, [scored])
    planner = Planner(pipeline)
    for session in sessions:
        scores = current(planner, scored, session).table("scores").set_index("metric")
        limits = {"median_accuracy": asked, "well_found": ">= .8" if asked else "", "false_units": ""}
        words = {
            "median_accuracy": "median accuracy",
            "well_found": "units with accuracy of .8 or more",
            "false_units": "false units",
        }
        seed = session.parameters["seed"]
        for metric, limit in limits.items():
            row = scores.loc[metric]
            name = f"{words[metric]}: {sorter}, {what}, seed {seed}"
            yield Result(name, row["value"], row["ci_low"], row["ci_high"], limit, seed, _run(scored, session), NOTE)


def _seconds(pipeline: Pipeline) -> Iterator[Result]:
    """How long it took from voltage to curated units, as the manifests say."""
    planner, curated = Planner(pipeline), CURATED
    steps = ("preprocessing", *(f"{step}/{SORTER}" for step in ("sorting", "templates", "quality_metrics")), curated)
    for session in _sessions(pipeline, STILL):
        made = [current(planner, asset, session).manifest["seconds"] for asset in steps]
        seed = session.parameters["seed"]
        name = f"seconds from voltage to curated units: {SORTER}, no motion, seed {seed}"
        note = f"{NOTE.partition(';')[0]}; of these {made[1]:.0f} s in the sorter; when the store was made"
        yield Result(name, float(sum(made)), asked="< 60", seed=seed, command=_run(curated, session), note=note)


def _run(asset: str, session: Session) -> str:
    return f"neuropipe run {asset} --session {session.key}"


def _decoders(pipeline: Pipeline) -> Iterator[Result]:
    """Accuracy from true and from sorted spikes, and by how many points the former is higher."""
    sessions = _sessions(pipeline, DECISIONS)
    for decoder in DECODERS:
        lost = []
        for session in sessions:
            values = {}
            for what, overrides in (("sorted", None), ("true", TRUE)):
                row = _scored(pipeline, session, decoder, overrides)
                values[what] = row["value"]
                seed = session.parameters["seed"]
                name = f"accuracy: {decoder} from {what} spikes, seed {seed}"
                command = _run(evaluation_of(decoder), session)
                command += " --set activity.source=true_spikes" if overrides else ""
                note = f"{SCHEME} folds; 120 trials"
                yield Result(name, row["value"], row["ci_low"], row["ci_high"], "", seed, command, note)
            lost.append(100 * (values["true"] - values["sorted"]))
        name, note = f"points lost by sorting: {decoder}", "mean of three seeds; interval of their range"
        yield Result(
            name, float(np.mean(lost)), min(lost), max(lost), "<= 3", command="make results TOPIC=voltage", note=note
        )


def _scored(pipeline: Pipeline, session: Session, decoder: str, overrides: Overrides | None):
    if overrides:
        make(pipeline, [session], ["true_spikes"])
    make(pipeline, [session], [evaluation_of(decoder)], overrides)
    found: Artifact = current(Planner(pipeline, overrides), evaluation_of(decoder), session)
    return found.table("scores").set_index(["scheme", "metric"]).loc[(SCHEME, "accuracy")]


def _rerun(pipeline: Pipeline) -> Result:
    """Seconds until units are curated by another threshold; done once before, so that modules are loaded."""
    (session,) = _sessions(pipeline, STILL[:1])
    for min_spikes in (49, 48):
        overrides = {CURATED: {"min_spikes": min_spikes}}
        began = time.perf_counter()
        drive(pipeline, [session], [CURATED], overrides=overrides, refresh=False)
        seconds = time.perf_counter() - began
    command = f"{_run(CURATED, session)} --set {CURATED}.min_spikes=48"
    return Result("seconds to curate by another threshold", seconds, asked="< 2", command=command)


def _real(pipeline: Pipeline) -> Iterator[Result]:
    """Units in the locust's tetrode, and how well simulated units that were put into it are found."""
    real, hybrid = _sessions(pipeline, (REAL, HYBRID))
    make(pipeline, [real], [CURATED])
    make(pipeline, [hybrid], [f"evaluation/sorting/{SORTER}"])
    planner = Planner(pipeline)
    kept = current(planner, CURATED, real).metadata["units"]
    note = "about 10 by hand, as its authors tell"
    yield Result(f"units: {SORTER}, locust tetrode", kept, command=_run(CURATED, real), note=note)
    row = current(planner, f"evaluation/sorting/{SORTER}", hybrid).table("scores").set_index("metric")
    scores = row.loc["median_accuracy"]
    name = f"median accuracy: {SORTER}, simulated units in the locust's voltage"
    command = _run(f"evaluation/sorting/{SORTER}", hybrid)
    yield Result(name, scores["value"], scores["ci_low"], scores["ci_high"], "", 1, command, "4 units; hybrid, 20 s")


def _nwb() -> Iterator[Result]:
    """How fast the spike times of a large NWB file are read beside plain h5py, and what that takes."""
    found = nwb_reading.measure()
    note = f"{found['bytes'] / 1e9:.3g} GB, {nwb_reading.UNITS} units, file in memory; median over pairs of runs"
    command = "python -m benchmarks.nwb_reading"
    yield Result("NWB reading: speed over plain h5py's", found["ratio"], asked=">= .8", command=command, note=note)
    yield Result("NWB reading: the same in CPU time", found["cpu_ratio"], command=command, note=note)
    beyond = f"most of any run; the result is {found['bytes'] / 1e9:.3g} GB"
    yield Result("NWB reading: GB held beyond the result", found["beyond"] / 1e9, command=command, note=beyond)
