"""folds: how the trials of a session are split, as data, shared by all its decoders."""

import numpy as np
import pandas as pd

from assets.stages.applies import without_task
from neuropipe.catalog import DatasetEntry
from neuropipe.errors import BadInput
from neuropipe.folds import check_leakage, make_folds
from resources.store.artifact import Artifact, Draft
from resources.store.binned_format import binned_activity
from resources.store.stage import StageConfig, memoized


class FoldsConfig(StageConfig):
    """schemes : which splits to make; gap : samples left out on either side of a test block, at least the history."""

    schemes: tuple[str, ...] = ("blocked",)
    n_folds: int = 5
    gap: int = 1
    block_column: str | None = None
    seed: int = 0


def _settings(dataset: DatasetEntry) -> dict:
    return dataset.task.folds.model_dump()


@memoized(
    group="folds",
    kinds=("parquet",),
    config=FoldsConfig,
    settings=_settings,
    applies_to=without_task,
    checks={
        "every_trial_tested_once": "Within a scheme no sample is tested twice, and at most n_folds - 1 samples never.",
        "no_leakage": "No training window overlaps a test window in time.",
    },
)
def folds(draft: Draft, config: FoldsConfig, binned: Artifact, recording: Artifact) -> None:
    """Every split of a session's samples into training and test, shared by all decoders: (scheme, fold, sample, role).

    A sample is a trial, in a continuous session a bin with its history. A scheme is a way to split: `blocked` takes
    contiguous blocks with a gap, `shuffled` ignores time and leaks.
    """
    continuous = binned.has("samples")
    trials = binned.table("samples" if continuous else "trials")
    labels = None if continuous else binned.arrays["labels"][:]
    # A sample that shares a bin of history with a test sample holds part of what is tested.
    gap = max(config.gap, binned_activity(binned).attrs["history"]) if continuous else config.gap
    blocks = None
    if config.block_column is not None:
        published = recording.table("trials")
        if config.block_column not in published:
            raise BadInput(f"no column {config.block_column!r} in the trial table; it has {', '.join(published)}")
        blocks = published[config.block_column].to_numpy()[trials["trial"]]
    starts, stops = trials["start"].to_numpy(), trials["stop"].to_numpy()
    known = bool(np.all(np.isfinite(starts)))  # counts published without a clock have no times
    every = pd.concat(
        [
            make_folds(
                labels,
                n_samples=len(trials),
                scheme=scheme,
                n_folds=config.n_folds,
                gap=gap,
                blocks=blocks,
                seed=config.seed,
            )
            .assign(scheme=scheme)
            .loc[:, ["scheme", "fold", "sample", "role"]]
            for scheme in config.schemes
        ],
        ignore_index=True,
    )
    check_leakage(every, starts=starts if known else None, stops=stops if known else None)
    draft.table("folds", every)
    tested = every[every["role"] == "test"].groupby("scheme")["sample"]
    untested = {scheme: int(len(trials) - samples.nunique()) for scheme, samples in tested}
    draft.check(
        "every_trial_tested_once",
        bool((tested.count() == tested.nunique()).all()) and all(left < config.n_folds for left in untested.values()),
        trials=len(trials),
        untested=untested,
    )
    draft.check("no_leakage", True, windows_known=known)
    draft.metadata |= {"schemes": list(config.schemes), "n_folds": config.n_folds, "gap": gap}
