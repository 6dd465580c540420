"""`neuropipe report`: one HTML file of all results."""

import sys

import click

from assets.cli.errors import FAILED_WORK, plain_errors


@click.command()
@plain_errors
def report() -> None:
    """Write the report (one HTML file) and print its path."""
    from assets.cli import tables
    from assets.dagster import driver
    from assets.pipeline import build_pipeline
    from assets.stages.results.report import publish

    pipeline = build_pipeline()
    summary = driver.drive(pipeline, [], ["leaderboard", "report"])
    if summary.failed:
        tables.show_summary(summary)
        sys.exit(FAILED_WORK)
    click.echo(publish(pipeline))
