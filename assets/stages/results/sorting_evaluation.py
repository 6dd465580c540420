"""evaluation/sorting/<sorter>: how well the units of a sorter match the true ones, where these are known."""

from typing import Any

from pydantic import Field

from assets.stages.sessions import knows_units
from neuropipe import sorting
from neuropipe.evaluation import families
from neuropipe.recording import SpikeTrains
from neuropipe.registry import Plugin
from neuropipe.schemas import Recording, Scores, SortedSpikes
from neuropipe.sorting.scores import sorting_scores
from neuropipe.tasks.scoring import scores_finite
from resources.store.stage import Stage, StageConfig, stage

FAMILY = "sorting"


class SortingEvaluationConfig(StageConfig):
    """n_resamples : of the true units, for the intervals."""

    n_resamples: int = Field(2000, ge=10)
    seed: int = Field(0, ge=0)


def _plots(made: Scores, **_: Any) -> dict[str, Any]:
    return families.get(FAMILY).plots(made.scores, made.ranking["primary"], made.details)


def _evaluation_stage(plugin: Plugin) -> Stage:
    @stage(
        name=f"evaluation/{FAMILY}/{plugin.name}",
        group="results",
        inputs={"sorted_spikes": f"sorted_spikes/{plugin.name}"},
        kinds=("parquet",),
        description=f"How well `sorted_spikes/{plugin.name}` matches the true units: accuracy, recall and precision of "
        "each, with 95 % intervals.",
        config=SortingEvaluationConfig,
        score_family=lambda _: FAMILY,
        applies_to=knows_units,
        slow=plugin.facts.get("slow", False),
        tools=("scipy",),
        checks={"scores_finite": "Every score and both ends of its interval are finite numbers."},
        plots=_plots,
    )
    def evaluation(config: SortingEvaluationConfig, recording: Recording, sorted_spikes: SortedSpikes) -> Scores:
        return score(recording, sorted_spikes, config)

    return evaluation


def score(recording: Recording, found: SortedSpikes, config: SortingEvaluationConfig) -> Scores:
    """Scores of the curated units of a session whose true spikes are known."""
    truth = SpikeTrains(recording.truth["spike_times"][:], recording.truth["spike_offsets"][:])
    table, units = sorting_scores(truth, found.trains, n_resamples=config.n_resamples, seed=config.seed)
    value = table.set_index("metric")["value"]
    return Scores(
        scores=table,
        ranking={"family": FAMILY, "primary": "median_accuracy"},
        details={"units": {name: units[name].tolist() for name in units}},
        checks={"scores_finite": scores_finite(table)},
        facts={
            "true units": len(units),
            "sorted units": found.trains.n_units,
            "median accuracy": round(float(value["median_accuracy"]), 4),
            "units with accuracy of .8 or more": int((units["accuracy"] >= 0.8).sum()),
        },
    )


STAGES = [_evaluation_stage(plugin) for plugin in sorting.available().values()]
