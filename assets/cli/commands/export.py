"""`neuropipe export`: results for other programs."""

from pathlib import Path
from typing import Any

import click

from assets.cli.errors import plain_errors
from assets.cli.options import chosen_sessions, parse_settings, refuse_unread, session_option, set_option
from neuropipe.errors import BadInput


@click.command()
@click.argument("assets", nargs=-1)
@session_option
@set_option
@click.option("--format", "form", metavar="FORMAT", help="By default as the file's name ends.")
@click.option("--output", "-o", required=True, type=click.Path(path_type=Path), help="File or folder to write.")
@click.option("--density", type=float, help="Of connectivity: share of all pairs to keep, the largest weights.")
@click.option("--sampling-rate", type=float, help="Of a sorting: Hz that spike times are rounded to.")
@click.option("--force", is_flag=True, help="Replace what was exported there before.")
@plain_errors
def export(assets, patterns, settings, form, output, force, **options) -> None:
    """Write a session for other programs.

    \b
    FORMAT          writes
    nwb             .nwb: units, signals, trials, behaviour,
                    predictions and connectivity in one file
    xarray          .zarr: binned activity with its axes
    pynapple        a folder: units, trials, epochs, behaviour
    spikeinterface  a folder: a sorting
    graphml         .graphml: connectivity as a graph
    parquet         .parquet: connectivity as a list of edges
    bwb             a folder: predictions for BrainWideBench
    \b
    Without ASSETS, everything of the session that the store holds.
    neuropipe export --session sim-choice.small --output choice.nwb
    neuropipe export connectivity/correlation --session sim-network.small
        --output network.graphml
    """
    from assets.exporting import gather
    from assets.pipeline import build_pipeline
    from neuropipe.export import available
    from neuropipe.registry import check_parameters
    from resources.store.plan import Planner

    formats = available()
    endings = {plugin.facts["suffix"]: name for name, plugin in formats.items() if plugin.facts["suffix"]}
    form = form or endings.get(output.suffix.lower(), output.suffix.removeprefix(".").lower())
    if form not in formats:
        raise BadInput(f"{form or 'a file without ending'} is no format; use --format {' or '.join(formats)}")
    exporter = formats[form]
    chosen: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    check_parameters(exporter, chosen)
    _check_place(output, force, exporter.facts)
    pipeline = build_pipeline()
    sessions = chosen_sessions(pipeline, patterns)
    if len(sessions) != 1:
        raise BadInput(f"one file holds one session: --session matches {len(sessions)}; name one")
    planner = Planner(pipeline, parse_settings(pipeline, settings))
    if settings:
        refuse_unread(planner, sessions, list(assets) or list(pipeline.stages))
    content = gather(planner, sessions[0], exporter, assets)
    _write(exporter.load(), content, output, chosen)
    click.echo(output)


def _check_place(output: Path, force: bool, facts: Any) -> None:
    folder, marker = facts.get("folder", False), facts.get("marker", "")
    if not output.parent.is_dir():
        raise BadInput(f"{output} lies in a folder that does not exist, {output.parent}; name one that exists")
    if output.is_dir() and not folder:
        raise BadInput(f"{output} is a folder; name a file in a folder that exists")
    if output.exists() and not force:
        raise BadInput(f"{output} exists already; replace it with --force, or name another")
    if folder and output.exists() and not (output / marker).is_file():
        raise BadInput(f"{output} was not exported in this format, so it is not replaced; name another folder")


def _write(write, content, output: Path, options: dict[str, Any]) -> None:
    """In one step: readers see the old file or folder, the whole new one, or none."""
    import shutil
    import uuid

    from resources.files.safe_files import move_durably, storage_trouble_in_words

    token = uuid.uuid4().hex
    staged, old = (output.with_name(f".{output.stem}.{token}{what}{output.suffix}") for what in ("", ".old"))
    with storage_trouble_in_words(output.parent, output.name):
        try:
            write(content, staged, **options)
            if output.is_dir():
                output.replace(old)
            move_durably(staged, output)
        finally:
            if old.exists() and not output.exists():
                old.replace(output)
            for left in (staged, old):
                if left.is_dir():
                    shutil.rmtree(left)
                left.unlink(missing_ok=True)
