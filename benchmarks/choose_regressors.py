"""How the defaults of the networks for regression were chosen: squared error on inner blocks of ONE outer fold.

    NEUROPIPE_MIRROR=... python -m benchmarks.choose_regressors [gru_regressor | lstm_regressor | ...]

The training samples of the first of the five blocked folds of reaching-m1.stevenson-2011, cut into three blocks;
no outer test sample is read. Every variant is printed with the share of variance that networks trained without a block
leave unexplained in it, at the last epoch: of the middle block, and the mean of the three.
"""

import os
import sys
from pathlib import Path

import numpy as np

from neuropipe import decoders, readers
from neuropipe.binning.continuous import average_in_bins, histories, rebin_published, sample_bins
from neuropipe.catalog import Catalog
from neuropipe.folds import make_folds

KEY = "reaching-m1.stevenson-2011"
CATALOG = Path(__file__).resolve().parent.parent / "data" / "catalog"

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


def main() -> None:
    X, y = training_samples()
    for name in sys.argv[1:] or NETWORKS:
        print(f"\n{name}\n| variant | middle block | mean of three |\n|---|---|---|")
        for variant in VARIANTS:
            decoder = decoders.make(name, **{"n_inner_folds": 3, "n_seeds": 1} | variant).fit(X, y)
            left = decoder.curves_.dropna().groupby("part")["validation_loss"].last()
            print(f"| {variant or 'defaults'} | {left['inner-1']:.4f} | {left.mean():.4f} |", flush=True)


if __name__ == "__main__":
    main()
