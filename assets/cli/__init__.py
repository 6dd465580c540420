"""The `neuropipe` command: what a user types; each command is a few lines over the planner, driver and store."""

import functools
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from assets.cli import tables as cli_tables
from assets.cli.selection import select
from assets.pipeline import build_pipeline
from neuropipe.catalog import Session
from neuropipe.errors import BadInput
from resources.store.plan import Pipeline, Planner
from resources.workspace import CLONE

BAD_INPUT, FAILED_WORK, INTERRUPTED = 2, 1, 130
LOOPBACK = "127.0.0.1"


def main() -> None:
    # Dagster takes absolute paths only.
    os.environ["DAGSTER_HOME"] = str(Path(os.environ.get("DAGSTER_HOME") or CLONE).absolute())
    # A batch system's SIGTERM ends the work as tidily as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        neuropipe()
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            # Everything is tidied up, but fits in other threads would hold the process until they are done.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(INTERRUPTED)
        raise


def speaks_plainly(command: Callable) -> Callable:
    """Bad input is one sentence and exit code 2, an interruption one sentence and 130; never a traceback."""

    @functools.wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except BadInput as error:
            click.echo(f"neuropipe: {error}", err=True)
            sys.exit(BAD_INPUT)
        except KeyboardInterrupt:
            click.echo("neuropipe: interrupted; what was finished is kept, run again to go on", err=True)
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            sys.stdout = None
            sys.exit(0)

    return guarded


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="neuropipe")
def neuropipe() -> None:
    """Neural recordings in, decoders and leaderboards out; everything unchanged is reused.

    \b
    neuropipe sessions                                  what there is
    neuropipe run --session steinmetz-choice.cori-2016-12-18
    neuropipe leaderboard                               how well each decoder does
    neuropipe ui                                        the same in the browser
    """


session_option = click.option(
    "--session", "-s", "patterns", multiple=True, metavar="KEY", help="Session key or glob; may be repeated."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="ASSET.FIELD=VALUE",
    help="Override a setting, e.g. decoder/xgboost.max_depth=2; the result is kept as a variant of its own.",
)


@neuropipe.command()
@click.argument("selection", nargs=-1)
@session_option
@set_option
@click.option("--refresh", is_flag=True, help="Run the selected assets again even if the store holds them.")
@click.option("--dry-run", is_flag=True, help="Print the plan and stop.")
@json_option
@speaks_plainly
def run(selection, patterns, settings, refresh, dry_run, as_json) -> None:
    """Make assets of sessions, with everything upstream; what is unchanged is reused.

    SELECTION takes names, globs ('decoder/*' brings their evaluations) and Dagster's syntax; nothing means all that
    is not slow, '*' all.
    """
    pipeline = build_pipeline()
    assets = select(pipeline, selection)
    of_sessions = bool(patterns) or any(pipeline.stage(asset).partitioned for asset in assets)
    sessions = chosen_sessions(pipeline, patterns) if of_sessions else []
    overrides = parse_settings(pipeline, settings)
    if dry_run:
        cli_tables.show_plan(Planner(pipeline, overrides).plan(sessions, assets), as_json)
        return
    from assets.dagster import driver
    from assets.stages.results.report import published_path

    with cli_tables.progress(quiet=as_json) as report:
        named = [name for name in selection if name in pipeline.stages]
        summary = driver.drive(
            pipeline, sessions, assets, overrides=overrides, refresh=refresh, report=report, named=named
        )
    cli_tables.show_summary(summary, as_json, published_path(pipeline) if "report" in assets else None)
    if summary.failed:
        sys.exit(FAILED_WORK)


@neuropipe.command()
@click.argument("selection", nargs=-1)
@session_option
@set_option
@json_option
@speaks_plainly
def plan(selection, patterns, settings, as_json) -> None:
    """Say what `run` would do, and why, without doing it: hit, run or n/a for every asset and session."""
    pipeline = build_pipeline()
    sessions = chosen_sessions(pipeline, patterns or ("*",))
    planner = Planner(pipeline, parse_settings(pipeline, settings))
    cli_tables.show_plan(planner.plan(sessions, select(pipeline, selection)), as_json, summarise=not patterns)


@neuropipe.command()
@json_option
@speaks_plainly
def sessions(as_json) -> None:
    """List the sessions of the catalogue and how far each has come."""
    cli_tables.show_sessions(build_pipeline(), as_json)


@neuropipe.command()
@json_option
@speaks_plainly
def datasets(as_json) -> None:
    """Show the data sets, and the map of the field: what is supported, readable, not yet."""
    cli_tables.show_datasets(build_pipeline().workspace, as_json)


@neuropipe.command()
@click.argument("asset")
@session_option
@set_option
@json_option
@speaks_plainly
def show(asset, patterns, settings, as_json) -> None:
    """Show what the store holds of an asset: where it lies, what is in it, its checks and what it was made from."""
    pipeline = build_pipeline()
    (name,) = _exactly_one(select(pipeline, (asset,)), f"the selection {asset!r}")
    keys = chosen_sessions(pipeline, patterns) if pipeline.stage(name).partitioned else [None]
    planner = Planner(pipeline, parse_settings(pipeline, settings))
    cli_tables.show_artifacts(planner, name, keys, as_json)


@neuropipe.command()
@session_option
@click.option("--across", is_flag=True, help="Compare the decoders across the sessions of each data set.")
@click.option("--rival", default="logistic_regression", show_default=True, help="Whom --across compares with.")
@json_option
@speaks_plainly
def leaderboard(patterns, across, rival, as_json) -> None:
    """Rank the decoders of each session, with chance, intervals and baselines; missing and failed ones are listed."""
    from assets.stages.results.leaderboard import collect, compare

    pipeline = build_pipeline()
    keys = {session.key for session in chosen_sessions(pipeline, patterns)} if patterns else None
    ranked = collect(Planner(pipeline), keys)
    if across:
        cli_tables.show_across(compare(ranked, rival), rival, as_json)
    else:
        cli_tables.show_leaderboard(ranked, as_json)


@neuropipe.command()
@speaks_plainly
def report() -> None:
    """Write the report (one HTML file) of all that the store holds, and print its path."""
    from assets.dagster import driver
    from assets.stages.results.report import published_path

    pipeline = build_pipeline()
    summary = driver.drive(pipeline, [], ["leaderboard", "report"])
    if summary.failed:
        cli_tables.show_summary(summary)
        sys.exit(FAILED_WORK)
    click.echo(published_path(pipeline))


@neuropipe.command()
@click.option("--dry-run", is_flag=True, help="Say what would go, remove nothing.")
@click.option("--variants", is_flag=True, help="Remove the variants made with --set, too.")
@json_option
@speaks_plainly
def gc(dry_run, variants, as_json) -> None:
    """Remove what the current code, catalogue and configuration no longer use. Your own files are never touched."""
    from resources.store.gc import collect_garbage

    cli_tables.show_garbage(
        collect_garbage(build_pipeline(), dry_run=dry_run, drop_variants=variants), dry_run, as_json
    )


@neuropipe.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--name", help="Session name (default: the file's name).")
@click.option("--dataset", default="mine", show_default=True, help="Data set to add to.")
@click.option("--label", required=True, help="What to decode: an array of labels in the file, one a trial.")
@click.option("--align", default="start", show_default=True, help="Event that trials are aligned to.")
@click.option("--window", nargs=2, type=float, required=True, metavar="START STOP", help="s around the event.")
@click.option("--bin-width", type=float, required=True, help="s.")
@speaks_plainly
def add(files, name, dataset, label, align, window, bin_width) -> None:
    """Add your own recording (.npz of spikes, counts or dF/F) to data/catalog/local.yaml; it is used where it lies."""
    from assets.cli.local_data import add_files

    for key in add_files(build_pipeline().workspace, files, name, dataset, label, align, window, bin_width):
        click.echo(f"added {key}; now: neuropipe run --session {key}")


@neuropipe.command()
@click.option("--port", default=3000, show_default=True)
@speaks_plainly
def ui(port) -> None:
    """Open the Dagster web UI on this machine (loopback only); Ctrl-C stops it."""
    dagster = Path(sys.executable).with_name("dagster")
    refuse_taken_port(port)
    os.chdir(CLONE)
    # A shell starts background jobs with Ctrl-C ignored, and Dagster would then ignore every signal to stop.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Dagster recommends another command, which does not ship with it.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:Function `dev_command` is superseded")
    os.execv(dagster, [str(dagster), "dev", "-h", LOOPBACK, "-p", str(port)])


def refuse_taken_port(port: int) -> None:
    """Dagster would start all its services, report an error among their messages and stay."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except (OSError, OverflowError) as error:
            raise BadInput(f"can't listen on port {port} ({error}): name another with --port") from None


def chosen_sessions(pipeline: Pipeline, patterns: tuple[str, ...]) -> list[Session]:
    if not patterns:
        raise BadInput(
            "say which sessions: --session KEY (several, or a glob like 'sim-*'; `neuropipe sessions` lists)"
        )
    return pipeline.workspace.catalog.match(patterns)


def parse_settings(pipeline: Pipeline, settings: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """`decoder/xgboost.max_depth=2` -> {"decoder/xgboost": {"max_depth": 2}}; values are read as YAML."""
    import yaml

    overrides: dict[str, dict[str, Any]] = {}
    for setting in settings:
        target, equals, text = setting.partition("=")
        asset, dot, field = target.rpartition(".")
        if not (equals and dot):
            raise BadInput(f"--set {setting!r}: write ASSET.FIELD=VALUE, e.g. decoder/xgboost.max_depth=2")
        try:
            overrides.setdefault(asset, {})[field] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise BadInput(f"--set {setting!r}: {text!r} is no value; write a number, a word or [a, list]") from None
    return overrides


def _exactly_one(names: list[str], what: str) -> list[str]:
    if len(names) != 1:
        raise BadInput(f"{what} matches {len(names)} assets ({', '.join(names[:4])}); name one")
    return names
