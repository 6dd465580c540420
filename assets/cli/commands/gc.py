"""`neuropipe gc`: garbage collection of the store."""

import click

from assets.cli.errors import plain_errors
from assets.cli.options import json_option


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, delete nothing.")
@click.option("--variants", is_flag=True, help="Delete the variants made with --set, too.")
@json_option
@plain_errors
def gc(dry_run, variants, as_json) -> None:
    """Delete artifacts that nothing uses any more.

    An artifact is used if the current code, catalogue and settings lead to it. Your own files are never touched.
    """
    from assets.cli import tables
    from assets.pipeline import build_pipeline
    from resources.store.gc import collect_garbage

    tables.show_garbage(collect_garbage(build_pipeline(), dry_run=dry_run, drop_variants=variants), dry_run, as_json)
