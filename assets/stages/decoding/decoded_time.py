"""decoder/<name> of continuous sessions: behaviour in test samples, estimated by a decoder that has not seen them."""

import functools
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe import decoders
from neuropipe.binning.continuous import histories
from neuropipe.plots import continuous as figures_time
from neuropipe.registry import Plugin
from resources.run.compute import side_by_side
from resources.run.learning import Learning
from resources.store.artifact import Artifact, Draft
from resources.store.binned_format import binned_activity

ALL_SAMPLES = "all samples"  # what the fit of the decoder that is kept is called
COPIES = 4  # of the samples with their histories, as float64, that a fit holds at its peak


def decode_time(
    draft: Draft,
    plugin: Plugin,
    parameters: dict[str, Any],
    binned: Artifact,
    folds: Artifact,
    progress: Path,
    log: Any,
) -> None:
    """Fit on the training samples of every fold, predict its test samples, then refit on everything.

    Decoders of angles are given cosine and sine of each, and their predictions are turned back: none needs to know.
    """
    counts, targets = binned_activity(binned)[:], binned.arrays["targets"]
    names, circular = targets.attrs["names"], targets.attrs["circular"]
    samples = binned.table("samples")
    bins, starts = samples["bin"].to_numpy(), samples["start"].to_numpy()
    truth = targets[:][bins]
    windows = histories(counts, bins, binned_activity(binned).attrs["history"])
    aims = np.hstack([np.cos(truth), np.sin(truth)]) if circular else truth
    table = folds.table("folds")
    learning = Learning(log, progress)

    def fit(scheme: str, fold: int, samples: np.ndarray) -> Any:
        estimator = decoders.make(plugin.name, **parameters)
        return learning.fit(estimator, scheme, fold, windows[samples], aims[samples], trial_start=starts[samples])

    def one_fold(split: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        began = time.perf_counter()
        scheme, fold = split["scheme"].iloc[0], int(split["fold"].iloc[0])
        estimator = fit(scheme, fold, np.sort(split.loc[split["role"] == "train", "sample"].to_numpy()))
        test = np.sort(split.loc[split["role"] == "test", "sample"].to_numpy())
        estimates = estimator.predict(windows[test])
        if circular:
            estimates = np.arctan2(*np.split(estimates, 2, axis=1)[::-1])
        rows = _rows(scheme, fold, test, truth[test], estimates, names)
        return rows, time.perf_counter() - began

    splits = [split for _, split in table.groupby(["scheme", "fold"], sort=False)]
    folded = side_by_side(
        one_fold,
        splits,
        bytes_each=COPIES * windows.size * 8,
        report=lambda n_done: log.info(f"{n_done} of {len(splits)} folds fitted"),
    )
    every = pd.concat([rows for rows, _ in folded], ignore_index=True)
    draft.table("predictions", every)
    draft.json("targets", {"names": names, "circular": circular})
    seen = every.merge(table[table["role"] == "train"], on=["scheme", "fold", "sample"])
    draft.check("out_of_fold", seen.empty, predictions=len(every), seen_in_training=len(seen))
    (refitted,) = side_by_side(functools.partial(fit, ALL_SAMPLES, 0), [np.arange(len(bins))])
    refitted.save(draft.folder("model"))
    learning.keep(draft, plugin.name)
    draft.metadata |= {"samples": len(bins), "fold_seconds": [round(seconds, 2) for _, seconds in folded]}
    first = every[every["scheme"] == every["scheme"].iloc[0]].sort_values("sample")
    drawn = [first[[f"{column}_{name}" for name in names]].to_numpy() for column in ("y_true", "y_pred")]
    figure = figures_time.decoded_and_true(*drawn, names, binned_activity(binned).attrs["bin_width"], title=plugin.name)
    draft.figure("decoded_and_true", figure)


def _rows(scheme, fold, test, truth, estimates, names) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "scheme": scheme,
            "fold": fold,
            "sample": test,
            **{f"y_true_{name}": truth[:, column] for column, name in enumerate(names)},
            **{f"y_pred_{name}": estimates[:, column] for column, name in enumerate(names)},
        }
    )
