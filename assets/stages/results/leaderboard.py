"""leaderboard: all decoders of all sessions that the store holds, ranked, with what is missing or failed in sight."""

from collections.abc import Iterator

import pandas as pd

from assets.stages.results.standings import Standing, standings, table, undamaged
from neuropipe import plots as figures
from neuropipe.errors import BadInput
from neuropipe.evaluation import dead_session
from neuropipe.evaluation.across_sessions import compare_across_sessions
from neuropipe.evaluation.estimates import LOWER_IS_BETTER
from neuropipe.plots import across_sessions as figures_across
from resources.store.artifact import Draft
from resources.store.plan import Planner
from resources.store.stage import Stage, StageConfig, memoized

RIVAL = "logistic_regression"  # whom decoders are compared with across sessions


class LeaderboardConfig(StageConfig):
    """significance : level at which a session counts as alive (Holm over models)."""

    significance: float = 0.05


def collect(planner: Planner, keys: set[str] | None = None) -> pd.DataFrame:
    """The leaderboard as it stands now: the stored one when it is current, else put together from the evaluations."""
    decision = planner.decide("leaderboard", None)
    if decision.state == "hit":
        artifact = planner.pipeline.workspace.store.lookup("leaderboard", None, decision.fingerprint)
        stored = artifact.table("leaderboard")
        return stored if keys is None else stored[stored["session"].isin(keys)].reset_index(drop=True)
    return table(planner, undamaged(planner, standings(planner, keys)))


def compare(ranked: pd.DataFrame, rival: str) -> pd.DataFrame:
    """Decoders compared with `rival` across the sessions of each data set and scheme that holds several."""
    found = list(across_sessions(ranked, rival))
    if not found:
        raise BadInput(f"no data set has current evaluations of {rival} in several sessions: run some first")
    first = ["dataset", "scheme", "metric"]
    every = pd.concat([compared for _, compared in found], ignore_index=True)
    return every[first + [name for name in every.columns if name not in first]]


def across_sessions(ranked: pd.DataFrame, rival: str) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """For each data set and scheme: its current evaluations of default configuration, and how they compare.

    By what its sessions are ranked by. Groups in which the rival was evaluated in fewer than two sessions are left out.
    """
    current = ranked[(ranked["state"] == "current") & (ranked["variant"] == "")]
    datasets = current["session"].str.split(".").str[0]  # also of no session at all
    for (dataset, scheme), rows in current.groupby([datasets, "scheme"], sort=False):
        if rows.loc[rows["model"] == rival, "session"].nunique() > 1:
            metric = rows["metric"].iloc[0]
            compared = compare_across_sessions(rows, rival, column="score", lower_is_better=metric in LOWER_IS_BETTER)
            yield rows, compared.assign(dataset=dataset, scheme=scheme, metric=metric)


def standings_source(planner: Planner, session: None, *, fetch: bool) -> list[list]:
    """What a table of all sessions is made of: every evaluation by data version, every absence by its reason."""
    return [
        [row.session, row.model, row.variant, row.state, row.data_version or row.note] for row in standings(planner)
    ]


def leaderboard_stage(evaluations: tuple[str, ...]) -> Stage:
    @memoized(
        group="results",
        kinds=("parquet",),
        config=LeaderboardConfig,
        source=standings_source,
        partitioned=False,
        gathers=evaluations,
        checks={"no_dead_session": "In every session some decoder beats chance."},
    )
    def leaderboard(draft: Draft, config: LeaderboardConfig, planner: Planner) -> None:
        """Every decoder of every session that the store holds, ranked within session and scheme.

        What failed or is missing is listed too; `neuropipe leaderboard` prints the table.
        """
        found = undamaged(planner, standings(planner))
        ranked = table(planner, found)
        draft.table("leaderboard", ranked)
        dead = dead_sessions(planner, found, config.significance)
        draft.check(
            "no_dead_session",
            not dead,
            warn=True,
            description=f"nothing beats chance in {', '.join(dead)}" if dead else "",
            dead=dead,
        )
        draft.metadata |= {
            "sessions": int(ranked["session"].nunique()),
            "models": int(ranked["model"].nunique()),
            "failed": sorted({f"{row.model} of {row.session}" for row in found if row.state == "failed"}),
            "missing": sum(row.state == "missing" for row in found),
        }
        scored = ranked[ranked["accuracy"].notna()]
        if len(scored):
            draft.figure("leaderboard", figures.leaderboard(scored.rename(columns={"majority": "accuracy_majority"})))
        for rows, compared in across_sessions(ranked, RIVAL):
            dataset, scheme, metric = compared.loc[0, ["dataset", "scheme", "metric"]]
            title = f"{dataset}, {scheme} folds"
            figure = figures_across.across_sessions(rows, compared, RIVAL, metric=metric, title=title)
            draft.figure(f"across_{dataset}_{scheme}", figure)

    return leaderboard


def dead_sessions(planner: Planner, found: list[Standing], significance: float) -> list[str]:
    """Sessions in which no decoder beats chance, judged under the first scheme that is not a shuffle."""
    store = planner.pipeline.workspace.store
    sessions: dict[str, dict[str, pd.DataFrame]] = {}
    for row in found:
        if row.state == "current" and not row.variant:
            sessions.setdefault(row.session, {})[row.model] = row.artifact(store).table("scores")
    dead = []
    for session, evaluations in sessions.items():
        schemes = next(iter(evaluations.values()))["scheme"].unique()
        scheme = next((name for name in schemes if name != "shuffled"), schemes[0])
        if dead_session(evaluations, scheme, alpha=significance):
            dead.append(session)
    return dead
