"""`neuropipe leaderboard`: how well each model does."""

import click

from assets.cli.errors import plain_errors
from assets.cli.options import chosen_sessions, json_option, session_option


@click.command()
@session_option
@click.option("--across", is_flag=True, help="Compare the models across the sessions of each data set.")
@click.option("--rival", help="Model that --across compares the others with (default: that of the score family).")
@json_option
@plain_errors
def leaderboard(patterns, across, rival, as_json) -> None:
    """Rank the models of each session.

    Each score comes with chance, its interval and baselines; missing and failed models are listed, too.
    """
    from assets.cli import tables
    from assets.pipeline import build_pipeline
    from assets.stages.results.leaderboard import collect
    from neuropipe.evaluation.across_sessions import compare
    from resources.store.plan import Planner

    pipeline = build_pipeline()
    keys = {session.key for session in chosen_sessions(pipeline, patterns)} if patterns else None
    ranked = collect(Planner(pipeline), keys)
    if across:
        tables.show_across(compare(ranked, rival), rival, as_json)
    else:
        tables.show_leaderboard(ranked, as_json)
