"""decoder/<name>: out-of-fold predictions of one decoder, and the decoder refitted on all trials."""

import ast
import functools
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field, create_model

from assets.stages.applies import without_task_of
from assets.stages.decoding.decoded_time import decode_time
from neuropipe import decoders
from neuropipe.registry import Plugin
from resources.run.compute import side_by_side
from resources.run.learning import Learning
from resources.store.artifact import Artifact, Draft
from resources.store.binned_format import binned_activity
from resources.store.stage import RUNTIME_ONLY, Parts, Stage, StageConfig, memoized

ALL_TRIALS = "all trials"  # what the fit of the decoder that is kept is called
COPIES = 4  # of the counts, as float64, that a fit holds at its peak


def decoder_stages() -> list[Stage]:
    """One stage for each decoder that announces itself."""
    return [STAGES[plugin.facts["task"]](plugin) for plugin in decoders.available().values()]


def _classifier(plugin: Plugin) -> Stage:
    @memoized(**_facts(plugin))
    def decoder(draft: Draft, config: StageConfig, binned: Artifact, folds: Artifact, progress: Path, log: Any) -> None:
        decode(draft, plugin, config.model_dump(), binned, folds, progress, log)

    return decoder


def _regressor(plugin: Plugin) -> Stage:
    @memoized(**_facts(plugin))
    def decoder(draft: Draft, config: StageConfig, binned: Artifact, folds: Artifact, progress: Path, log: Any) -> None:
        decode_time(draft, plugin, config.model_dump(), binned, folds, progress, log)

    return decoder


# A stage of its own for each task: a change to how regression is run leaves classifiers alone.
STAGES = {"classification": _classifier, "regression": _regressor}


def _facts(plugin: Plugin) -> dict[str, Any]:
    """What both kinds of stages say of themselves."""
    return {
        "name": f"decoder/{plugin.name}",
        "group": "decoders",
        "kinds": ("parquet", *plugin.facts.get("tools", ())),
        "description": f"{plugin.summary}\n\nFitted to each fold's training samples, it predicts the test samples.",
        "config": config_model(plugin),
        "applies_to": functools.partial(without_task_of, plugin.facts["task"]),
        "plugins": functools.partial(_module, plugin.module),
        "tools": ("numpy", *plugin.facts.get("tools", ())),
        "parts": functools.partial(members, plugin),
        "slow": plugin.facts.get("slow", False),
        "isolated": plugin.facts.get("slow", False),  # what takes minutes takes much memory, too
        "checks": {"out_of_fold": "Every prediction was made by a decoder that had not seen the sample."},
    }


def _module(module: str, _: Any) -> tuple[str, ...]:
    return (module,)


def members(plugin: Plugin, config: StageConfig) -> Parts:
    """The other decoders that a decoder is made of, by the parameter in which it names them."""
    names = getattr(config, plugin.facts["made_of"]) if "made_of" in plugin.facts else ()
    made = [decoders.registry.get(name) for name in names]
    tools = sorted({tool for member in made for tool in member.facts.get("tools", ())})
    return Parts(tuple(member.module for member in made), tuple(tools))


def decode(
    draft: Draft,
    plugin: Plugin,
    parameters: dict[str, Any],
    binned: Artifact,
    folds: Artifact,
    progress: Path,
    log: Any,
) -> None:
    """Fit on the training trials of every fold, predict its test trials, then refit on everything."""
    counts = binned_activity(binned)[:]
    classes = np.array(binned_activity(binned).attrs["classes"])
    codes = binned.arrays["labels"][:]
    starts = binned.table("trials")["start"].to_numpy()
    known = bool(np.isfinite(starts).all())  # counts published without a clock come in time order
    table = folds.table("folds")
    learning = Learning(log, progress)

    def fit(scheme: str, fold: int, trials: np.ndarray) -> Any:
        estimator = decoders.make(plugin.name, **parameters)
        order = starts[trials] if known else None
        return learning.fit(estimator, scheme, fold, counts[trials], codes[trials], trial_start=order)

    def one_fold(split: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        began = time.perf_counter()
        scheme, fold = split["scheme"].iloc[0], int(split["fold"].iloc[0])
        estimator = fit(scheme, fold, np.sort(split.loc[split["role"] == "train", "sample"].to_numpy()))
        test = np.sort(split.loc[split["role"] == "test", "sample"].to_numpy())
        probabilities = np.zeros((len(test), len(classes)))
        probabilities[:, estimator.classes_] = estimator.predict_proba(counts[test])
        rows = _rows(scheme, fold, test, classes, codes, probabilities)
        return rows, time.perf_counter() - began

    splits = [split for _, split in table.groupby(["scheme", "fold"], sort=False)]
    folded = side_by_side(
        one_fold,
        splits,
        bytes_each=COPIES * counts.size * 8,
        report=lambda n_done: log.info(f"{n_done} of {len(splits)} folds fitted"),
    )
    every = pd.concat([rows for rows, _ in folded], ignore_index=True)
    draft.table("predictions", every)
    draft.json("classes", classes.tolist())
    seen = every.merge(table[table["role"] == "train"], on=["scheme", "fold", "sample"])
    draft.check("out_of_fold", seen.empty, predictions=len(every), seen_in_training=len(seen))
    (refitted,) = side_by_side(functools.partial(fit, ALL_TRIALS, 0), [np.arange(len(codes))])
    refitted.save(draft.folder("model"))
    learning.keep(draft, plugin.name)
    draft.metadata |= {
        "trials": len(codes),
        "accuracy": {
            scheme: round(float((rows["y_true"] == rows["y_pred"]).mean()), 4)
            for scheme, rows in every.groupby("scheme", sort=False)
        },
        "fold_seconds": [round(seconds, 2) for _, seconds in folded],
    }


def _rows(scheme, fold, test, classes, codes, probabilities) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "scheme": scheme,
            "fold": fold,
            "sample": test,
            "y_true": classes[codes[test]],
            "y_pred": classes[probabilities.argmax(axis=1)],
            **{f"p_{name}": probabilities[:, column] for column, name in enumerate(classes)},
        }
    )


_PLAIN_TYPES = {"int": int, "float": float, "str": str, "bool": bool, "tuple": tuple, "list": list}


def config_model(plugin: Plugin) -> type[StageConfig]:
    """The configuration of a decoder: its constructor's keywords and defaults."""
    runtime_only = plugin.facts.get("runtime_only", ())
    fields = {
        name: (
            _annotation(plugin.annotations.get(name, ""), default),
            Field(default, json_schema_extra=RUNTIME_ONLY if name in runtime_only else None),
        )
        for name, default in plugin.parameters.items()
    }
    return create_model(f"{plugin.attribute}Config", __base__=StageConfig, **fields)


def _annotation(text: str, default: Any) -> Any:
    """The type of a keyword, where it is made of plain ones; anything else is left to the decoder to check."""
    if not text:
        return type(default) if type(default) in _PLAIN_TYPES.values() else Any
    names = {node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)}
    return eval(text, {"__builtins__": {}}, _PLAIN_TYPES) if names <= set(_PLAIN_TYPES) else Any
