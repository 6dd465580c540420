"""sweep/<decoder>: accuracy against number of bins, window position, number of units and of training trials."""

import functools
import time
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field, ValidationError, create_model

from assets.stages.applies import without_task_of
from assets.stages.decoding.decoders import config_model, members
from neuropipe import decoders
from neuropipe.catalog import Session
from neuropipe.errors import BadInput
from neuropipe.evaluation.sweeps import SWEEPS, Available, Points, left_out, make_conditions
from neuropipe.evaluation.sweeps import scores as sweep_scores
from neuropipe.evaluation.sweeps.fits import Trials, fit_and_test, folds_of
from neuropipe.plots import sweeps as figures_sweeps
from neuropipe.registry import Plugin
from resources.run.compute import side_by_side
from resources.store.artifact import Artifact, Draft
from resources.store.binned_format import binned_activity
from resources.store.plan import Planner
from resources.store.stage import Parts, Stage, StageConfig, memoized

PROGRESS_LINES = 20
COPIES = 4  # of the counts, as float64, that a fit holds at its peak


class SweepConfig(StageConfig):
    """scheme : of the folds, the session's first unless named; sweeps : which of n_bins, window, n_units, n_trials.

    n_bins : numbers of bins of the whole trial; window : s, length of the sliding window; n_units, n_trials : sizes of
    random subsets (empty: seven, in equal ratios, up to all); n_repeats : subsets of each size; n_resamples : of the
    intervals; parameters : of the decoder, where they differ from the session's own for decoder/<name>.
    """

    scheme: str | None = None
    sweeps: tuple[str, ...] = tuple(SWEEPS)
    n_bins: tuple[int, ...] = Points.n_bins
    window: float = Points.window
    n_units: tuple[int, ...] = Points.n_units
    n_trials: tuple[int, ...] = Points.n_trials
    n_repeats: int = Points.n_repeats
    n_resamples: int = 2000
    seed: int = Field(Points.seed, ge=0)
    parameters: dict[str, Any] = {}


def sweep_stages() -> list[Stage]:
    """One stage for each classifier of spike counts that announces itself."""
    plugins = decoders.available().values()
    return [_sweep(plugin) for plugin in plugins if plugin.facts["task"] == "classification"]


def _sweep(plugin: Plugin) -> Stage:
    model = config_model(plugin)

    def sweep(
        draft: Draft,
        session: Session,
        config: SweepConfig,
        planner: Planner,
        binned: Artifact,
        folds: Artifact,
        log: Any,
    ) -> None:
        name = f"decoder/{plugin.name}"
        own = Planner(planner.pipeline, {name: config.parameters})
        resolved = own.config(planner.pipeline.stage(name), session)
        measure(draft, plugin.name, resolved.model_dump(), config, binned, folds, log)
        draft.metadata["parameters"] = resolved.model_dump(mode="json")

    # Not a decorator: the code version of a decorated function counts what its decorator names, and this names much
    # that says nothing of the numbers.
    return memoized(
        name=f"sweep/{plugin.name}",
        group="sweeps",
        kinds=("parquet", *plugin.facts.get("tools", ())),
        description=(
            f"Accuracy of `decoder/{plugin.name}` against the number of bins, the position of a sliding window (the "
            "time course of decodability), the number of units and the number of training trials; test trials are the "
            "same throughout. Hundreds of fits: it runs only where it is asked for."
        ),
        config=_config(plugin, model),
        applies_to=functools.partial(without_task_of, "classification"),
        source=functools.partial(_configured, plugin),
        plugins=functools.partial(_modules, plugin, model),
        tools=("numpy", "scipy", *plugin.facts.get("tools", ())),
        parts=functools.partial(_members, plugin, model),
        slow=True,
        isolated=plugin.facts.get("slow", False),
        checks={
            "out_of_fold": "No fit was trained on a trial that it is tested on.",
            "test_trials_untouched": "Every condition is tested on the same trials.",
        },
    )(sweep)


def _config(plugin: Plugin, model: type[StageConfig]) -> type[StageConfig]:
    """SweepConfig, with parameters that the decoder has. model : the decoder's configuration"""

    def check(parameters: dict[str, Any]) -> dict[str, Any]:
        try:
            model(**parameters)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"{field}: {first['msg']}; {plugin.name} has {', '.join(model.model_fields)}") from None
        return parameters

    checked = Annotated[dict[str, Any], AfterValidator(check)]
    return create_model(f"{plugin.attribute}SweepConfig", __base__=SweepConfig, parameters=(checked, {}))


def _configured(plugin: Plugin, _: Planner, session: Session, *, fetch: bool) -> dict[str, Any] | None:
    """What the catalogue sets for the decoder in this session: the sweep is of that decoder."""
    return session.config(f"decoder/{plugin.name}") or None


def _modules(plugin: Plugin, model: type[StageConfig], session: Session | None) -> tuple[str, ...]:
    """The decoder's module, and those of decoders that the session's configuration makes it of."""
    if session is None or "made_of" not in plugin.facts:
        return (plugin.module,)
    own = model.model_construct(**session.config(f"decoder/{plugin.name}"))
    return (plugin.module, *members(plugin, own).modules)


def _members(plugin: Plugin, model: type[StageConfig], config: StageConfig) -> Parts:
    return members(plugin, model(**config.parameters))


def measure(
    draft: Draft,
    decoder: str,
    parameters: dict[str, Any],
    config: SweepConfig,
    binned: Artifact,
    folds: Artifact,
    log: Any,
) -> None:
    """Fit the decoder under every condition in every fold, score its test trials, draw the curves."""
    counts, starts = binned_activity(binned), binned.table("trials")["start"].to_numpy()
    facts = counts.attrs
    split = _of_scheme(folds.table("folds"), config.scheme)
    trials = Trials(
        counts=counts[:],
        labels=binned.arrays["labels"][:],
        starts=starts if np.isfinite(starts).all() else None,  # without a clock, counts come in time order
        folds=folds_of(split),
        n_classes=len(facts["classes"]),
    )
    _, n_bins, n_units = counts.shape
    available = Available(n_bins, facts["bin_width"], facts["window"][0], n_units, trials.n_train, trials.n_classes)
    points = Points(config.n_bins, config.window, config.n_units, config.n_trials, config.n_repeats, config.seed)
    pieces = [
        (condition, fold) for condition in make_conditions(config.sweeps, points, available) for fold in trials.folds
    ]
    every_nth = -(-len(pieces) // PROGRESS_LINES)

    def report(n_done: int) -> None:
        if n_done % every_nth == 0 or n_done == len(pieces):
            log.info(f"{n_done} of {len(pieces)} fits")

    make = functools.partial(decoders.make, decoder, **parameters)
    began = time.perf_counter()
    fits = side_by_side(
        lambda piece: fit_and_test(make, trials, *piece),
        pieces,
        bytes_each=COPIES * trials.counts.size * 8,
        report=report,
    )
    seconds = time.perf_counter() - began
    rows = sweep_scores.table(fits)
    curves = sweep_scores.summary(fits, n_resamples=config.n_resamples, seed=config.seed)
    curves["chance"] = trials.chance
    draft.table("sweep", rows)
    draft.table("summary", curves)
    seen = sum(int(np.isin(fit.train, fit.test).sum()) for fit in fits)
    draft.check("out_of_fold", seen == 0, fits=len(fits), seen_in_training=seen)
    same = all(np.array_equal(fit.test, trials.folds[fit.fold][1]) for fit in fits)
    draft.check("test_trials_untouched", same, test_trials=len(trials.tested))
    scheme = split["scheme"].iloc[0]
    title = f"{decoder}: {facts['label']}, {scheme} folds"
    draft.figure("decodability", figures_sweeps.decodability(curves, rows, event=facts["align"], title=title))
    draft.metadata |= {
        "scheme": scheme,
        "chance": round(trials.chance, 4),
        **{
            f"accuracy by {sweep}": {f"{row.value:g}": round(row.accuracy, 4) for row in of_sweep.itertuples()}
            for sweep, of_sweep in curves.groupby("sweep", sort=False)
        },
        "fits": len(fits),
        "fit_seconds": round(seconds, 1),
    }
    if "n_bins" in config.sweeps and (absent := left_out(points, available)):
        draft.metadata["left out"] = f"n_bins {', '.join(map(str, absent))}: a trial has {n_bins} bins"


def _of_scheme(folds: pd.DataFrame, scheme: str | None) -> pd.DataFrame:
    """The rows of one scheme, the session's first unless named."""
    schemes = list(folds["scheme"].unique())
    if scheme is not None and scheme not in schemes:
        raise BadInput(f"the session has no folds of the scheme {scheme!r}; it has {', '.join(schemes)}")
    return folds[folds["scheme"] == (scheme or schemes[0])]
