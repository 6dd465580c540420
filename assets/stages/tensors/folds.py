"""folds: how the samples of a session are split, as data, shared by all its models."""

from typing import Any

import pandas as pd

from assets.stages.sessions import has_task, parts_of
from neuropipe import tasks
from neuropipe.catalog import DatasetEntry
from neuropipe.folds import leaks, make_folds
from neuropipe.schemas import Binned, Check, Folds, Recording
from resources.store.stage import StageConfig, Uses, stage


class FoldsConfig(StageConfig):
    """schemes : which splits to make; gap : samples left out on either side of a test block, at least the history.

    task : the kind of the session's task, which says what a sample is
    """

    task: str
    schemes: tuple[str, ...] = ("blocked",)
    n_folds: int = 5
    gap: int = 1
    block_column: str | None = None
    seed: int = 0


def _settings(dataset: DatasetEntry) -> dict[str, Any]:
    return {"task": tasks.kind_of(dataset.task), **dataset.task.folds.model_dump()}


def _uses(config: FoldsConfig) -> Uses:
    return parts_of(config.task, "samples", "binned")


@stage(
    group="tensors",
    kinds=("parquet",),
    settings=_settings,
    applies_to=has_task,
    uses=_uses,
    checks={
        "every_trial_tested_once": "Within a scheme no sample is tested twice, and at most n_folds - 1 samples never.",
        "no_leakage": "No training sample lies within the gap of a test sample or shares time with its window.",
    },
)
def folds(config: FoldsConfig, binned: Binned, recording: Recording) -> Folds:
    """Every split of a session's samples into training and test: (scheme, fold, sample, role).

    A sample is a trial, in a continuous session a bin with its history. A scheme is a way to split: `blocked` takes
    contiguous blocks with a gap, `shuffled` ignores time and leaks.
    """
    samples = tasks.get(config.task).load("samples")(binned, recording, config.block_column)
    gap = max(config.gap, samples.least_gap)
    tables = [
        make_folds(
            samples.labels,
            n_samples=samples.n,
            scheme=scheme,
            n_folds=config.n_folds,
            gap=gap,
            blocks=samples.blocks,
            seed=config.seed,
        ).assign(scheme=scheme)
        for scheme in config.schemes
    ]
    every = pd.concat(tables, ignore_index=True)[["scheme", "fold", "sample", "role"]]
    found = leaks(every, samples.starts, samples.stops, gap)
    tested = every[every["role"] == "test"].groupby("scheme")["sample"]
    untested = {scheme: int(samples.n - numbers.nunique()) for scheme, numbers in tested}
    once = bool((tested.count() == tested.nunique()).all()) and all(left < config.n_folds for left in untested.values())
    return Folds(
        folds=every,
        checks={
            "every_trial_tested_once": Check(once, facts={"trials": samples.n, "untested": untested}),
            "no_leakage": Check(
                found.empty,
                "" if found.empty else f"{len(found)} leaks, the first: {found.iloc[0].to_dict()}",
                facts={"windows_known": samples.starts is not None, "gap": gap},
            ),
        },
        facts={"schemes": list(config.schemes), "n_folds": config.n_folds, "gap": gap},
    )


STAGES = [folds]
