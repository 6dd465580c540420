"""Fluorescence: deconvolution scored on true spikes, and how long a large recording takes."""

import sys
from collections.abc import Iterator

import numpy as np
import pandas as pd

from assets.deconvolution_networks import NETWORKS
from assets.driver import drive, with_upstream
from assets.pipeline import build_pipeline
from benchmarks.deconvolution import FRAME_RATE, measure_speed
from benchmarks.figures import Figure
from neuropipe.calcium.scores import summary
from neuropipe.cohorts import NOTHING
from resources.artifact import Artifact
from resources.plan import Pipeline, Planner

DATASET, SMOOTHING = "gcamp-ground-truth", 0.08
OASIS, LEARNED = "oasis", "learned"
ASKED = {"ds09": ">= .79", "ds10": ">= .74", "ds12": ">= .74", "ds14": ">= .76", "ds15": ">= .61", "ds16": ">= .57"}
ASKED_OF_LEARNED = ">= .08"
MOST_SECONDS = {OASIS: "< 60", LEARNED: "< 180"}
NOTE = "mean over stretches recorded with an electrode; bins of 40 ms, Gaussian of 80 ms; interval over stretches"
LEFT_OUT = "; by networks trained on the other five data sets"
RESAMPLES = 2000


def measure() -> Iterator[Figure]:
    pipeline = build_pipeline()
    cells = {method: _cells(pipeline, method) for method in (OASIS, LEARNED)}
    for method, of_datasets in cells.items():
        yield from _scores(method, of_datasets)
    yield _gain(cells[OASIS], cells[LEARNED])
    yield from _speed(OASIS)
    yield from _speed(LEARNED, folder=str(_networks(pipeline).folder(f"networks/{NOTHING}/{_rate(pipeline):g}hz")))


def _cells(pipeline: Pipeline, method: str) -> dict[str, pd.DataFrame]:
    """data set -> rows of `score` of all its stretches."""
    asset, store = f"deconvolution_scores/{method}", pipeline.workspace.store
    sessions = pipeline.workspace.catalog.match((f"{DATASET}.*",))
    _make(pipeline, sessions, "recording")
    _make(pipeline, sessions, asset)
    planner = Planner(pipeline)
    found = {
        session.key: store.lookup(asset, session.key, planner.decide(asset, session).fingerprint).table("scores")
        for session in sessions
    }
    return {
        dataset: pd.concat(
            [rows for key, rows in found.items() if key.startswith(f"{DATASET}.{dataset}-")], ignore_index=True
        )
        for dataset in ASKED
    }


def _make(pipeline: Pipeline, sessions: list, asset: str) -> None:
    failures = drive(pipeline, sessions, with_upstream(pipeline, [asset]), named=[asset]).failures
    if failures:
        sys.exit(f"{failures[0].asset} of {failures[0].session}: {failures[0].reason}")


def _scores(method: str, of_datasets: dict[str, pd.DataFrame]) -> Iterator[Figure]:
    note = NOTE + (LEFT_OUT if method == LEARNED else "")
    for dataset, rows in of_datasets.items():
        cells = summary(rows).set_index(["metric", "smoothing"])
        for metric in ("correlation", "error_rate", "lag"):
            row = cells.loc[metric].loc[SMOOTHING] if metric == "correlation" else cells.loc[metric].iloc[0]
            least = ASKED[dataset] if metric == "correlation" and method == OASIS else ""
            name = f"{method}, {metric}: {dataset}"
            yield Figure(name, row["value"], row["low"], row["high"], least, 0, _command(method), note)


def _gain(oasis: dict[str, pd.DataFrame], learned: dict[str, pd.DataFrame]) -> Figure:
    """By how much the correlation rises on the mean of the data sets; the interval is over stretches, paired."""
    rng = np.random.default_rng(0)
    gains = {dataset: _correlation(learned[dataset]) - _correlation(oasis[dataset]) for dataset in ASKED}
    resampled = [rng.choice(each, (RESAMPLES, len(each))).mean(1) for each in gains.values()]
    low, high = np.quantile(np.mean(resampled, axis=0), [0.025, 0.975])
    value = float(np.mean([each.mean() for each in gains.values()]))
    name = f"{LEARNED} over {OASIS}, correlation: mean of the six data sets"
    return Figure(name, value, float(low), float(high), ASKED_OF_LEARNED, 0, _command(LEARNED), NOTE + LEFT_OUT)


def _correlation(rows: pd.DataFrame) -> np.ndarray:
    """(stretch,) in the order of sessions and ROIs; one without events counts as 0."""
    return rows.loc[np.isclose(rows["smoothing"], SMOOTHING), "correlation"].fillna(0).to_numpy()


def _command(method: str) -> str:
    return f"neuropipe run deconvolution_scores/{method} --session '{DATASET}.*'"


def _networks(pipeline: Pipeline) -> Artifact:
    fingerprint = Planner(pipeline).decide(NETWORKS, None).fingerprint
    return pipeline.workspace.store.lookup(NETWORKS, None, fingerprint)


def _rate(pipeline: Pipeline) -> float:
    """Hz at which networks for the recording whose speed is measured work."""
    return max(rate for rate in _networks(pipeline).metadata["rates"] if rate <= FRAME_RATE)


def _speed(method: str, **parameters: str) -> Iterator[Figure]:
    seconds, gigabytes = measure_speed(method, **parameters)
    command = f"python -m benchmarks.deconvolution speed {method}" + (" folder=..." if parameters else "")
    name = f"{method}: 1,000 ROIs x 30 minutes at 30 Hz"
    yield Figure(f"seconds: {name}", seconds, asked=MOST_SECONDS[method], command=command)
    yield Figure(f"peak memory (GB): {name}", gigabytes, asked="< 2", command=command)
