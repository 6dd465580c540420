"""evaluation/decoder/<name>: what a decoder's out-of-fold predictions are worth, with chance and uncertainty beside."""

import functools
from typing import Any

from assets.stages.sessions import parts_of, suits_decoder, task_of
from neuropipe import decoders, tasks
from neuropipe.catalog import DatasetEntry, Session
from neuropipe.evaluation import families
from neuropipe.registry import Plugin
from neuropipe.schemas import Binned, Folds, Predictions, Scores
from neuropipe.tasks.scoring import ScoreSettings
from resources.store.stage import Stage, StageConfig, Uses, stage


class EvaluationConfig(StageConfig):
    """n_shifts : circular shifts of the null; n_resamples : bootstrap resamples of the intervals.

    task : the kind of the session's task, which says how its predictions are scored
    """

    task: str
    n_shifts: int = 2000
    n_resamples: int = 2000
    seed: int = 0


def _settings(dataset: DatasetEntry) -> dict[str, Any]:
    return {"task": tasks.kind_of(dataset.task)}


def _family(session: Session) -> str:
    return task_of(session).family


def _uses(config: EvaluationConfig) -> Uses:
    return parts_of(config.task, "score", "binned")


def _plots(made: Scores, **_: Any) -> dict[str, Any]:
    return families.get(made.ranking["family"]).plots(made.scores, made.ranking["primary"], made.details)


def _evaluation_stage(plugin: Plugin) -> Stage:
    @stage(
        name=f"evaluation/decoder/{plugin.name}",
        group="results",
        inputs={"decoder": f"decoder/{plugin.name}"},
        kinds=("parquet",),
        description=(
            f"How well `decoder/{plugin.name}` does: scores of its out-of-fold predictions, with 95 % intervals, p "
            "against labels or behaviour shifted in time, and the baselines to beat."
        ),
        settings=_settings,
        applies_to=functools.partial(suits_decoder, plugin.facts["task"], plugin.facts.get("non_negative", False)),
        uses=_uses,
        slow=plugin.facts.get("slow", False),
        tools=("scipy", "scikit-learn"),
        checks={"scores_finite": "Every score and both ends of its interval are finite numbers."},
        plots=_plots,
        score_family=_family,
    )
    def evaluation(config: EvaluationConfig, decoder: Predictions, folds: Folds, binned: Binned) -> Scores:
        settings = ScoreSettings(config.n_shifts, config.n_resamples, config.seed)
        return tasks.get(config.task).load("score")(decoder, folds, binned, settings)

    return evaluation


STAGES = [_evaluation_stage(plugin) for plugin in decoders.available().values()]
