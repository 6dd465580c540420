"""Renders the report: the result of each session first, then tables and plots, and last what the numbers mean."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from neuropipe.evaluation import families
from neuropipe.evaluation.leaderboard import best_rows
from neuropipe.plots.captions import caption
from neuropipe.report.tables import Table, scheme_tables

# What a reader must know of a fold scheme that lets information about the test trials leak into training.
SCHEME_WARNINGS = {
    "shuffled": "Trials are split at random: slow drift of the recording leaks from training into test trials, so read "
    "these scores as an upper bound, not as skill.",
    "stratified": "Neighbouring trials may lie on either side of a split, without a gap.",
    "rolled": "Contiguous blocks without a gap between training and test trials.",
}


@dataclass(frozen=True)
class Picture:
    """A plot as a PNG file. text : its caption; by default the one that belongs to its file name."""

    path: Path
    text: str = ""

    @property
    def caption(self) -> str:
        return self.text or caption(self.path.stem)

    @property
    def source(self) -> str:
        return f"data:image/png;base64,{base64.b64encode(self.path.read_bytes()).decode()}"


@dataclass(frozen=True)
class PictureGroup:
    """Plots under one heading, such as those of one model. collapsed : shown on a click only"""

    heading: str
    pictures: Sequence[Picture]
    collapsed: bool = False


@dataclass(frozen=True)
class SessionFacts:
    """What the report says of a session beside its scores.

    decoded : what was decoded, such as "choice (left, no-go, right)"; family : of scores that tell how well, "" for
    any; notes : sentences that a reader must see; groups : its plots
    """

    key: str
    title: str = ""
    citation: str = ""
    licence: str = ""
    decoded: str = ""
    family: str = ""
    notes: Sequence[str] = ()
    groups: Sequence[PictureGroup] = ()


def render(
    ranked: pd.DataFrame,
    sessions: Sequence[SessionFacts],
    *,
    dead: Mapping[str, Sequence[str]] | None = None,
    across: Sequence[Picture] = (),
    made: datetime,
    version: str,
    commit: str = "",
) -> str:
    """The page as HTML text.

    ranked : of `leaderboard.ranked`; sessions : in the order they are shown, one for each session in `ranked`; dead :
    session -> score families in which nothing beats chance there; across : plots that compare models over sessions;
    made : date of the report
    """
    best, dead = best_rows(ranked), dead or {}
    facts = {facts.key: facts for facts in sessions}
    headlines = [_headline(row, facts.get(row["session"]), dead) for row in best.to_dict("records")]
    return _template().render(
        headlines=headlines,
        sessions=[_section(each, ranked[ranked["session"] == each.key], dead.get(each.key, ())) for each in sessions],
        summary=_summary(headlines),
        failed=_listed(ranked, "failed"),
        missing=_listed(ranked, "missing"),
        across=across,
        families=[families.get(name) for name in dict.fromkeys(ranked.loc[ranked["score"].notna(), "family"])],
        made=made.strftime("%Y-%m-%d %H:%M"),
        version=version,
        commit=commit,
    )


def _headline(row: Mapping[str, Any], facts: SessionFacts | None, dead: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What a reader wants to know first: which session, what was decoded, how well against chance."""
    family = families.get(row["family"])
    metric = family.metric(row["metric"])
    decodes = facts is not None and facts.family in ("", family.name)
    baselines = {label: row[name] for name, label in family.baselines.items() if pd.notna(row[name])}
    choose = min if metric.lower_is_better else max
    strongest = choose(baselines, key=baselines.__getitem__) if baselines else ""
    return {
        "session": row["session"],
        "anchor": anchor(row["session"]),
        "decoded": facts.decoded if facts is not None and facts.decoded and decodes else family.title,
        "model": row["model"],
        "scheme": family.schemes.format(row["scheme"]),
        "metric": metric.axis_label,
        "direction": "lower is better" if metric.lower_is_better else "",
        "score": metric.text(row["score"]),
        "interval": f"{metric.text(row['ci_low'])} to {metric.text(row['ci_high'])}" if pd.notna(row["ci_low"]) else "",
        "baseline": f"{strongest} {metric.text(baselines[strongest])}" if strongest else "",
        "beaten_by": strongest if strongest and choose(row["score"], baselines[strongest]) != row["score"] else "",
        "p": p_text(row["p_value"]),
        "judged": any(pd.notna(row[name]) for name in family.judged or ()),
        "dead": family.name in dead.get(row["session"], ()),
    }


def _summary(headlines: Sequence[Mapping[str, Any]]) -> str:
    judged: dict[str, bool] = {}
    for each in headlines:
        if each["judged"]:
            judged[each["session"]] = judged.get(each["session"], False) or each["dead"]
    if not headlines:
        return "Nothing has been evaluated yet."
    if not judged:
        return f"{_count(len({each['session'] for each in headlines}), 'session')} evaluated."
    alive = sum(not dead for dead in judged.values())
    if len(judged) == 1:
        return "A model beats chance in this session." if alive else "No model beats chance in this session."
    return f"In {alive} of {len(judged)} sessions a model beats chance."


def _section(facts: SessionFacts, ranked: pd.DataFrame, dead: Sequence[str]) -> dict[str, Any]:
    tables: list[Table] = scheme_tables(ranked)
    return {
        "facts": facts,
        "anchor": anchor(facts.key),
        "dead": ", ".join(families.get(name).title or name for name in dead),
        "tables": [(table, SCHEME_WARNINGS.get(table.scheme, "")) for table in tables],
    }


def _listed(ranked: pd.DataFrame, state: str) -> list[dict[str, Any]]:
    return ranked.loc[ranked["state"] == state, ["session", "model", "variant", "note"]].to_dict("records")


def anchor(key: str) -> str:
    """A session key as the name of a place in the page."""
    return "session-" + re.sub(r"[^A-Za-z0-9_-]", "-", key)


def p_text(value: float) -> str:
    if pd.isna(value):
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _template():
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("neuropipe.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["p_text"] = p_text
    return environment.get_template("report.html")
