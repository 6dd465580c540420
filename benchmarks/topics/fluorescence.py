"""Fluorescence: deconvolution scored on true spikes, and how long a large recording takes."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from assets.pipeline import build_pipeline
from assets.stages.signals.deconvolution_networks import NETWORKS
from benchmarks.artifacts import current, evaluation_of, make
from benchmarks.deconvolution import FRAME_RATE, measure_speed
from benchmarks.results import Result
from neuropipe import calcium
from neuropipe.calcium.reliability import growth
from neuropipe.calcium.scores import summary
from neuropipe.catalog import Session
from neuropipe.catalog.cohorts import NOTHING
from resources.store.artifact import Artifact
from resources.store.pipeline import Pipeline
from resources.store.plan import Planner

DATASET, SMOOTHING = "calcium-ground-truth", 0.08
SESSIONS = (f"{DATASET}.ds09-*", f"{DATASET}.ds1[02456]-*")  # the data sets of ASKED, which the networks learn from
OASIS, LEARNED = "oasis", "learned"
ASKED = {"ds09": ">= .79", "ds10": ">= .74", "ds12": ">= .74", "ds14": ">= .76", "ds15": ">= .61", "ds16": ">= .57"}
ASKED_OF_LEARNED = ">= .08"
MOST_SECONDS = {OASIS: "< 60", LEARNED: "< 180"}
MOVIE, SPIKES = "sim-calcium.full", "sim-choice.imaged"  # the second are the spikes that the first is rendered from
MOVIE_SMOOTHING = 0.1
DECODERS = ("rate_logistic", "logistic_regression", "naive_bayes", "knn", "xgboost")
SCHEME = "blocked"
NOTE = "mean over stretches recorded with an electrode; bins of 40 ms, Gaussian of 80 ms; interval over stretches"
LEFT_OUT = "; by networks trained on the other five data sets, drawn to resemble this one; design chosen on all six"
RESAMPLES = 2000


def measure() -> Iterator[Result]:
    pipeline = build_pipeline()
    cells = {method: _cells(pipeline, method) for method in (OASIS, LEARNED)}
    for method, of_datasets in cells.items():
        yield from _scores(method, of_datasets)
    yield _gain(cells[OASIS], cells[LEARNED])
    yield _reliability(pipeline)
    yield from _movie(pipeline)
    yield from _speed(OASIS)
    yield from _speed(LEARNED, folder=str(_networks(pipeline).folder(f"networks/{NOTHING}/{_rate(pipeline):g}hz")))


def _cells(pipeline: Pipeline, method: str) -> dict[str, pd.DataFrame]:
    """data set -> rows of `score` of all its stretches."""
    sessions = pipeline.workspace.catalog.match(SESSIONS)
    make(pipeline, sessions, ["recording"])
    make(pipeline, sessions, [f"deconvolution_scores/{method}"])
    found = {key: scores.table("scores") for key, scores in _made(pipeline, method).items()}
    return {
        dataset: pd.concat(
            [rows for key, rows in found.items() if key.startswith(f"{DATASET}.{dataset}-")], ignore_index=True
        )
        for dataset in ASKED
    }


def _made(pipeline: Pipeline, method: str) -> dict[str, Artifact]:
    """session -> the scores of its events."""
    asset, planner = f"deconvolution_scores/{method}", Planner(pipeline)
    return {session.key: current(planner, asset, session) for session in pipeline.workspace.catalog.match(SESSIONS)}


def _scores(method: str, of_datasets: dict[str, pd.DataFrame]) -> Iterator[Result]:
    note = NOTE + (LEFT_OUT if method == LEARNED else "")
    for dataset, rows in of_datasets.items():
        cells = summary(rows).set_index(["metric", "smoothing"])
        for metric in ("correlation", "error_rate", "lag"):
            row = cells.loc[metric].loc[SMOOTHING] if metric == "correlation" else cells.loc[metric].iloc[0]
            least = ASKED[dataset] if metric == "correlation" and method == OASIS else ""
            name = f"{method}, {metric}: {dataset}"
            yield Result(name, row["value"], row["low"], row["high"], least, 0, _command(method), note)


def _gain(oasis: dict[str, pd.DataFrame], learned: dict[str, pd.DataFrame]) -> Result:
    """By how much the correlation rises on the mean of the data sets; the interval is over stretches, paired."""
    rng = np.random.default_rng(0)
    gains = {dataset: _correlation(learned[dataset]) - _correlation(oasis[dataset]) for dataset in ASKED}
    resampled = [rng.choice(each, (RESAMPLES, len(each))).mean(1) for each in gains.values()]
    low, high = np.quantile(np.mean(resampled, axis=0), [0.025, 0.975])
    value = float(np.mean([each.mean() for each in gains.values()]))
    name = f"{LEARNED} over {OASIS}, correlation: mean of the six data sets"
    return Result(name, value, float(low), float(high), ASKED_OF_LEARNED, 0, _command(LEARNED), NOTE + LEFT_OUT)


def _reliability(pipeline: Pipeline) -> Result:
    """Whether errors are larger where the networks say so: over tenths of each stretch's bins, by uncertainty."""
    tables = [scores.table("reliability") for scores in _made(pipeline, LEARNED).values()]
    each = np.array([growth(rows) for table in tables for _, rows in table.groupby("roi")])
    resampled = np.random.default_rng(0).choice(each, (RESAMPLES, len(each))).mean(1)
    low, high = np.quantile(resampled, [0.025, 0.975])
    name = f"{LEARNED}, rank correlation of error and uncertainty: all stretches"
    note = "tenths of a stretch's bins of 40 ms, by uncertainty; mean and interval over stretches" + LEFT_OUT
    return Result(name, float(each.mean()), float(low), float(high), "", 0, _command(LEARNED), note)


def _correlation(rows: pd.DataFrame) -> np.ndarray:
    """(stretch,) in the order of sessions and ROIs; one without events counts as 0."""
    return rows.loc[np.isclose(rows["smoothing"], SMOOTHING), "correlation"].fillna(0).to_numpy()


def _movie(pipeline: Pipeline) -> Iterator[Result]:
    """Cells found in a simulated movie, events against true spikes, and what is decoded from either."""
    catalog = pipeline.workspace.catalog.sessions
    movie, spikes = catalog[MOVIE], catalog[SPIKES]
    methods = list(calcium.available())
    for method in methods:
        make(pipeline, [movie], [f"deconvolution_scores/{method}"])
    for decoder in DECODERS:
        make(pipeline, [movie, spikes], [evaluation_of(decoder)])
    planner = Planner(pipeline)

    def made(asset: str, session: Session) -> Artifact:
        return current(planner, asset, session)

    command = f"neuropipe run --session {MOVIE} --session {SPIKES}"
    found = made("fluorescence", movie)
    yield Result("movie: cells found", found.metadata["found_fraction"], asked=">= .90", seed=0, command=command)
    yield Result("movie: ROIs that are cells", found.metadata["precision"], seed=0, command=command)
    error = found.metadata["shift_error"]
    yield Result("movie: error of the shifts (px, root mean square)", error, seed=0, command=command)
    yield Result("movie: seconds of suite2p", found.manifest["seconds"], seed=0, command=command)
    for method in methods:
        cells = summary(made(f"deconvolution_scores/{method}", movie).table("scores")).set_index(
            ["metric", "smoothing"]
        )
        row = cells.loc[("correlation", MOVIE_SMOOTHING)]
        asked = ">= .8" if method == OASIS else ""
        own = f"neuropipe run deconvolution_scores/{method} --session {MOVIE}"
        name, note = f"movie, correlation at 100 ms: {method}", "bins of 40 ms, Gaussian of 100 ms (SD); cells found"
        yield Result(name, row["value"], row["low"], row["high"], asked, 0, own, note)
    optimum = made("recording", spikes).arrays["truth/latent_optimal_accuracy"][()].item()
    yield Result("movie, accuracy: best attainable", optimum, seed=0, command=command)
    for decoder in DECODERS:
        for what, session in (("true spikes", spikes), ("recovered events", movie)):
            table = made(evaluation_of(decoder), session).table("scores").set_index(["scheme", "metric"])
            row = table.loc[(SCHEME, "accuracy")]
            name = f"movie, accuracy: {decoder} from {what}"
            yield Result(name, row["value"], row["ci_low"], row["ci_high"], "", 0, command, f"{SCHEME} folds")


def _command(method: str) -> str:
    return f"neuropipe run deconvolution_scores/{method} " + " ".join(f"--session '{pattern}'" for pattern in SESSIONS)


def _networks(pipeline: Pipeline) -> Artifact:
    return current(Planner(pipeline), NETWORKS, None)


def _rate(pipeline: Pipeline) -> float:
    """Hz at which networks for the recording whose speed is measured work."""
    return max(rate for rate in _networks(pipeline).metadata["rates"] if rate <= FRAME_RATE)


def _speed(method: str, **parameters: str) -> Iterator[Result]:
    seconds, gigabytes = measure_speed(method, **parameters)
    command = f"python -m benchmarks.deconvolution speed {method}" + (" folder=..." if parameters else "")
    name = f"{method}: 1,000 ROIs x 30 minutes at 30 Hz"
    yield Result(f"seconds: {name}", seconds, asked=MOST_SECONDS[method], command=command)
    yield Result(f"peak memory (GB): {name}", gigabytes, asked="< 2", command=command)
