"""`neuropipe add`: your own recordings."""

import json
from pathlib import Path

import click

from assets.cli.errors import plain_errors
from assets.cli.options import json_option


@click.command()
@click.argument("recordings", nargs=-1, required=True, metavar="RECORDING...", type=str)
@click.option("--name", help="Session name (default: the file's or folder's name).")
@click.option("--dataset", default="mine", show_default=True, help="Data set to add to.")
@click.option("--label", help="What to decode: a column of the trials. Leave it out where there are none.")
@click.option("--align", default="start", show_default=True, help="Event that trials are aligned to.")
@click.option("--window", nargs=2, type=float, metavar="START STOP", help="s around the event.")
@click.option("--bin-width", type=float, help="s.")
@click.option("--trials", type=click.Path(path_type=Path), help="Table of trials: start (s), other events, labels.")
@click.option("--probe", type=click.Path(path_type=Path), help="Where channels lie: .csv with x, y (um), or .json.")
@click.option("--parameter", "given", multiple=True, metavar="NAME=VALUE", help="Of the reader, e.g. frame_rate=30.")
@json_option
@plain_errors
def add(recordings, name, dataset, label, align, window, bin_width, trials, probe, given, as_json) -> None:
    """Add your own recordings to data/catalog/local.yaml.

    A file is an .npz of spikes, spike counts or dF/F; a folder is one of Open Ephys, SpikeGLX, phy or Kilosort, ALF or
    suite2p (docs/add.md). They are read where they are, never copied. one:EID is a public session of the International
    Brain Laboratory, which is downloaded when it is run (docs/archives.md).
    """
    from assets.cli.add import add_recordings, task_of
    from assets.cli.options import parse_parameters
    from resources.workspace import Workspace

    added = add_recordings(
        Workspace.from_environment(),
        recordings,
        name=name,
        dataset=dataset,
        task=task_of(label, align, window, bin_width),
        trials=trials,
        probe=probe,
        parameters=parse_parameters(given),
    )
    if as_json:
        click.echo(json.dumps([one.row for one in added], indent=1))
        return
    for one in added:
        click.echo(f"added {one.session}; now: neuropipe run --session {one.session}")
