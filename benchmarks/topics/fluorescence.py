"""Fluorescence: deconvolution scored on true spikes, and how long a large recording takes."""

import subprocess
import sys
from collections.abc import Iterator

import pandas as pd

from assets.driver import drive, with_upstream
from assets.pipeline import build_pipeline
from benchmarks.figures import ROOT, Figure
from neuropipe.calcium.scores import summary
from resources.plan import Planner

DATASET, METHOD, SMOOTHING = "gcamp-ground-truth", "oasis", 0.08
ASKED = {"ds09": ">= .79", "ds10": ">= .74", "ds12": ">= .74", "ds14": ">= .76", "ds15": ">= .61", "ds16": ">= .57"}
NOTE = "mean over stretches recorded with an electrode; bins of 40 ms, Gaussian of 80 ms; interval over stretches"


def measure() -> Iterator[Figure]:
    yield from _scores()
    command = f"python -m benchmarks.deconvolution speed {METHOD}"
    printed = subprocess.run(
        [sys.executable, *command.split()[1:]], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    seconds, gigabytes = float(printed[printed.index("s,") - 1]), float(printed[printed.index("GB") - 1])
    name = f"{METHOD}: 1,000 ROIs x 30 minutes at 30 Hz"
    yield Figure(f"seconds: {name}", seconds, asked="< 60", command=command)
    yield Figure(f"peak memory (GB): {name}", gigabytes, asked="< 2", command=command)


def _scores() -> Iterator[Figure]:
    pipeline = build_pipeline()
    store, asset = pipeline.workspace.store, f"deconvolution_scores/{METHOD}"
    command = f"neuropipe run {asset} --session '{DATASET}.*'"
    sessions = pipeline.workspace.catalog.match((f"{DATASET}.*",))
    failures = drive(pipeline, sessions, with_upstream(pipeline, [asset])).failures
    if failures:
        sys.exit(f"{failures[0].asset} of {failures[0].session}: {failures[0].reason}")
    planner = Planner(pipeline)
    for dataset, asked in ASKED.items():
        found = [
            store.lookup(asset, session.key, planner.decide(asset, session).fingerprint).table("scores")
            for session in sessions
            if session.key.startswith(f"{DATASET}.{dataset}-")
        ]
        cells = summary(pd.concat(found, ignore_index=True)).set_index(["metric", "smoothing"])
        for metric in ("correlation", "error_rate", "lag"):
            row = cells.loc[metric].loc[SMOOTHING] if metric == "correlation" else cells.loc[metric].iloc[0]
            least = asked if metric == "correlation" else ""
            yield Figure(
                f"{METHOD}, {metric}: {dataset}", row["value"], row["low"], row["high"], least, 0, command, NOTE
            )
