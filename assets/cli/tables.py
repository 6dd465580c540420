"""What the commands print: rich tables for people, plain JSON for scripts."""

import contextlib
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from assets.cli.selection import quick
from neuropipe.catalog import Session
from neuropipe.errors import BadInput
from resources.store.pipeline import Pipeline
from resources.store.plan import Decision, Planner
from resources.workspace import CLONE, Workspace

if TYPE_CHECKING:
    import pandas as pd

    from assets.dagster.driver import StepReport, Summary
    from resources.store.gc import Garbage

_COLOURS = {"hit": "green", "run": "yellow", "n/a": "dim", "failed": "red", "stale": "yellow", "missing": "yellow"}


def _console() -> Console:
    console = Console(highlight=False)
    # A pipe or a CI log has no width of its own: tables stay whole there.
    return console if console.is_terminal else Console(highlight=False, width=160)


def _print(rows: list[dict[str, Any]], as_json: bool, title: str = "") -> None:
    """A table whose columns are the keys of the rows; or the rows themselves as JSON."""
    if as_json:
        click.echo(json.dumps([{key: _plain(value) for key, value in row.items()} for row in rows], indent=1))
        return
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in rows[0] if rows else ():
        number = isinstance(rows[0][column], int | float) and not isinstance(rows[0][column], bool)
        table.add_column(column, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    _console().print(table)


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and math.isnan(value) else value


def _cell(value: Any) -> str:
    value = _plain(value)
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    text = escape(str(value))
    return f"[{_COLOURS[text]}]{text}[/]" if text in _COLOURS else text


def show_plan(decisions: list[Decision], as_json: bool, summarise: bool = False) -> None:
    rows = [
        {"asset": row.asset, "session": row.session or "", "state": row.state, "reason": row.reason}
        for row in decisions
    ]
    if as_json:
        _print(rows, as_json=True)
        return
    if summarise and len({row.session for row in decisions}) > 8:
        assets = {row.asset: Counter() for row in decisions}
        for row in decisions:
            assets[row.asset][row.state] += 1
        _print([{"asset": a, "hit": n["hit"], "run": n["run"], "n/a": n["n/a"]} for a, n in assets.items()], False)
    else:
        _print(rows, False)
    states = Counter(row.state for row in decisions)
    click.echo(f"{states['hit']} hit, {states['run']} to run, {states['n/a']} not applicable")


def show_sessions(pipeline: Pipeline, as_json: bool) -> None:
    planner = Planner(pipeline)
    rows = []
    for session in pipeline.workspace.catalog:
        states = Counter(row.state for row in planner.plan([session], quick(pipeline)) if row.session)
        entry = session.entry
        size = sum(file.bytes or 0 for file in entry.files.values())
        rows.append(
            {
                "session": session.key,
                "modality": session.modality,
                "task": session.task.label if session.task else "",
                "files": f"{len(entry.files)} ({size / 1e6:.1f} MB)" if entry.files else "simulated",
                "done": f"{states['hit']}/{states['hit'] + states['run']}",
                "note": f"same recording as {entry.same_recording_as}" if entry.same_recording_as else entry.note,
            }
        )
    _print(rows, as_json)


def show_datasets(workspace: Workspace, as_json: bool) -> None:
    import yaml

    ours = [
        {
            "dataset": name,
            "title": dataset.title,
            "modality": dataset.modality,
            "task": dataset.task.label if dataset.task else "",
            "sessions": len(dataset.sessions),
            "licence": dataset.licence,
        }
        for name, dataset in workspace.catalog.datasets.items()
    ]
    _print(ours, as_json, title="Data sets of the catalogue")
    if not as_json:
        click.echo()
        _print(yaml.safe_load((CLONE / "data" / "field.yaml").read_text()), False, title="The field")


def show_artifacts(planner: Planner, asset: str, sessions: list[Session | None], as_json: bool) -> None:
    rows: list[dict[str, Any]] = []
    store = planner.pipeline.workspace.store
    for session in sessions:
        decision = planner.decide(asset, session)
        key = session.key if session is not None else ""
        artifact = store.lookup(asset, decision.session, decision.fingerprint) if decision.state == "hit" else None
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
            **{f"figure.{path.stem}": str(path) for path in artifact.figures()},
        }
        rows += [{"session": key, "field": name, "value": _value(value, as_json)} for name, value in facts.items()]
    _print(rows, as_json)


def _value(value: Any, as_json: bool) -> Any:
    return json.dumps(value) if isinstance(value, dict | list | tuple) and not as_json else value


def show_leaderboard(ranked: "pd.DataFrame", as_json: bool) -> None:
    rows = ranked.to_dict("records")
    if as_json:
        _print(rows, as_json=True)
        return
    if not rows:
        raise BadInput("the store holds no evaluations yet: `neuropipe run --session KEY` makes some")
    for session, of_session in _grouped(rows, "session"):
        layout = _time_row if any(_plain(row["training_mean"]) is not None for row in of_session) else _leaderboard_row
        shown = [layout(row) for row in of_session]
        _print(shown, False, title=session)
        click.echo()
    click.echo(
        "accuracy: over all out-of-fold predictions; ci: its 95 % block-bootstrap interval; p_value: against labels "
        "shifted in time.\nover_rate: paired difference to rate-only logistic regression. Shuffled folds let slow "
        "drift leak into the score. Continuous sessions: R2, mean over targets, or median error in degrees;\n"
        "persistence: behaviour stays as it was before the decoder's history began. More columns: --json, "
        "docs/evaluation.md."
    )


def show_across(compared: "pd.DataFrame", rival: str, as_json: bool) -> None:
    rows = compared.to_dict("records")
    if as_json:
        _print(rows, as_json=True)
        return
    for dataset, of_dataset in _grouped(rows, "dataset"):
        _print([_across_row(row) for row in of_dataset], False, title=dataset)
        click.echo()
    click.echo(
        f"mean: of the sessions' scores; difference: median over sessions of the paired difference to {rival}, "
        "positive where better;\nbetter: in how many sessions; p_value: Wilcoxon's signed-rank test over sessions; "
        "p_holm: corrected for the number of decoders.\nThe smallest p that n sessions can give is 2^(1 - n)."
    )


def _across_row(row: dict[str, Any]) -> dict[str, Any]:
    tested = _plain(row["p_value"]) is not None
    return {
        **{name: row[name] for name in ("scheme", "model", "metric", "n_sessions", "mean")},
        "difference": f"{row['median_difference']:+.3f}" if tested else "",
        "better": f"{row['n_better']:g}" if tested else "",
        "p_value": f"{row['p_value']:.3f}" if tested else "",
        "p_holm": f"{row['p_holm']:.3f}" if tested else "",
    }


def _leaderboard_row(row: dict[str, Any]) -> dict[str, Any]:
    scored = _plain(row["accuracy"]) is not None
    over = _plain(row["over_rate"]) is not None
    interval = f" [{row['over_rate_low']:+.3f}, {row['over_rate_high']:+.3f}]" if over else ""
    return {
        "scheme": row["scheme"],
        "rank": str(int(row["rank"])) if scored else "",
        "model": f"{row['model']} {row['variant']}".strip(),
        "accuracy": row["accuracy"],
        "ci_low": row["ci_low"],
        "ci_high": row["ci_high"],
        "p_value": f"{row['p_value']:.4f}" if _plain(row["p_value"]) is not None else "",
        "majority": row["majority"],
        "previous": row["previous"],
        "over_rate": f"{row['over_rate']:+.3f}{interval}" if over else "",
        "roc_auc": row["roc_auc"],
        "log_loss": row["log_loss"],
        "state": "" if row["state"] == "current" else f"{row['state']}: {row['note']}",
    }


def _time_row(row: dict[str, Any]) -> dict[str, Any]:
    """Of a continuous session: the metric that its decoders are ranked by, and what they must beat."""
    scored = _plain(row["score"]) is not None
    correlation = row["correlation"] if _plain(row["correlation"]) is not None else row["circular_correlation"]
    return {
        "scheme": row["scheme"],
        "rank": str(int(row["rank"])) if scored else "",
        "model": f"{row['model']} {row['variant']}".strip(),
        "metric": row["metric"],
        "score": row["score"],
        "ci_low": row["ci_low"],
        "ci_high": row["ci_high"],
        "p_value": f"{row['p_value']:.4f}" if _plain(row["p_value"]) is not None else "",
        "training_mean": row["training_mean"],
        "persistence": row["persistence"],
        "correlation": correlation,
        "state": "" if row["state"] == "current" else f"{row['state']}: {row['note']}",
    }


def _grouped(rows: list[dict[str, Any]], column: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row[column], []).append(row)
    yield from groups.items()


def show_garbage(found: "Iterable[Garbage]", dry_run: bool, as_json: bool) -> None:
    rows = [{"kind": item.kind, "path": str(item.path), "bytes": item.bytes} for item in found]
    _print(rows, as_json)
    if not as_json:
        total = sum(row["bytes"] for row in rows) / 1e6
        click.echo(f"{len(rows)} things, {total:.1f} MB {'would be removed' if dry_run else 'removed'}")


@contextlib.contextmanager
def progress(quiet: bool) -> Iterator[Callable[["StepReport"], None]]:
    """A line for each step that ends and a spinner for the one that runs; nothing when quiet."""
    if quiet:
        yield lambda step: None
        return
    console = _console()
    marks = {
        "done": "[green]done[/]   ",
        "hit": "[dim]hit[/]    ",
        "failed": "[red]failed[/] ",
        "skipped": "[yellow]skipped[/]",
    }
    with console.status("planning ...") as status:

        def tell(step: "StepReport") -> None:
            what = f"{step.asset} {step.session or ''}".strip()
            if step.state in ("start", "progress"):
                status.update(f"{what}: {escape(step.reason) or 'running'} ...")
                return
            took = f" {step.seconds:.1f} s" if step.seconds is not None else ""
            why = f"  [dim]{escape(step.reason)}[/]" if step.reason and step.state != "failed" else ""
            console.print(f"{marks[step.state]} {what}{took}{why}")
            if step.state == "failed":
                console.print(f"        [red]{escape(step.reason)}[/]")
            status.update("planning ...")

        yield tell


def show_summary(summary: "Summary", as_json: bool = False, report: Path | None = None) -> None:
    """What was done, and on stderr what failed, in JSON mode too."""
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
