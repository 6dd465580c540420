"""`neuropipe plan`: what a run would do, and why."""

import click

from assets.cli.errors import plain_errors
from assets.cli.options import chosen_sessions, json_option, parse_settings, refuse_unread, session_option, set_option


@click.command()
@click.argument("selection", nargs=-1)
@session_option
@set_option
@json_option
@plain_errors
def plan(selection, patterns, settings, as_json) -> None:
    """Say what `run` would do, and why, without doing it.

    Every asset of every session is a hit (reused), would run, or does not apply (n/a).
    """
    from assets.cli import tables
    from assets.cli.selection import select
    from assets.pipeline import build_pipeline
    from resources.store.plan import Planner

    pipeline = build_pipeline()
    sessions = chosen_sessions(pipeline, patterns or ("*",))
    planner = Planner(pipeline, parse_settings(pipeline, settings))
    assets = select(pipeline, selection)
    refuse_unread(planner, sessions, assets)
    rows = planner.plan(sessions, assets)
    # Of named sessions every hit is looked at; a plan of the whole catalogue only looks whether it is there.
    if patterns and any(row.state == "hit" and planner.artifact(row) is None for row in rows):
        rows = Planner(pipeline, planner.overrides).plan(sessions, assets)  # the damaged ones are set aside now
    tables.show_plan(rows, as_json, summarise=not patterns)
