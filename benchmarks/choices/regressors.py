"""Networks for regression: squared error on inner blocks of ONE outer fold.

The training samples of the first of the five blocked folds of reaching-m1.stevenson-2011, cut into three blocks;
no outer test sample is read. The scores are the share of variance that networks trained without a block
leave unexplained in it, at the last epoch: of the middle block, and the mean of the three.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.choices import Choice
from neuropipe import decoders, readers
from neuropipe.binning.continuous import average_in_bins, histories, rebin_published, sample_bins
from neuropipe.catalog import Catalog
from neuropipe.folds import make_folds

KEY = "reaching-m1.stevenson-2011"
CATALOG = Path(__file__).resolve().parents[2] / "data" / "catalog"

# One change at a time from the defaults.
VARIANTS = [
    {},
    {"n_lags": 9},
    {"width": 96},
    {"width": 192},
    {"dropout": 0.0},
    {"dropout": 0.3},
    {"unit_dropout": 0.1},
    {"unit_dropout": 0.4},
    {"scale_offset": 0.1},
    {"learning_rate": 0.0015},
    {"learning_rate": 0.005},
    {"weight_decay": 0.01},
    {"weight_decay": 1.0},
    {"n_epochs": 7},
]
NETWORKS = tuple(f"{kind}_regressor" for kind in ("gru", "lstm", "rnn", "cnn", "mlp", "transformer"))


def training_samples() -> tuple[np.ndarray, np.ndarray]:
    """X (sample, bin, unit) and velocity (sample, 2) of the first outer fold's training samples."""
    session = Catalog.load(CATALOG).session(KEY)
    mirror, task = Path(os.environ["NEUROPIPE_MIRROR"]), session.task
    files = {name: mirror / file.url.removeprefix("https://") for name, file in session.entry.files.items()}
    recording = readers.get(session.dataset.reader).load()(files, **session.parameters)
    grid, counts = rebin_published(recording.counts, None, task.bin_width)
    velocity = average_in_bins(recording.behaviour["velocity"], grid)
    bins = sample_bins(grid.segments, task.history, np.isfinite(velocity).all(axis=1))
    folds = make_folds(n_samples=len(bins), scheme="blocked", n_folds=task.folds.n_folds, gap=task.history)
    train = folds.loc[(folds["fold"] == 0) & (folds["role"] == "train"), "sample"].to_numpy()
    return histories(counts, bins, task.history)[train], velocity[bins][train]


def tasks() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    yield (KEY, *training_samples())


def scores_of(name: str) -> Callable[[np.ndarray, np.ndarray, list[dict]], np.ndarray]:
    """(X, y, variants) -> (variant, 1, [middle block, mean of the three]): share of variance left unexplained."""

    def scores(X: np.ndarray, y: np.ndarray, variants: list[dict]) -> np.ndarray:
        found = []
        for variant in variants:
            decoder = decoders.make(name, **{"n_inner_folds": 3, "n_seeds": 1} | variant).fit(X, y)
            left = decoder.curves_.dropna().groupby("part")["validation_loss"].last()
            found.append([[left["inner-1"], left.mean()]])
            print(f"{name} {variant or 'defaults'}: {left.mean():.4f}", file=sys.stderr, flush=True)
        return np.array(found)

    return scores


METRICS = ("middle block", "mean of three")
CHOICES = {name: Choice(tasks, scores_of(name), VARIANTS, METRICS) for name in NETWORKS}
