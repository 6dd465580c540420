"""Comparison of models across sessions: a session is the unit of evidence, not a trial."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.evaluation import families

COLUMNS = ("model", "n_sessions", "mean", "median_difference", "n_better", "p_value", "p_holm")


def compare_across_sessions(
    scores: pd.DataFrame, rival: str, *, column: str = "accuracy", lower_is_better: bool = False
) -> pd.DataFrame:
    """Compare each model with `rival` by the paired difference of their scores in the same sessions.

    scores : columns session, model and `column`, one row each; a session counts for a model where both it and the
    rival have a score. Returns COLUMNS, the best mean first and models with fewer sessions last, as their means can't
    be compared. median_difference : positive where the model is better than the rival; n_better : sessions in which it
    is, ties count half; p_value : Wilcoxon's signed-rank test, two-sided, exact where there are no ties or zeros
    (Wilcoxon 1945, Biometrics Bull 1:80); p_holm : corrected for the number of models (Holm 1979, Scand J Stat 6:65).
    With n sessions no p is below 2^(1 - n), so that nothing is significant at .05 with fewer than six.
    """
    if scores.duplicated(["session", "model"]).any():
        twice = scores[scores.duplicated(["session", "model"])].iloc[0]
        raise BadInput(f"{twice['model']} has two scores in {twice['session']}; give one scheme and one variant")
    wide = scores.pivot(index="session", columns="model", values=column)
    if rival not in wide:
        raise BadInput(f"no score of {rival!r} to compare with; there are {', '.join(map(str, wide.columns))}")
    rows = []
    for model in wide.columns:
        both = wide[[model, rival]].dropna() if model != rival else wide[[rival]].dropna()
        if both.empty:
            continue
        gain = (both[model] - both[rival]) * (-1 if lower_is_better else 1)
        rows.append(
            {
                "model": model,
                "n_sessions": len(both),
                "mean": both[model].mean(),
                "median_difference": np.nan if model == rival else gain.median(),
                "n_better": np.nan if model == rival else float((gain > 0).sum() + (gain == 0).sum() / 2),
                "p_value": np.nan if model == rival else _signed_rank(gain.to_numpy()),
            }
        )
    table = pd.DataFrame(rows)
    table["p_holm"] = holm(table["p_value"].to_numpy())
    order = table.sort_values(["n_sessions", "mean"], ascending=[False, lower_is_better], ignore_index=True)
    return order[list(COLUMNS)]


def compare_datasets(ranked: pd.DataFrame, rival: str | None = None) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """For each data set, scheme and family: the rows that are compared, and how each model compares with `rival`.

    ranked : of `leaderboard.ranked`, of which current rows of the default configuration count. rival : a model; without
    it each family's own comparison model. Groups in which the rival was evaluated in fewer than two sessions are left
    out. All sessions of a group are compared by one metric, the one that is valid for each of them, in column `score`.
    """
    current = ranked[(ranked["state"] == "current") & (ranked["variant"] == "") & ranked["scheme"].notna()]
    datasets = current["session"].str.partition(".")[0] if len(current) else current["session"]
    for (dataset, scheme, name), rows in current.groupby([datasets, "scheme", "family"], sort=False):
        family = families.get(name)
        other = rival or family.comparison_model
        if other is None or rows.loc[rows["model"] == other, "session"].nunique() < 2:
            continue
        metric = family.common_primary(set(rows["metric"]))
        rows = rows.assign(score=rows[metric].astype(float), metric=metric)
        lower = family.metric(metric).lower_is_better
        compared = compare_across_sessions(rows, other, column="score", lower_is_better=lower)
        yield rows, compared.assign(dataset=dataset, scheme=scheme, family=name, metric=metric, rival=other)


def compare(ranked: pd.DataFrame, rival: str | None = None) -> pd.DataFrame:
    """All comparisons of `compare_datasets` in one table; refused when there is none."""
    tables = [compared for _, compared in compare_datasets(ranked, rival)]
    if not tables:
        named = f"of {rival} " if rival else ""
        raise BadInput(f"no data set has current evaluations {named}in several sessions: run some first")
    every, first = pd.concat(tables, ignore_index=True), ["dataset", "scheme", "family", "metric"]
    return every[first + [name for name in every.columns if name not in first]]


def holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's corrected p-values (n,); NaN stays NaN and is not counted."""
    p_values = np.asarray(p_values, float)
    corrected = np.full(p_values.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")]
    steps = p_values[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(order) else steps
    return corrected


def _signed_rank(differences: np.ndarray) -> float:
    from scipy.stats import wilcoxon

    return 1.0 if not differences.any() else float(wilcoxon(differences).pvalue)
