"""`neuropipe add`: your own recordings."""

from pathlib import Path

import click

from assets.cli.errors import plain_errors


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--name", help="Session name (default: the file's name).")
@click.option("--dataset", default="mine", show_default=True, help="Data set to add to.")
@click.option("--label", required=True, help="What to decode: an array of labels in the file, one per trial.")
@click.option("--align", default="start", show_default=True, help="Event that trials are aligned to.")
@click.option("--window", nargs=2, type=float, required=True, metavar="START STOP", help="s around the event.")
@click.option("--bin-width", type=float, required=True, help="s.")
@plain_errors
def add(files, name, dataset, label, align, window, bin_width) -> None:
    """Add your own recordings to data/catalog/local.yaml.

    FILES are .npz files of spikes, spike counts or dF/F (docs/add.md). They are read where they are, never copied.
    """
    from assets.cli.local_data import add_files
    from assets.pipeline import build_pipeline

    for key in add_files(build_pipeline().workspace, files, name, dataset, label, align, window, bin_width):
        click.echo(f"added {key}; now: neuropipe run --session {key}")
