"""leaderboard: all models of all sessions that the store holds, ranked, with what is missing or failed in sight."""

from typing import Any

import pandas as pd

from assets.stages.results import evaluations
from neuropipe.evaluation.across_sessions import compare_datasets
from neuropipe.evaluation.leaderboard import dead_families, ranked
from neuropipe.plots import across_sessions as across_plots
from neuropipe.plots import leaderboard as plots
from neuropipe.schemas import Check, Leaderboard
from resources.store.plan import Planner
from resources.store.stage import Member, StageConfig, Uses, stage


class LeaderboardConfig(StageConfig):
    """significance : level at which a session counts as alive (Simes' test over models and metrics)."""

    significance: float = 0.05


def collect(planner: Planner, keys: set[str] | None = None) -> pd.DataFrame:
    """The leaderboard as it stands now: the stored one when it is current, else computed from the evaluations."""
    artifact = planner.artifact(planner.decide("leaderboard", None))
    if artifact is None:
        return ranked(evaluations.read(evaluations.gather(planner, keys)))
    stored = Leaderboard.read(artifact).leaderboard
    return stored if keys is None else stored[stored["session"].isin(keys)].reset_index(drop=True)


def _plots(made: Leaderboard) -> dict[str, Any]:
    drawn = dict(plots.pictures(made.leaderboard))
    for rows, compared in compare_datasets(made.leaderboard):
        dataset, scheme, metric, rival = compared.loc[0, ["dataset", "scheme", "metric", "rival"]]
        title = f"{dataset}, {scheme} folds"
        drawn[f"across_{dataset}_{scheme}"] = across_plots.across_sessions(
            rows, compared, rival, metric=metric, title=title
        )
    return drawn


def _uses(_: LeaderboardConfig) -> Uses:
    return evaluations.uses("assets.stages.results.evaluations:_reader")


@stage(
    group="results",
    kinds=("parquet",),
    partitioned=False,
    gather=evaluations.gather,
    uses=_uses,
    gathers=("evaluation/*",),
    tools=("scipy", "scikit-learn"),
    checks={"no_dead_session": "In every session some model beats chance."},
    plots=_plots,
)
def leaderboard(config: LeaderboardConfig, members: list[Member]) -> Leaderboard:
    """Every model of every session that the store holds, ranked within session and scheme.

    What failed or is missing is listed too; `neuropipe leaderboard` prints the table.
    """
    found = evaluations.read(members)
    table = ranked(found)
    families = dead_families(found, alpha=config.significance)
    dead = list(families)
    compared = [each for _, each in compare_datasets(table)]
    return Leaderboard(
        leaderboard=table,
        across=pd.concat(compared, ignore_index=True) if compared else None,
        checks={
            "no_dead_session": Check(
                not dead, f"nothing beats chance in {', '.join(dead)}" if dead else "", warn=True, facts={"dead": dead}
            )
        },
        facts={
            "sessions": int(table["session"].nunique()),
            "models": int(table["model"].nunique()),
            "dead": dead,
            "dead_families": families,
            "failed": sorted({f"{row.model} of {row.session}" for row in found if row.state == "failed"}),
            "missing": sum(row.state == "missing" for row in found),
        },
    )


STAGES = [leaderboard]
