"""Standings: which evaluations the store holds, of which sessions and variants, and which are missing or failed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from neuropipe.catalog import Session
from neuropipe.evaluation import paired_difference
from neuropipe.evaluation.estimates import LOWER_IS_BETTER, primary_metric
from resources.store.artifact import Artifact
from resources.store.plan import Planner, decide_again
from resources.store.store import ArtifactStore

BASELINE = "rate_logistic"
SCORES = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "roc_auc", "calibration_error")
TIME_SCORES = ("r2", "correlation", "rmse", "median_error", "mean_error", "circular_correlation")
COLUMNS = (
    *("session", "scheme", "rank", "model", "variant", "state", "accuracy", "ci_low", "ci_high", "p_value"),
    *("majority", "previous", "over_rate", "over_rate_low", "over_rate_high"),
    *SCORES[1:],
    *("metric", "score", "training_mean", "persistence"),
    *TIME_SCORES,
    *("n", "note"),
)


@dataclass(frozen=True)
class Standing:
    """One evaluation, or its absence. state : current | stale | failed | missing; note : why it is not current.

    fingerprint, data_version : of its artifact, if there is one.
    """

    session: str
    model: str
    state: str
    variant: str = ""
    note: str = ""
    fingerprint: str | None = None
    data_version: str | None = None

    def artifact(self, store: ArtifactStore) -> Artifact:
        return store.lookup(f"evaluation/{self.model}", self.session, self.fingerprint)


def standings(planner: Planner, keys: set[str] | None = None) -> list[Standing]:
    """All standings of the sessions that have been worked on; `keys` limits them."""
    assets = [name for name in planner.pipeline.stages if name.startswith("evaluation/")]
    found: list[Standing] = []
    for session in planner.pipeline.workspace.catalog:
        if keys is None or session.key in keys:
            rows = [row for asset in assets for row in _of_asset(planner, asset, session)]
            if any(row.state != "missing" for row in rows):
                found += rows
    return found


def undamaged(planner: Planner, found: list[Standing]) -> list[Standing]:
    """The standings, with evaluations whose bytes have changed set aside and listed as missing."""
    store = planner.pipeline.workspace.store
    kept = []
    for row in found:
        artifact = row.artifact(store) if row.fingerprint is not None else None
        if artifact is not None and store.verify(artifact):
            store.quarantine(artifact.path)
            note = f"it was damaged: neuropipe run evaluation/{row.model} --session {row.session}"
            row = replace(row, state="missing", note=note, fingerprint=None, data_version=None)
        kept.append(row)
    return kept


def _of_asset(planner: Planner, asset: str, session: Session) -> Iterator[Standing]:
    store, model = planner.pipeline.workspace.store, asset.removeprefix("evaluation/")
    decision = planner.decide(asset, session)
    if decision.state == "n/a":
        return
    failure = store.failure(asset, session.key) or store.failure(f"decoder/{model}", session.key)
    if decision.state == "hit":
        yield Standing(session.key, model, "current", "", "", decision.fingerprint, decision.data_version)
    elif failure is not None and not failure["variant"]:
        yield Standing(session.key, model, "failed", note=failure["message"])
    elif (latest := store.latest(asset, session.key)) is not None:
        yield Standing(session.key, model, "stale", "", decision.reason, latest.fingerprint, latest.data_version)
    elif not planner.pipeline.stages[asset].slow:
        yield Standing(session.key, model, "missing", note=f"neuropipe run {asset} --session {session.key}")
    others = store.others(asset, session.key, decision.fingerprint)
    if others:
        yield from _variants(planner, asset, session, model, others)


def _variants(planner: Planner, asset: str, session: Session, model: str, paths: list[Path]) -> Iterator[Standing]:
    """The newest artifact of each variant among `paths`."""
    newest: dict[str, Artifact] = {}
    for artifact in filter(None, map(Artifact.read, paths)):
        known = newest.get(artifact.variant)
        if artifact.variant and (known is None or known.manifest["created"] < artifact.manifest["created"]):
            newest[artifact.variant] = artifact
    for variant, artifact in sorted(newest.items()):
        decision = decide_again(planner.pipeline, artifact, session)
        current = decision.fingerprint == artifact.fingerprint
        state, note = ("current", "") if current else ("stale", decision.reason)
        yield Standing(session.key, model, state, variant, note, artifact.fingerprint, artifact.data_version)


def table(planner: Planner, found: list[Standing]) -> pd.DataFrame:
    """One row a (session, scheme, model, variant), best first; what is missing or failed comes last, said so."""
    rows = [row for standing in found for row in _rows(planner, standing, found)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame["rank"] = _goodness(frame).groupby([frame["session"], frame["scheme"]]).rank(ascending=False, method="min")
    return frame.sort_values(["session", "scheme", "rank", "model"], na_position="last", ignore_index=True)


def _rows(planner: Planner, standing: Standing, found: list[Standing]) -> Iterator[dict]:
    base = {
        "session": standing.session,
        "model": standing.model,
        "variant": standing.variant,
        "state": standing.state,
        "note": standing.note,
    }
    if standing.fingerprint is None:
        yield base
        return
    scores = standing.artifact(planner.pipeline.workspace.store).table("scores").set_index(["scheme", "metric"])
    differences = _over_baseline(planner, standing, found)
    for scheme in scores.index.get_level_values("scheme").unique():
        of = scores.loc[scheme]
        if "accuracy" not in of.index:
            yield base | {"scheme": scheme, **_time_scores(of)}
            continue
        accuracy = of.loc["accuracy"]
        yield base | {
            "scheme": scheme,
            "metric": "accuracy",
            "score": accuracy["value"],
            **{name: of.loc[name, "value"] for name in SCORES},
            **{name: accuracy[name] for name in ("ci_low", "ci_high", "p_value", "n")},
            "majority": of.loc["accuracy_majority", "value"],
            "previous": of.loc["accuracy_previous", "value"],
            **differences.get(scheme, {}),
        }


def _time_scores(of: pd.DataFrame) -> dict:
    """Columns of a row of a continuous session. of : the evaluation of one scheme by metric."""
    metric = primary_metric("median_error" in of.index)
    first = of.loc[metric]
    return {
        "metric": metric,
        "score": first["value"],
        **{name: first[name] for name in ("ci_low", "ci_high", "p_value", "n")},
        **{name: of.loc[f"{metric}_{name}", "value"] for name in ("training_mean", "persistence")},
        **{name: of.loc[name, "value"] for name in TIME_SCORES if name in of.index},
    }


def _goodness(frame: pd.DataFrame) -> pd.Series:
    """(row,) the score, negative where lower is better."""
    return frame["score"].astype(float).where(~frame["metric"].isin(LOWER_IS_BETTER), -frame["score"].astype(float))


def _over_baseline(planner: Planner, standing: Standing, found: list[Standing]) -> dict[str, dict[str, float]]:
    """scheme -> paired difference in accuracy to the rate-only decoder on the same trials, where both are current."""
    if standing.model == BASELINE or standing.state != "current" or standing.variant:
        return {}
    rival = next((s for s in found if (s.session, s.model, s.variant) == (standing.session, BASELINE, "")), None)
    if rival is None or rival.state != "current":
        return {}
    ours, theirs = (_predictions(planner, s) for s in (standing, rival))
    return {
        row.scheme: {"over_rate": row.value, "over_rate_low": row.ci_low, "over_rate_high": row.ci_high}
        for row in paired_difference(ours, theirs).itertuples()
    }


def _predictions(planner: Planner, standing: Standing) -> pd.DataFrame:
    session = planner.pipeline.workspace.catalog.session(standing.session)
    decision = planner.decide(f"decoder/{standing.model}", session)
    store = planner.pipeline.workspace.store
    return store.open_verified(decision.asset, decision.session, decision.fingerprint).table("predictions")
