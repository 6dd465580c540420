"""`neuropipe sessions`: the sessions of the catalogue."""

import click

from assets.cli.errors import plain_errors
from assets.cli.options import json_option


@click.command()
@json_option
@plain_errors
def sessions(as_json) -> None:
    """List the sessions, and how many assets of each are done."""
    from assets.cli import tables
    from assets.pipeline import build_pipeline

    tables.show_sessions(build_pipeline(), as_json)
