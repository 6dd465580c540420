"""evaluation/connectivity/<method>: what a matrix is worth, against the true connections or by its reliability."""

import functools
from typing import Any

import pandas as pd

from assets.stages.sessions import suits_connectivity
from neuropipe import connectivity as methods
from neuropipe.catalog import Session
from neuropipe.errors import BadInput
from neuropipe.evaluation import families
from neuropipe.evaluation.connectivity import connectivity_scores
from neuropipe.evaluation.connectivity_reliability import reliability_scores
from neuropipe.evaluation.families.connectivity import primary_of_connections
from neuropipe.plots import connectivity as plots
from neuropipe.registry import Plugin
from neuropipe.schemas import Connectivity, ConnectivityReliability, Recording, Scores
from neuropipe.tasks.scoring import scores_finite, summary
from resources.store.stage import Stage, StageConfig, stage

FAMILY = "connectivity"


class ConnectivityScoreConfig(StageConfig):
    """n_resamples : of sources, targets and pairs, for intervals; n_permutations : relabelled networks of the null."""

    n_resamples: int = 300
    n_permutations: int = 1000
    seed: int = 0


def _family(_: Session) -> str:
    return FAMILY


def _plots(made: Scores, connectivity: Connectivity, recording: Recording, **_: Any) -> dict[str, Any]:
    if made.scores.empty:
        return {}
    drawn = families.get(FAMILY).plots(made.scores, made.ranking["primary"])
    if "average_precision" in set(made.scores["metric"]):
        true = recording.truth["weights"][:]
        drawn["true_and_estimated"] = plots.true_and_estimated(connectivity.weights[:], true)
    return drawn


def _evaluation_stage(plugin: Plugin) -> Stage:
    @stage(
        name=f"evaluation/connectivity/{plugin.name}",
        group="results",
        inputs={
            "connectivity": f"connectivity/{plugin.name}",
            "reliability": f"connectivity_reliability/{plugin.name}",
        },
        kinds=("parquet",),
        description=(
            f"How well `connectivity/{plugin.name}` finds the true connections, with 95 % intervals and p against the "
            "true network with its units relabelled; where they are not known, how well halves of the session agree."
        ),
        applies_to=functools.partial(suits_connectivity, plugin.facts["needs"]),
        slow=True,
        tools=("scipy", "scikit-learn"),
        checks={"scores_finite": "Every score and both ends of its interval are finite numbers."},
        plots=_plots,
        score_family=_family,
    )
    def evaluation(
        config: ConnectivityScoreConfig,
        connectivity: Connectivity,
        recording: Recording,
        reliability: ConnectivityReliability | None,
    ) -> Scores:
        if reliability is not None:
            return _ranked(reliability_scores(reliability.reliability), None)
        if "weights" not in recording.truth:
            raise BadInput("the simulator announces its wiring, and the recording's truth holds no weights")
        scores = connectivity_scores(
            connectivity,
            recording.truth,
            signed=plugin.facts["signed"],
            n_resamples=config.n_resamples,
            n_permutations=config.n_permutations,
            seed=config.seed,
        )
        return _ranked(scores, int((recording.truth["weights"][:] != 0).sum()))

    return evaluation


def _ranked(scores: pd.DataFrame, connections: int | None) -> Scores:
    """connections : number of true ones, None where they are not known"""
    primary = primary_of_connections({"connections": connections})
    facts: dict[str, Any] = {} if connections is None else {"true_connections": connections}
    if primary in set(scores["metric"]):
        facts |= summary(scores, primary)
    return Scores(
        scores=scores,
        ranking={"family": FAMILY, "primary": primary},
        facts=facts,
        checks={"scores_finite": scores_finite(scores)},
    )


STAGES = [_evaluation_stage(plugin) for plugin in methods.available().values()]
