"""Tables of the report: one per session, fold scheme, family and metric, with the columns its family declares."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from neuropipe.evaluation import families
from neuropipe.evaluation.families import ScoreFamily


@dataclass(frozen=True)
class Cell:
    """Text as it is read, and the value that the column is sorted by."""

    text: str
    value: Any = ""


@dataclass(frozen=True)
class Table:
    """One table: headings with the meaning of each column, and rows of cells."""

    scheme: str
    caption: str
    headings: list[tuple[str, str]]
    rows: list[list[Cell]]


def scheme_tables(ranked: pd.DataFrame) -> list[Table]:
    """Tables of one session's scored rows."""
    scored = ranked[ranked["score"].notna()]
    groups = scored.groupby(["family", "scheme", "metric"], sort=False)
    return [_table(rows, families.get(name), scheme, metric) for (name, scheme, metric), rows in groups]


def _table(rows: pd.DataFrame, family: ScoreFamily, scheme: str, primary: str) -> Table:
    metric = family.metric(primary)
    baselines = [name for name in family.baselines if rows[name].notna().any()]
    others = [name for name in family.columns if name != primary and rows[name].notna().any()]
    compared = rows["over"].notna().any()
    reference = rows.loc[rows["reference"].notna(), "reference"].iloc[0] if compared else ""
    headings = [
        ("model", "name, variant"),
        (metric.label, metric.axis_label + (", lower is better" if metric.lower_is_better else "")),
        ("95 % interval", family.interval),
        ("p", family.chance),
        *((family.baselines[name], f"{metric.label} of this baseline") for name in baselines),
        *(((f"over {reference}", f"paired difference in {metric.label}"),) if compared else ()),
        *((family.metric(name).label, _meaning(family, name)) for name in others),
    ]
    body = [_row(row, family, primary, baselines, others, compared) for row in rows.to_dict("records")]
    numbers = rows["n"].dropna().unique()
    n = f", {numbers[0]:.0f} {family.counted}" if len(numbers) == 1 else ""
    caption = f"{family.schemes.format(scheme)}, ranked by {metric.axis_label}{n}"
    return Table(scheme, caption, headings, body)


def _row(
    row: Mapping[str, Any], family: ScoreFamily, primary: str, baselines: list[str], others: list[str], compared: bool
) -> list[Cell]:
    metric = family.metric(primary)
    name = f"{row['model']} {row['variant']}".strip() + (" (stale)" if row["state"] == "stale" else "")
    interval = f"{metric.text(row['ci_low'])} to {metric.text(row['ci_high'])}" if pd.notna(row["ci_low"]) else ""
    cells = [
        Cell(name, name),
        Cell(metric.text(row["score"]), row["score"]),
        Cell(interval, row["ci_low"]),
        Cell("" if pd.isna(row["p_value"]) else f"{row['p_value']:.4f}", row["p_value"]),
        *(Cell(metric.text(row[each]), row[each]) for each in baselines),
    ]
    if compared:
        cells.append(Cell(_difference(row, metric.digits), row["over"]))
    return [*cells, *(Cell(family.metric(each).text(row[each]), row[each]) for each in others)]


def _difference(row: Mapping[str, Any], digits: int) -> str:
    if pd.isna(row["over"]):
        return ""
    return f"{row['over']:+.{digits}f} ({row['over_low']:+.{digits}f} to {row['over_high']:+.{digits}f})"


def _meaning(family: ScoreFamily, name: str) -> str:
    metric = family.metric(name)
    return metric.axis_label + (", lower is better" if metric.lower_is_better else "")
