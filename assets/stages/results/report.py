"""report: one self-contained HTML page of what the store holds: leaderboard, figures, and what each number means."""

import base64
import html
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from assets.stages.results.standings import Standing, standings
from neuropipe.catalog import Session
from resources.store.artifact import Artifact, Draft
from resources.store.plan import Decision, Pipeline, Planner
from resources.store.stage import Stage, memoized

LEAKS = {
    "shuffled": "trials are split at random: slow drift of the recording leaks from training into test, so read this "
    "as an upper bound, not as skill",
    "stratified": "neighbouring trials may fall on either side of a split without a gap",
    "rolled": "contiguous blocks without a gap between training and test",
}
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;width:100%;font-size:13px;margin:.5rem 0 1.5rem}
th,td{padding:.25rem .5rem;border-bottom:1px solid #ddd;text-align:right;font-variant-numeric:tabular-nums}
th:first-child,td:first-child{text-align:left}img{max-width:100%}.note{color:#666}.warn{color:#a40}
code{background:#f4f4f4;padding:0 .25rem}figure{margin:1rem 0}
"""


def published_path(pipeline: Pipeline) -> Path | None:
    """Where the newest report lies, if there is one."""
    artifact = pipeline.workspace.store.latest("report", None)
    return artifact.path / "data" / "report.html" if artifact is not None else None


def report_stage(sweeps: tuple[str, ...]) -> Stage:
    @memoized(group="results", kinds=("html",), partitioned=False, source=_sweeps_made, gathers=sweeps)
    def report(draft: Draft, planner: Planner, leaderboard: Artifact) -> None:
        """One HTML page of all that the store holds: scores, intervals, baselines, figures and sweeps, by session.

        Open `report.html` in the folder that `path` names; `neuropipe report` prints where it lies.
        """
        across = [path for path in leaderboard.figures() if path.stem.startswith("across_")]
        page = render(planner, standings(planner), leaderboard.table("leaderboard"), across)
        (draft.data / "report.html").write_text(page, encoding="utf-8")
        draft.metadata["page"] = "data/report.html"

    return report


def _sweeps_made(planner: Planner, session: None, *, fetch: bool) -> list[list]:
    """The sweeps that the page shows, by data version."""
    return [
        [row.asset, row.session, row.data_version]
        for session in planner.pipeline.workspace.catalog
        for row in _sweeps_of(planner, session)
    ]


def _sweeps_of(planner: Planner, session: Session) -> list[Decision]:
    """The session's sweeps that are in the store and current."""
    store, stages = planner.pipeline.workspace.store, planner.pipeline.stages
    made = [name for name in stages if name.startswith("sweep/") and store.latest(name, session.key) is not None]
    return [row for row in (planner.decide(name, session) for name in made) if row.state == "hit"]


def render(planner: Planner, found: list[Standing], ranked: pd.DataFrame, across: Sequence[Path] = ()) -> str:
    keys = sorted({row.session for row in found})
    sections = "".join(
        _session(planner, planner.pipeline.workspace.catalog.session(key), found, ranked) for key in keys
    )
    contents = " · ".join(f'<a href="#{key}">{key}</a>' for key in keys)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>neuropipe report</title><style>{_STYLE}</style>"
        f"<h1>neuropipe report</h1><p>{contents or 'Nothing has been evaluated yet.'}</p>"
        "<p class=note>Accuracy is over all out-of-fold predictions of a scheme; its interval is a 95 % block "
        "bootstrap; p compares with labels shifted in time within test blocks. Majority and previous label are what no "
        "brain is needed for. Over rate: paired difference to logistic regression on firing rates alone. "
        "Continuous sessions: R2 is the mean over targets, the median error is in degrees; persistence leaves "
        "behaviour as it was before the decoder's history began.</p>"
        f"{_across(across)}{sections}</html>"
    )


def _across(figures: Sequence[Path]) -> str:
    if not figures:
        return ""
    return "<h2>Across sessions</h2>" + "".join(_image(path, path.stem) for path in figures)


def _session(planner: Planner, session: Session, found: list[Standing], ranked: pd.DataFrame) -> str:
    dataset = session.dataset
    parts = [
        f'<h2 id="{session.key}">{session.key}</h2>',
        f"<p>{html.escape(dataset.title)}.</p>",
        f"<p class=note>{html.escape(dataset.citation)} ({html.escape(dataset.licence)})</p>",
    ]
    if session.entry.same_recording_as:
        parts.append(f"<p class=warn>The same recording as {session.entry.same_recording_as}.</p>")
    rows = ranked[ranked["session"] == session.key]
    for scheme, of_scheme in rows[rows["scheme"].notna()].groupby("scheme", sort=False):
        parts.append(f"<h3>{scheme} folds</h3>")
        if scheme in LEAKS:
            parts.append(f"<p class=warn>{LEAKS[scheme]}.</p>")
        parts.append(_table(of_scheme, CELLS if of_scheme["accuracy"].notna().any() else TIME_CELLS))
    for row in found:
        if row.session == session.key and row.state in ("failed", "missing"):
            parts.append(f"<p class=warn>{row.model} {row.state}: {html.escape(row.note)}</p>")
    binned = planner.decide("binned", session)
    if binned.state == "hit":
        artifact = planner.pipeline.workspace.store.lookup("binned", session.key, binned.fingerprint)
        parts += [_image(path, f"{session.key}: {path.stem}") for path in artifact.figures()]
    best = next((row for row in _by_rank(found, ranked, session.key) if row.fingerprint is not None), None)
    if best is not None:
        parts.append(f"<h3>{best.model}</h3>")
        parts += [
            _image(path, f"{best.model}: {path.stem}")
            for path in best.artifact(planner.pipeline.workspace.store).figures()
        ]
    for row in _sweeps_of(planner, session):
        parts.append(f"<h3>{row.asset}</h3>")
        swept = planner.pipeline.workspace.store.lookup(row.asset, session.key, row.fingerprint)
        parts += [_image(path, f"{row.asset}: {path.stem}") for path in swept.figures()]
    return "".join(parts)


def _by_rank(found: list[Standing], ranked: pd.DataFrame, key: str) -> list[Standing]:
    """The session's standings in the order of its first scheme."""
    rows = ranked[(ranked["session"] == key) & ranked["scheme"].notna()]
    order = list(rows[rows["scheme"] == rows["scheme"].iloc[0]]["model"]) if len(rows) else []
    own = [row for row in found if row.session == key and not row.variant and row.model in order]
    return sorted(own, key=lambda row: order.index(row.model))


def _model(row) -> str:
    return html.escape(f"{row.model} {row.variant}".strip()) + (" (stale)" if row.state == "stale" else "")


def _p_value(row) -> str:
    return "" if pd.isna(row.p_value) else f"{row.p_value:.4f}"


def _over_rate(row) -> str:
    return (
        "" if pd.isna(row.over_rate) else f"{row.over_rate:+.3f} [{row.over_rate_low:+.3f}, {row.over_rate_high:+.3f}]"
    )


def _number(column: str, digits: int = 3) -> Callable:
    return lambda row: "" if pd.isna(getattr(row, column)) else f"{getattr(row, column):.{digits}f}"


def _range(row) -> str:
    return f"{row.ci_low:.3f}-{row.ci_high:.3f}"


CELLS = {
    "model": _model,
    "accuracy": _number("accuracy"),
    "95 %": _range,
    "p": _p_value,
    "majority": _number("majority"),
    "previous": _number("previous"),
    "over rate": _over_rate,
    "balanced": _number("balanced_accuracy"),
    "AUC": _number("roc_auc"),
    "log loss": _number("log_loss"),
}
TIME_CELLS = {
    "model": _model,
    "metric": lambda row: html.escape(row.metric),
    "score": _number("score"),
    "95 %": _range,
    "p": _p_value,
    "training mean": _number("training_mean"),
    "persistence": _number("persistence"),
    "correlation": lambda row: _number("correlation")(row) or _number("circular_correlation")(row),
}


def _table(rows: pd.DataFrame, cells: Mapping[str, Callable]) -> str:
    header = "".join(f"<th>{name}</th>" for name in cells)
    body = "".join(
        "<tr>" + "".join(f"<td>{cell(row)}</td>" for cell in cells.values()) + "</tr>" for row in rows.itertuples()
    )
    return f"<table><tr>{header}</tr>{body}</table>"


def _image(path: Path, caption: str) -> str:
    encoded = base64.b64encode(path.read_bytes()).decode()
    return f'<figure><img alt="{caption}" src="data:image/png;base64,{encoded}"></figure>'
