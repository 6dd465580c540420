"""The leaderboard as a table: evaluations ranked within session and scheme, and sessions where nothing beats chance.

Everything here is computed from the evaluations that are given. The score family of an evaluation says what its metrics
mean, which direction is better and which baselines there are.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.evaluation import families
from neuropipe.evaluation.families import ScoreFamily

FIRST = ("session", "scheme", "rank", "model", "family", "variant", "state")
SCORE = ("metric", "score", "ci_low", "ci_high", "p_value")
REFERENCE = ("reference", "over", "over_low", "over_high")
LAST = ("n", "note")
NOTHING_SCORED = "nothing of it can be scored in this session"


@dataclass(frozen=True)
class Evaluation:
    """The scores of one model in one session, or the reason why there are none.

    state : current, stale, failed or missing; note : why it is not current; primary : metric it is ranked by, "" for
    the family's own choice; scores : columns scheme, metric, value, ci_low, ci_high, p_value, n, or None
    predictions : reads the out-of-fold predictions, for paired differences; None where they are not at hand
    """

    session: str
    family: str
    model: str
    variant: str = ""
    state: str = "current"
    note: str = ""
    primary: str = ""
    scores: pd.DataFrame | None = None
    predictions: Callable[[], pd.DataFrame] | None = None


def columns() -> list[str]:
    """Columns of the leaderboard: the same for all evaluations, with one for each baseline and metric of any family."""
    every = families.every()
    baselines = [name for family in every for name in family.baselines]
    metrics = [name for family in every for name in family.metrics]
    return list(dict.fromkeys([*FIRST, *SCORE, *baselines, *REFERENCE, *metrics, *LAST]))


def ranked(evaluations: Sequence[Evaluation]) -> pd.DataFrame:
    """One row per (session, scheme, model, variant), the best first within its session, scheme and family.

    score, ci_low, ci_high, p_value : of the primary metric, which `metric` names; baselines have columns of their own,
    by the same metric; over, over_low, over_high : paired difference to the family's reference model in the same
    session; every metric also has a column. Evaluations without scores come last in their session, with empty scheme.
    """
    evaluations = [_reading_once(evaluation) for evaluation in evaluations]
    rows = [row for evaluation in evaluations for row in _rows(evaluation, evaluations)]
    table = pd.DataFrame(rows, columns=columns())
    numbers = [name for name in table.columns if name not in {*FIRST, "metric", "reference", "note"}]
    table[numbers] = table[numbers].astype(float)
    goodness = table["score"].where(~_lower_is_better(table), -table["score"])
    groups = [table["session"], table["scheme"], table["family"]]
    table["rank"] = goodness.groupby(groups).rank(ascending=False, method="min").astype(float)
    order = ["session", "scheme", "family", "rank", "model", "variant"]
    return table.sort_values(order, na_position="last", ignore_index=True)


def judged_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Current rows of the default settings under the scheme that is judged, the best first per session and family."""
    current = table[(table["state"] == "current") & (table["variant"] == "") & table["score"].notna()]
    found = []
    for _, rows in current.groupby(["session", "family"], sort=False):
        found.append(rows[rows["scheme"] == _judged_scheme(rows)].sort_values("rank", kind="stable"))
    return pd.concat(found, ignore_index=True) if found else current.reset_index(drop=True)


def best_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The best current row of the default configuration of each session and family, under the scheme that is judged."""
    return judged_rows(table).groupby(["session", "family"], sort=False).head(1).reset_index(drop=True)


def dead_sessions(evaluations: Sequence[Evaluation], *, alpha: float = 0.05) -> list[str]:
    """Sessions in which no model of some family beats chance, see `dead_families`."""
    return list(dead_families(evaluations, alpha=alpha))


def dead_families(evaluations: Sequence[Evaluation], *, alpha: float = 0.05) -> dict[str, list[str]]:
    """Session -> families of which no model beats chance there.

    Current evaluations of the default configuration are judged, under the first scheme that has p-values at all.
    Families whose evaluations hold none of the metrics that are judged, as connectivity without a truth, are not.
    """
    groups: dict[tuple[str, str], dict[str, pd.DataFrame]] = {}
    for each in evaluations:
        if (
            each.state == "current"
            and not each.variant
            and each.scores is not None
            and families.get(each.family).judged
        ):
            groups.setdefault((each.session, each.family), {})[each.model] = each.scores
    dead: dict[str, list[str]] = {}
    for (session, family), scores in groups.items():
        metrics, every = families.get(family).judged, pd.concat(scores.values())
        # Differences to baselines have p-values under shuffled folds, too, and tell nothing of chance.
        of_metrics = every[every["metric"].isin(metrics)]
        if len(of_metrics) and dead_session(scores, _judged_scheme(of_metrics), metrics=metrics, alpha=alpha):
            dead.setdefault(session, []).append(family)
    return dead


def dead_session(
    scores: Mapping[str, pd.DataFrame], scheme: str, *, metrics: Sequence[str] | None = None, alpha: float = 0.05
) -> bool:
    """Whether no model beats chance by any of the judged metrics in this scheme.

    scores : model -> its evaluation; metrics : those judged, by default those of all families. All p-values are judged
    together by Simes' test (1986, Biometrika 73:751): chance is rejected if the i-th smallest of m is at most
    i alpha / m. It holds for p-values that depend positively, as those of models of one session do. Unlike
    Bonferroni's it is not blind where p-values can't be very small, because they come from a limited number of
    shifts. Without any p-value nothing is shown to beat chance, and the session counts as dead.
    """
    if not scores:
        raise BadInput("no evaluation was given, so nothing can be said of the session")
    table = pd.concat(scores.values())
    table = table[table["scheme"] == scheme]
    if table.empty:
        raise BadInput(f"no evaluation holds scheme {scheme!r}")
    judged = {name for family in families.every() for name in family.judged or ()} if metrics is None else metrics
    p_values = table.loc[table["metric"].isin(judged), "p_value"].dropna()
    ordered = np.sort(p_values.to_numpy(float))
    return not bool((ordered <= alpha * np.arange(1, len(ordered) + 1) / max(1, len(ordered))).any())


def _judged_scheme(rows: pd.DataFrame) -> str:
    """The first scheme that has p-values, as shuffled folds have none; without any, the first."""
    known = rows.loc[rows["p_value"].notna(), "scheme"]
    return known.iloc[0] if len(known) else rows["scheme"].iloc[0]


def _rows(evaluation: Evaluation, every: Sequence[Evaluation]) -> Iterator[dict]:
    base = {name: getattr(evaluation, name) for name in ("session", "model", "family", "variant", "state", "note")}
    if evaluation.scores is None or evaluation.scores.empty:
        yield base if evaluation.scores is None else base | {"note": base["note"] or NOTHING_SCORED}
        return
    family = families.get(evaluation.family)
    primary = evaluation.primary or family.primary()
    differences = _differences(evaluation, primary, family, every)
    for scheme, scores in evaluation.scores.groupby("scheme", sort=False):
        yield base | {"scheme": scheme, "metric": primary, **_scored(scores, primary, family), **differences(scheme)}


def _scored(scores: pd.DataFrame, primary: str, family: ScoreFamily) -> dict:
    """Columns of one row from the scores of one scheme."""
    of = scores.set_index("metric")
    row = {name: of.loc[name, "value"] for name in family.metrics if name in of.index}
    row |= {name: of.loc[f"{primary}_{name}", "value"] for name in family.baselines if f"{primary}_{name}" in of.index}
    if primary not in of.index:
        return row | {"note": f"its scores have no {primary}"}
    own = of.loc[primary]
    return row | {"score": own["value"], **{name: own[name] for name in ("ci_low", "ci_high", "p_value", "n")}}


def _differences(
    evaluation: Evaluation, primary: str, family: ScoreFamily, every: Sequence[Evaluation]
) -> Callable[[str], dict]:
    """scheme -> columns of the paired difference to the reference model; empty unless both are current."""

    def nothing(scheme: str) -> dict:
        return {}

    if family.difference is None or evaluation.model == family.reference_model or not _comparable(evaluation):
        return nothing
    same = [each for each in every if (each.session, each.family) == (evaluation.session, evaluation.family)]
    reference = next((each for each in same if each.model == family.reference_model and _comparable(each)), None)
    if reference is None:
        return nothing
    assert evaluation.predictions is not None
    assert reference.predictions is not None
    table = family.difference(evaluation.predictions(), reference.predictions(), primary).set_index("scheme")

    def of_scheme(scheme: str) -> dict:
        if scheme not in table.index:
            return {}
        row = table.loc[scheme]
        values = {"over": row["value"], "over_low": row["ci_low"], "over_high": row["ci_high"]}
        return {"reference": reference.model, **values}

    return of_scheme


def _reading_once(evaluation: Evaluation) -> Evaluation:
    """The predictions of a reference model are compared with those of all others, and read once."""
    reference = families.get(evaluation.family).reference_model
    if evaluation.predictions is None or evaluation.model != reference:
        return evaluation
    return replace(evaluation, predictions=functools.cache(evaluation.predictions))


def _comparable(evaluation: Evaluation) -> bool:
    return evaluation.state == "current" and not evaluation.variant and evaluation.predictions is not None


def _lower_is_better(table: pd.DataFrame) -> np.ndarray:
    """(row,) whether a lower score of the primary metric is better."""
    return np.array(
        [
            isinstance(metric, str) and families.get(family).metric(metric).lower_is_better
            for family, metric in zip(table["family"], table["metric"], strict=True)
        ],
        bool,
    )
