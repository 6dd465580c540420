"""What the commands print: tables of at most 80 columns for people, JSON for scripts."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assets.cli.grid import cell, echo_json, echo_note, echo_table, echo_title, plain
from assets.cli.progress import progress
from neuropipe.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

    from assets.dagster.driver import Summary
    from neuropipe.catalog import Session
    from neuropipe.evaluation.families import Metric, ScoreFamily
    from resources.store.gc import Garbage
    from resources.store.pipeline import Pipeline
    from resources.store.plan import Decision, Planner
    from resources.workspace import Workspace

__all__ = ["progress"]
MOST_SESSIONS = 8  # whose plan is shown asset by asset
LOCK = "lock"  # a kind of garbage


def show_plan(decisions: "list[Decision]", as_json: bool, summarise: bool = False) -> None:
    rows = [
        {"asset": row.asset, "session": row.session or "", "state": row.state, "reason": row.reason}
        for row in decisions
    ]
    if as_json:
        echo_json(rows)
        return
    for row, decision in zip(rows, decisions, strict=True):
        if decision.is_alias and decision.state == "hit":
            row["reason"] = f"points at {decision.holder}"
    if summarise and len({row["session"] for row in rows}) > MOST_SESSIONS:
        states = {row["asset"]: Counter() for row in rows}
        for row in rows:
            states[row["asset"]][row["state"]] += 1
        echo_table([{"asset": a, "hit": n["hit"], "run": n["run"], "n/a": n["n/a"]} for a, n in states.items()])
    else:
        for session, of_session in _grouped(rows, "session").items():
            shown = [{name: row[name] for name in ("state", "asset", "reason")} for row in of_session]
            echo_title(session or "all sessions")
            echo_table([row for row in shown if row["state"] != "n/a"], wraps="reason")
            for reason, of_reason in _grouped([row for row in shown if row["state"] == "n/a"], "reason").items():
                echo_note(f"n/a    {', '.join(row['asset'] for row in of_reason)}: {reason}", hanging=7)
            click.echo()
    total = Counter(row.state for row in decisions if row.state == "n/a" or not row.is_alias)
    click.echo(f"{total['hit']} hit, {total['run']} to run, {total['n/a']} not applicable")


def show_sessions(pipeline: "Pipeline", as_json: bool) -> None:
    from assets.pipeline import quick
    from resources.store.plan import Planner

    planner = Planner(pipeline)
    rows = []
    for session in pipeline.workspace.catalog:
        rows_of_session = [row for row in planner.plan([session], quick(pipeline)) if row.session]
        states = Counter(row.state for row in rows_of_session if not row.is_alias)
        entry = session.entry
        size = sum(file.bytes or 0 for file in entry.files.values())
        rows.append(
            {
                "session": session.key,
                "modality": session.modality,
                "task": _decoded(session.task),
                "files": f"{len(entry.files)} ({size / 1e6:.1f} MB)" if entry.files else "simulated",
                "done": f"{states['hit']}/{states['hit'] + states['run']}",
                "note": f"same recording as {entry.same_recording_as}" if entry.same_recording_as else entry.note,
            }
        )
    if as_json:
        echo_json(rows)
        return
    echo_table([{name: row[name] for name in ("session", "done", "task", "modality", "files")} for row in rows],
               optional=("modality", "files"))  # fmt: skip
    click.echo()
    echo_note("done: how many assets are made, of those that are not slow. --json adds a note on each session.")


def _decoded(task: Any) -> str:
    """What a task decodes, in a word; empty without a task."""
    return "" if task is None else getattr(task, "target", None) or task.label


def show_datasets(workspace: "Workspace", as_json: bool) -> None:
    import yaml

    from resources.workspace import CLONE

    rows = [
        {
            "dataset": name,
            "title": dataset.title,
            "modality": dataset.modality,
            "task": _decoded(dataset.task),
            "sessions": len(dataset.sessions),
            "licence": dataset.licence,
        }
        for name, dataset in workspace.catalog.datasets.items()
    ]
    if as_json:
        echo_json(rows)
        return
    shown = ("dataset", "sessions", "task", "modality", "title")
    echo_table([{name: row[name] for name in shown} for row in rows], title="Data sets of the catalogue", wraps="title")
    click.echo()
    field = yaml.safe_load((CLONE / "data" / "field.yaml").read_text())
    echo_title("The field")
    for entry in field:
        echo_note(f"{entry['status']}: {entry['data']}")
        echo_note(f"{entry['formats']}; {entry['archives']}", indent=4)


def show_artifacts(planner: "Planner", asset: str, sessions: "list[Session | None]", as_json: bool) -> None:
    rows: list[dict[str, Any]] = []
    store = planner.pipeline.workspace.store
    for session in sessions:
        decision = planner.decide(asset, session)
        key = session.key if session is not None else ""
        artifact = planner.artifact(decision)
        if artifact is None and decision.state == "hit":
            command = f"neuropipe run {asset}" + (f" --session {key}" if key else "")
            said = f"run: the artifact was damaged and is set aside now; `{command}` makes it again"
            rows.append({"session": key, "field": "state", "value": said})
            continue
        if artifact is None:
            failure = store.failure(asset, decision.session)
            said = f"; the last attempt failed: {failure['message']}" if failure else ""
            rows.append({"session": key, "field": "state", "value": f"{decision.state}: {decision.reason}{said}"})
            continue
        manifest = artifact.manifest
        facts = {
            "state": "hit",
            "path": str(artifact.path),
            "fingerprint": artifact.fingerprint,
            "data_version": artifact.data_version,
            "bytes": manifest["bytes"],
            "seconds": manifest["seconds"],
            "made": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(manifest["created"])),
            "code_version": manifest["ingredients"]["code_version"],
            **{f"config.{name}": value for name, value in manifest["ingredients"]["config"].items()},
            **{f"input.{name}": version for name, version in manifest["ingredients"]["inputs"].items()},
            **{f"tool.{name}": version for name, version in manifest["ingredients"]["tools"].items()},
            **{f"check.{name}": "passed" if c["passed"] else "FAILED" for name, c in manifest["checks"].items()},
            **dict(artifact.metadata),
            **{f"plot.{path.stem}": str(path) for path in artifact.plots()},
        }
        rows += [{"session": key, "field": name, "value": value} for name, value in facts.items()]
    if as_json:
        echo_json(rows)
        return
    for session, of_session in _grouped(rows, "session").items():
        echo_title(f"{asset} of {session}" if session else asset)
        for row in of_session:
            value = row["value"]
            # A path or a hash stays in one piece, so that it can be copied.
            click.echo(
                f"{row['field']}: {json.dumps(value) if isinstance(value, dict | list | tuple) else cell(value)}"
            )
        click.echo()


def show_leaderboard(ranked: "pd.DataFrame", as_json: bool) -> None:
    rows = ranked.to_dict("records")
    if as_json:
        echo_json([{**row, "rank": _whole(row["rank"]), "n": _whole(row["n"])} for row in rows])
        return
    if not rows:
        raise BadInput("the store holds no evaluations yet: `neuropipe run --session KEY` makes some")
    from neuropipe.evaluation import families

    explained: dict[str, None] = {}
    for session, of_session in _grouped(rows, "session").items():
        scored = [row for row in of_session if plain(row["score"]) is not None]
        for (name, scheme, metric), of_scheme in _grouped(scored, "family", "scheme", "metric").items():
            family = families.get(name)
            explained[family.explanation] = None
            _show_ranking(f"{session}, {family.schemes.format(scheme)}", of_scheme, family, metric)
        if not scored:
            echo_title(session)
        problems = list(_problems(session, of_session))
        for text in dict.fromkeys(problems):
            echo_note(text, indent=4)
        if problems or not scored:
            click.echo()
    for text in filter(None, explained):
        echo_note(text)
    over = (
        "over: paired difference to the reference model. "
        if any(plain(row["over"]) is not None for row in rows)
        else ""
    )
    echo_note(f"{over}More columns: --json; docs/evaluation.md.")


def _problems(session: str, rows: list[dict[str, Any]]) -> Iterator[str]:
    """What failed or is stale, model by model; then the models that were never evaluated, with the command."""
    never = []
    for row in rows:
        if row["state"] == "missing" and row["note"].startswith("neuropipe run "):
            never.append(row["model"])
        elif row["state"] != "current":
            yield f"{_model(row)}  {row['state']}: {row['note']}"
    if never:
        yield f"not evaluated yet (neuropipe run --session {session}): {', '.join(dict.fromkeys(never))}"


def _show_ranking(title: str, rows: list[dict[str, Any]], family: "ScoreFamily", primary: str) -> None:
    metric = family.metric(primary)
    known = {name: plain(rows[0][name]) for name in family.baselines}
    baselines = [f"{family.baselines[name]} {metric.text(value)}" for name, value in known.items() if value is not None]
    references = {plain(row["reference"]) for row in rows} - {None}
    echo_title(title)
    echo_note(
        f"{metric.axis_label}{', lower is better' if metric.lower_is_better else ''}"
        + (f"; {', '.join(baselines)}" if baselines else "")
        + (f"; over: difference to {', '.join(sorted(references))}" if references else "")
    )
    known = [name for name in family.columns if any(plain(row[name]) is not None for row in rows)]
    others = {name: family.metric(name).label for name in known if name != primary}
    shown = [_ranking_row(row, metric, {label: (name, family.metric(name)) for name, label in others.items()})
             for row in rows]  # fmt: skip
    echo_table(shown, wraps="model", optional=("over", *dict.fromkeys(others.values())))
    click.echo()


def _ranking_row(row: dict[str, Any], metric: "Metric", others: "dict[str, tuple[str, Metric]]") -> dict[str, Any]:
    low, high, p_value = (plain(row[name]) for name in ("ci_low", "ci_high", "p_value"))
    over = plain(row["over"])
    digits = max(1, metric.digits - 1)
    return {
        "#": _whole(row["rank"]),
        "model": _model(row) + (" (stale)" if row["state"] == "stale" else ""),
        metric.label: metric.text(row["score"]),
        "interval": "" if low is None or high is None else f"{low:.{digits}f} to {high:.{digits}f}",
        "p": "" if p_value is None else f"{p_value:.4f}",
        "over": "" if over is None else f"{over:+.{metric.digits}f}",
        **{label: declared.text(row[name]) for label, (name, declared) in others.items()},
    }


def _model(row: dict[str, Any]) -> str:
    return f"{row['model']} {row['variant']}".strip()


def _whole(value: Any) -> int | None:
    value = plain(value)
    return None if value is None else int(value)


def show_across(compared: "pd.DataFrame", rival: str | None, as_json: bool) -> None:
    rows = compared.to_dict("records")
    if as_json:
        echo_json(rows)
        return
    for (dataset, scheme, metric, other), of_group in _grouped(rows, "dataset", "scheme", "metric", "rival").items():
        echo_title(f"{dataset}, {scheme} folds: {metric}, compared with {other}")
        echo_table([_across_row(row) for row in of_group], wraps="model")
        click.echo()
    echo_note(
        "n: sessions; mean: of their scores; difference: median over sessions of the paired difference, positive where "
        "better; better: in how many sessions; p: Wilcoxon's signed-rank test over sessions; p Holm: corrected for the "
        "number of models. The smallest p that n sessions can give is 2^(1 - n)."
    )


def _across_row(row: dict[str, Any]) -> dict[str, Any]:
    tested = plain(row["p_value"]) is not None
    return {
        "model": row["model"],
        "n": row["n_sessions"],
        "mean": row["mean"],
        "difference": f"{row['median_difference']:+.3f}" if tested else "",
        "better": f"{row['n_better']:g}" if tested else "",
        "p": f"{row['p_value']:.3f}" if tested else "",
        "p Holm": f"{row['p_holm']:.3f}" if tested else "",
    }


def _grouped(rows: list[dict[str, Any]], *columns: str) -> dict[Any, list[dict[str, Any]]]:
    """Rows by the value of a column, or by the values of several, in order of appearance."""
    groups: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        key = row[columns[0]] if len(columns) == 1 else tuple(row[name] for name in columns)
        groups.setdefault(key, []).append(row)
    return groups


def show_garbage(found: "Iterable[Garbage]", dry_run: bool, as_json: bool) -> None:
    rows = [{"kind": item.kind, "path": str(item.path), "bytes": item.bytes} for item in found]
    if as_json:
        echo_json(rows)
        return
    if not rows:
        click.echo("nothing to remove")
        return
    kinds = Counter(row["kind"] for row in rows)
    for row in rows:
        if row["kind"] != LOCK:  # one per artifact ever made, and all empty
            click.echo(f"{row['kind']}: {row['path']} ({_size(row['bytes'])})")
    if kinds[LOCK]:
        click.echo(f"lock: {kinds[LOCK]} files that no process holds")
    total = _size(sum(row["bytes"] for row in rows))
    click.echo(f"{total} {'would be freed' if dry_run else 'freed'}")


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e5 else f"{n_bytes / 1e3:.1f} kB"


def show_summary(summary: "Summary", as_json: bool = False, report: Path | None = None) -> None:
    """Print what was done, and on stderr what failed, in JSON mode too."""
    numbers = summary.as_json()
    if as_json:
        click.echo(json.dumps(numbers))
    else:
        click.echo(
            f"{numbers['hit']} hit, {numbers['run']} run, {numbers['failed']} failed in {numbers['seconds']:.1f} s"
        )
        if report is not None:
            click.echo(f"report: {report}")
    for failure in summary.failures:
        what = f"{failure.asset} of {failure.session}" if failure.session else failure.asset
        click.echo(f"neuropipe: {what}: {failure.reason}", err=True)
