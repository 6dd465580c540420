"""`neuropipe run`: materialize assets of sessions."""

import sys

import click

from assets.cli.errors import FAILED_WORK, plain_errors
from assets.cli.options import chosen_sessions, json_option, parse_settings, refuse_unread, session_option, set_option
from neuropipe.errors import BadInput


@click.command()
@click.argument("selection", nargs=-1)
@session_option
@set_option
@click.option("--refresh", is_flag=True, help="Run the selected assets again even if the store holds them.")
@click.option("--dry-run", is_flag=True, help="Print the plan and stop.")
@click.option("--leaderboard", is_flag=True, help="Print the leaderboard of these sessions afterwards.")
@json_option
@plain_errors
def run(selection, patterns, settings, refresh, dry_run, leaderboard, as_json) -> None:
    """Make assets of sessions; everything unchanged is reused.

    Everything upstream is made, too. SELECTION takes names, globs ('decoder/*' includes their evaluations) and
    Dagster's syntax; without it, all assets that are not slow are made, with '*' all.
    """
    from assets.cli import tables
    from assets.cli.selection import select
    from assets.pipeline import build_pipeline
    from resources.store.plan import Planner

    if leaderboard and as_json:
        raise BadInput("--leaderboard prints a table; with --json call `neuropipe leaderboard --json` instead")
    pipeline = build_pipeline()
    assets = select(pipeline, selection)
    of_sessions = bool(patterns) or any(pipeline.stage(asset).partitioned for asset in assets)
    sessions = chosen_sessions(pipeline, patterns) if of_sessions else []
    overrides = parse_settings(pipeline, settings)
    planner = Planner(pipeline, overrides)
    refuse_unread(planner, sessions, assets)
    if dry_run:
        tables.show_plan(planner.plan(sessions, assets), as_json)
        return
    from assets.dagster import driver
    from assets.stages.results.leaderboard import collect
    from assets.stages.results.report import publish

    named = [name for name in selection if name in pipeline.stages]
    say_what_does_not_apply(pipeline, sessions, named)
    with tables.progress(quiet=as_json) as report:
        summary = driver.drive(
            pipeline, sessions, assets, overrides=overrides, refresh=refresh, report=report, named=named
        )
    if leaderboard:
        click.echo()
        tables.show_leaderboard(collect(Planner(pipeline), {session.key for session in sessions} or None), False)
        click.echo()
    tables.show_summary(summary, as_json, publish(pipeline) if "report" in assets else None)
    if summary.failed:
        sys.exit(FAILED_WORK)


def say_what_does_not_apply(pipeline, sessions, named) -> None:
    """A line on stderr per asset that was asked for by name and reason why it can't be made of some sessions."""
    for asset in named:
        stage = pipeline.stage(asset)
        keys: dict[str, list[str]] = {}
        for session in sessions if stage.partitioned else ():
            if reason := stage.applies_to(session):
                keys.setdefault(reason, []).append(session.key)
        for reason, of_reason in keys.items():
            others = f" and {len(of_reason) - 1} more" if len(of_reason) > 1 else ""
            click.echo(f"{asset} does not apply to {of_reason[0]}{others}: {reason}", err=True)
