"""connectivity_agreement: how far the methods that were run on a session agree about it, for all sessions."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from neuropipe.connectivity.agreement import agreement, as_matrix
from neuropipe.plots import connectivity as plots
from neuropipe.schemas import Connectivity, ConnectivityAgreement
from resources.store.plan import Decision, Planner
from resources.store.stage import Member, StageConfig, Uses, stage

PREFIX = "connectivity/"
READER = "assets.stages.connectivity.agreement:_reader"
NONE = "no session has current matrices of two methods yet: `neuropipe run 'connectivity/*' --session KEY` makes some"


class AgreementConfig(StageConfig):
    """density : share of the pairs that count as strongest; seed : of the intervals."""

    density: float = 0.1
    seed: int = 0


def _gather(planner: Planner) -> list[Member]:
    """The current matrices of the sessions in which there are at least two, by the default settings."""
    assets = [name for name in planner.pipeline.stages if name.startswith(PREFIX)]
    worked_on = set(planner.store.sessions())
    found: list[Member] = []
    for session in planner.catalog:
        if session.key not in worked_on:
            continue
        rows = [planner.decide(asset, session) for asset in assets]
        hits = [row for row in rows if row.state == "hit"]
        found += [_member(planner, row) for row in hits] if len(hits) > 1 else []
    return found


def _member(planner: Planner, row: Decision) -> Member:
    facts = {"session": row.session, "method": row.asset.removeprefix(PREFIX)}
    return Member(facts, row.asset, row.session, row.fingerprint, row.data_version, _reader(planner, row))


def _reader(planner: Planner, row: Decision) -> Callable[[], Connectivity]:
    what = f"{row.asset} of {row.session}"
    return lambda: Connectivity.read(planner.store.open_verified(row.holder, row.fingerprint or "", what))


def _unavailable(planner: Planner) -> str | None:
    return None if _gather(planner) else NONE


def _uses(_: AgreementConfig) -> Uses:
    return Uses((READER,))


def _plots(made: ConnectivityAgreement, **_: Any) -> dict[str, Any]:
    return {
        f"agreement_{session}": plots.agreement(as_matrix(rows), title=str(session))
        for session, rows in made.agreement.groupby("session", sort=False)
    }


@stage(
    group="connectivity",
    kinds=("parquet",),
    partitioned=False,
    gather=_gather,
    unavailable=_unavailable,
    gathers=("connectivity/*",),
    uses=_uses,
    tools=("scipy", "scikit-learn"),
    slow=True,
    plots=_plots,
)
def connectivity_agreement(config: AgreementConfig, members: list[Member]) -> ConnectivityAgreement:
    """Rank correlation of the sizes of weights, and overlap of the strongest pairs, of all methods of each session."""
    tables = []
    for session in dict.fromkeys(member.session for member in members):
        made = {member.facts["method"]: member.read() for member in members if member.session == session}
        found = agreement(
            {name: each.weights[:] for name, each in made.items()},
            estimated={name: (each.units["left_out"] == "").to_numpy() for name, each in made.items()},
            density=config.density,
            seed=config.seed,
        )
        found.insert(0, "session", session)
        tables.append(found)
    table = pd.concat(tables, ignore_index=True)
    median = table.groupby("session", sort=False)["rank_correlation"].median()
    return ConnectivityAgreement(
        agreement=table, facts={"median_rank_correlation": {key: round(float(of), 3) for key, of in median.items()}}
    )


STAGES = [connectivity_agreement]
