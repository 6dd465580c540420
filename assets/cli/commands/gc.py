"""`neuropipe gc`: garbage collection of the store."""

import click

from assets.cli.errors import plain_errors
from assets.cli.options import json_option


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, delete nothing.")
@click.option("--variants", is_flag=True, help="Delete the variants made with --set, too.")
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=14.0,
    show_default=True,
    metavar="DAYS",
    help="Keep what another clone or catalogue used within this time; 0 disregards them.",
)
@json_option
@plain_errors
def gc(dry_run, variants, grace, as_json) -> None:
    """Delete artifacts that nothing uses any more.

    An artifact is used if the current code, catalogue and settings lead to it, or if somebody who shares the store
    used it lately. Your own files are never touched.
    """
    import time

    from assets.cli import tables
    from assets.pipeline import build_pipeline
    from resources.store.gc import Garbage, collect_garbage
    from resources.store.needed import needed_artifacts, needed_progress

    pipeline, began = build_pipeline(), time.time()
    seconds = grace * 24 * 3600
    found = collect_garbage(
        pipeline.workspace.store,
        needed_artifacts(pipeline, variants=not variants),
        needed_progress(pipeline, variants=not variants),
        dry_run=dry_run,
        grace=seconds,
        since=began,
    )
    raw_files = pipeline.workspace.sources.remove_unused(seconds, dry_run=dry_run)
    found += [Garbage("raw file", path, n_bytes) for path, n_bytes in raw_files]
    tables.show_garbage(found, dry_run, as_json)
