"""`neuropipe add`: your own recordings."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from assets.cli.errors import plain_errors
from assets.cli.options import json_option


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--name", help="Session name (default: the file's name).")
@click.option("--dataset", default="mine", show_default=True, help="Data set to add to.")
@click.option("--label", required=True, help="What to decode: an array of labels in the file, one per trial.")
@click.option("--align", default="start", show_default=True, help="Event that trials are aligned to.")
@click.option("--window", nargs=2, type=float, required=True, metavar="START STOP", help="s around the event.")
@click.option("--bin-width", type=float, required=True, help="s.")
@json_option
@plain_errors
def add(files, name, dataset, label, align, window, bin_width, as_json) -> None:
    """Add your own recordings to data/catalog/local.yaml.

    FILES are .npz files of spikes, spike counts or dF/F (docs/add.md). They are read where they are, never copied.
    """
    from assets.cli.add import add_files
    from resources.workspace import Workspace

    task = {"label": label, "align": align, "window": window, "bin_width": bin_width}
    added = add_files(Workspace.from_environment(), files, name=name, dataset=dataset, **task)
    if as_json:
        click.echo(json.dumps([{**asdict(one), "file": str(one.file)} for one in added], indent=1))
        return
    for one in added:
        click.echo(f"added {one.session}; now: neuropipe run --session {one.session}")
