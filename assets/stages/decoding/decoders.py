"""decoder/<name>: out-of-fold predictions of one decoder, and the decoder refitted on all samples."""

import functools
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import create_model

from assets.stages import plugins
from assets.stages.decoding.training import Training
from assets.stages.sessions import parts_of, suits_decoder
from neuropipe import decoders, tasks
from neuropipe.catalog import DatasetEntry
from neuropipe.plots import training as plots
from neuropipe.registry import Plugin
from neuropipe.schemas import Binned, Check, Folds, Predictions
from resources.run.compute import side_by_side
from resources.store.stage import Stage, StageConfig, Uses, stage

ALL_SAMPLES = "all samples"  # what the fit of the decoder that is kept is called
COPIES = 4  # of the inputs, as float64, that a fit holds at its peak
OUT_OF_FOLD = "Every prediction was made by a decoder that had not seen the sample."


def decoder_config(plugin: Plugin) -> type[StageConfig]:
    """The decoder's parameters with their defaults, and task : the kind of the session's task."""
    fields = {"task": (str, ...), **plugins.settings_of(plugin)}
    return create_model(f"{plugin.attribute}Config", __base__=StageConfig, **fields)


def decoder_uses(plugin: Plugin, config: Any) -> Uses:
    """The decoder, the decoders that it combines, and the task's own part."""
    names = getattr(config, plugin.facts["members"]) if "members" in plugin.facts else ()
    combined = [decoders.registry.get(name) for name in names]
    return plugins.together(plugins.uses(plugin, *combined), parts_of(config.task, "problem", "binned"))


def _settings(dataset: DatasetEntry) -> dict[str, Any]:
    return {"task": tasks.kind_of(dataset.task)}


def _plots(made: Predictions, binned: Binned, folds: Folds) -> dict[str, Any]:
    drawn = dict(tasks.get(binned.task).load("plot_predictions")(made, binned))
    if made.curves is not None:
        drawn["learning_curves"] = plots.learning_curves(made.curves)
    return drawn


def _decoder_stage(plugin: Plugin) -> Stage:
    @stage(
        name=f"decoder/{plugin.name}",
        group="decoding",
        kinds=("parquet", *plugin.facts.get("tools", ())),
        description=f"{plugin.summary}\n\nFitted to each fold's training samples, it predicts the test samples.",
        config=decoder_config(plugin),
        settings=_settings,
        applies_to=functools.partial(suits_decoder, plugin.facts["task"], plugin.facts.get("non_negative", False)),
        uses=functools.partial(decoder_uses, plugin),
        tools=("scipy", "scikit-learn"),
        slow=plugin.facts.get("slow", False),
        isolated=plugin.facts.get("slow", False),  # what takes minutes takes much memory, too
        checks={"out_of_fold": OUT_OF_FOLD},
        plots=_plots,
    )
    def decoder(config: StageConfig, binned: Binned, folds: Folds, progress: Path, log: Any) -> Predictions:
        make = functools.partial(decoders.make, plugin.name, **config.model_dump(exclude={"task"}))
        problem = tasks.get(config.task).load("problem").of(binned)
        return decode(make, problem, folds.folds, progress, log)

    return decoder


def decode(make: Any, problem: Any, folds: pd.DataFrame, progress: Path, log: Any) -> Predictions:
    """Fit on the training samples of every fold, predict its test samples, then refit on everything.

    make : () -> decoder; problem : a task's Problem; folds : (scheme, fold, sample, role); progress : folder of
    checkpoints
    """
    training = Training(log, progress)

    def fit(scheme: str, fold: int, samples: np.ndarray) -> Any:
        inputs, aims, times = problem.fit_data(samples)
        return training.fit(make(), scheme, fold, inputs, aims, trial_start=times)

    def one_fold(split: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        began = time.perf_counter()
        scheme, fold = split["scheme"].iloc[0], int(split["fold"].iloc[0])
        estimator = fit(scheme, fold, np.sort(split.loc[split["role"] == "train", "sample"].to_numpy()))
        test = np.sort(split.loc[split["role"] == "test", "sample"].to_numpy())
        rows = problem.predict(estimator, test)
        rows.insert(0, "sample", test)
        rows.insert(0, "fold", fold)
        rows.insert(0, "scheme", scheme)
        return rows, time.perf_counter() - began

    splits = [split for _, split in folds.groupby(["scheme", "fold"], sort=False)]
    done = side_by_side(
        one_fold,
        splits,
        bytes_each=COPIES * problem.n_bytes,
        report=lambda n_done: log.info(f"{n_done} of {len(splits)} folds fitted"),
    )
    every = pd.concat([rows for rows, _ in done], ignore_index=True)
    seen = every.merge(folds[folds["role"] == "train"], on=["scheme", "fold", "sample"])
    (refitted,) = side_by_side(functools.partial(fit, ALL_SAMPLES, 0), [np.arange(problem.n_samples)])
    return Predictions(
        predictions=every,
        model=refitted,
        curves=training.curves,
        **problem.documents,
        facts={**problem.facts(every), "fold_seconds": [round(seconds, 2) for _, seconds in done]},
        checks={"out_of_fold": Check(seen.empty, facts={"predictions": len(every), "seen_in_training": len(seen)})},
    )


STAGES = [_decoder_stage(plugin) for plugin in decoders.available().values()]
