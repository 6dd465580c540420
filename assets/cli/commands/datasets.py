"""`neuropipe datasets`: the data sets of the catalogue, and the map of the field."""

import click

from assets.cli.errors import plain_errors
from assets.cli.options import json_option


@click.command()
@json_option
@plain_errors
def datasets(as_json) -> None:
    """Show the data sets, and which data of the field can be read."""
    from assets.cli import tables
    from assets.pipeline import build_pipeline

    tables.show_datasets(build_pipeline().workspace, as_json)
