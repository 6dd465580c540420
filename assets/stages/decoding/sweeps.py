"""sweep/<decoder>: accuracy against number of bins, window position, number of units and of training trials."""

import functools
import time
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field, ValidationError, create_model

from assets.stages.decoding.decoders import COPIES, decoder_config, decoder_uses
from assets.stages.sessions import suits_decoder
from neuropipe import decoders, tasks
from neuropipe.catalog import DatasetEntry
from neuropipe.errors import BadInput
from neuropipe.evaluation.sweeps import SWEEPS, Available, Points, left_out, make_conditions
from neuropipe.evaluation.sweeps import scores as sweep_scores
from neuropipe.evaluation.sweeps.fits import Trials, fit_and_test, folds_of
from neuropipe.plots import sweeps as plots
from neuropipe.registry import Plugin
from neuropipe.schemas import Check, Folds, Sweep, TrialBins
from resources.run.compute import side_by_side
from resources.store.stage import Stage, StageConfig, Uses, stage

PROGRESS_LINES = 20


class SweepConfig(StageConfig):
    """scheme : of the folds, the session's first unless named; sweeps : which of n_bins, window, n_units, n_trials.

    n_bins : numbers of bins of the whole trial; window : s, length of the sliding window; n_units, n_trials : sizes of
    random subsets (empty: seven, in equal ratios, up to all); n_repeats : subsets of each size; n_resamples : of the
    intervals; parameters : of the decoder, where they differ from the session's own for decoder/<name>, which
    `decoder` holds; task : the kind of the session's task
    """

    task: str
    scheme: str | None = None
    sweeps: tuple[str, ...] = tuple(SWEEPS)
    n_bins: tuple[int, ...] = Points.n_bins
    window: float = Points.window
    n_units: tuple[int, ...] = Points.n_units
    n_trials: tuple[int, ...] = Points.n_trials
    n_repeats: int = Points.n_repeats
    n_resamples: int = 2000
    seed: int = Field(Points.seed, ge=0)
    decoder: dict[str, Any] = {}
    parameters: dict[str, Any] = {}


def _settings(dataset: DatasetEntry) -> dict[str, Any]:
    return {"task": tasks.kind_of(dataset.task)}


def _plots(made: Sweep, **_: Any) -> dict[str, Any]:
    return {"decodability": plots.decodability(made.summary, made.sweep, **made.shown)}


def _sweep_stage(plugin: Plugin) -> Stage:
    model = decoder_config(plugin)

    def configured(config: SweepConfig) -> StageConfig:
        return model(task=config.task, **{**config.decoder, **config.parameters})

    @stage(
        name=f"sweep/{plugin.name}",
        group="decoding",
        kinds=("parquet", *plugin.facts.get("tools", ())),
        description=(
            f"Accuracy of `decoder/{plugin.name}` against the number of bins, the position of a sliding window (the "
            "time course of decodability), the number of units and the number of training trials; test trials are the "
            "same throughout. Hundreds of fits: it runs only where it is asked for."
        ),
        config=_config(plugin, model),
        settings=_settings,
        settings_like=f"decoder/{plugin.name}",
        applies_to=functools.partial(suits_decoder, "classification", plugin.facts.get("non_negative", False)),
        uses=lambda config: _uses(plugin, configured(config)),
        tools=("scipy", "scikit-learn"),
        slow=True,
        isolated=plugin.facts.get("slow", False),
        checks={
            "out_of_fold": "No fit was trained on a trial that it is tested on.",
            "test_trials_untouched": "Every condition is tested on the same trials.",
        },
        plots=_plots,
    )
    def sweep(config: SweepConfig, binned: TrialBins, folds: Folds, log: Any) -> Sweep:
        make = functools.partial(decoders.make, plugin.name, **configured(config).model_dump(exclude={"task"}))
        return measure(make, plugin.name, config, binned, folds, log)

    return sweep


def _uses(plugin: Plugin, config: StageConfig) -> Uses:
    return decoder_uses(plugin, config)


def _config(plugin: Plugin, model: type[StageConfig]) -> type[StageConfig]:
    """SweepConfig, with parameters that the decoder has. model : the decoder's configuration"""

    def check(parameters: dict[str, Any]) -> dict[str, Any]:
        try:
            model(task="", **parameters)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            known = ", ".join(name for name in model.model_fields if name != "task")
            raise ValueError(f"{field}: {first['msg']}; {plugin.name} has {known}") from None
        return parameters

    checked = Annotated[dict[str, Any], AfterValidator(check)]
    return create_model(f"{plugin.attribute}SweepConfig", __base__=SweepConfig, parameters=(checked, {}))


def measure(make: Any, decoder: str, config: SweepConfig, binned: TrialBins, folds: Folds, log: Any) -> Sweep:
    """Fit the decoder under every condition in every fold, and score its test trials."""
    split = _of_scheme(folds.folds, config.scheme)
    trials = Trials(
        counts=binned.activity[:],
        labels=binned.labels[:],
        starts=binned.starts,
        folds=folds_of(split),
        n_classes=len(binned.classes),
    )
    _, n_bins, n_units = trials.counts.shape
    available = Available(n_bins, binned.bin_width, binned.window[0], n_units, trials.n_train, trials.n_classes)
    points = Points(config.n_bins, config.window, config.n_units, config.n_trials, config.n_repeats, config.seed)
    pieces = [
        (condition, fold) for condition in make_conditions(config.sweeps, points, available) for fold in trials.folds
    ]
    every_nth = -(-len(pieces) // PROGRESS_LINES)

    def report(n_done: int) -> None:
        if n_done % every_nth == 0 or n_done == len(pieces):
            log.info(f"{n_done} of {len(pieces)} fits")

    began = time.perf_counter()
    fits = side_by_side(
        lambda piece: fit_and_test(make, trials, *piece),
        pieces,
        bytes_each=COPIES * trials.counts.size * 8,
        report=report,
    )
    seconds = time.perf_counter() - began
    curves = sweep_scores.summary(fits, n_resamples=config.n_resamples, seed=config.seed)
    curves["chance"] = trials.chance
    seen = sum(int(np.isin(fit.train, fit.test).sum()) for fit in fits)
    same = all(np.array_equal(fit.test, trials.folds[fit.fold][1]) for fit in fits)
    scheme = split["scheme"].iloc[0]
    facts = {
        "scheme": scheme,
        "chance": round(trials.chance, 4),
        **{
            f"accuracy by {sweep}": {f"{row.value:g}": round(row.accuracy, 4) for row in of_sweep.itertuples()}
            for sweep, of_sweep in curves.groupby("sweep", sort=False)
        },
        "fits": len(fits),
        "fit_seconds": round(seconds, 1),
        "parameters": make().get_params(),
    }
    if "n_bins" in config.sweeps and (absent := left_out(points, available)):
        facts["left out"] = f"n_bins {', '.join(map(str, absent))}: a trial has {n_bins} bins"
    return Sweep(
        sweep=sweep_scores.table(fits),
        summary=curves,
        shown={"event": binned.align, "title": f"{decoder}: {binned.label}, {scheme} folds"},
        facts=facts,
        checks={
            "out_of_fold": Check(seen == 0, facts={"fits": len(fits), "seen_in_training": seen}),
            "test_trials_untouched": Check(same, facts={"test_trials": len(trials.tested)}),
        },
    )


def _of_scheme(folds: pd.DataFrame, scheme: str | None) -> pd.DataFrame:
    """The rows of one scheme, the session's first unless named."""
    schemes = list(folds["scheme"].unique())
    if scheme is not None and scheme not in schemes:
        raise BadInput(f"the session has no folds of the scheme {scheme!r}; it has {', '.join(schemes)}")
    return folds[folds["scheme"] == (scheme or schemes[0])]


STAGES = [_sweep_stage(plugin) for plugin in decoders.available().values() if plugin.facts["task"] == "classification"]
