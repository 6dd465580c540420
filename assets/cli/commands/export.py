"""`neuropipe export`: results for other programs."""

from pathlib import Path

import click

from assets.cli.errors import plain_errors
from assets.cli.options import chosen_sessions, parse_settings, refuse_unread, session_option, set_option
from neuropipe.errors import BadInput

ASSETS = "connectivity/"  # what can be exported


@click.command()
@click.argument("asset")
@session_option
@set_option
@click.option("--format", "form", metavar="FORMAT", help="graphml or parquet; by default as the file's name ends.")
@click.option("--output", "-o", required=True, type=click.Path(path_type=Path), help="File to write.")
@click.option("--density", type=float, help="Share of all pairs to keep, those of the largest weights.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@plain_errors
def export(asset, patterns, settings, form, output, density, force) -> None:
    """Write connectivity as edge list (Parquet) or graph (GraphML).

    \b
    neuropipe export connectivity/correlation --session sim-network.small --output network.graphml
    """
    from assets.pipeline import build_pipeline
    from neuropipe.connectivity.export import FORMATS
    from resources.store.plan import Planner

    form = form or output.suffix.removeprefix(".").lower()
    if form not in FORMATS:
        raise BadInput(f"{form or 'a file without ending'} is no format; use --format {' or '.join(sorted(FORMATS))}")
    if not asset.startswith(ASSETS):
        raise BadInput(f"{asset!r} can't be exported; name connectivity, e.g. {ASSETS}correlation")
    _check_place(output, force)
    pipeline = build_pipeline()
    stage = pipeline.stage(asset)
    sessions = chosen_sessions(pipeline, patterns)
    if len(sessions) != 1:
        raise BadInput(f"one file holds one session: --session matches {len(sessions)}; name one")
    planner = Planner(pipeline, parse_settings(pipeline, settings))
    refuse_unread(planner, sessions, [asset])
    key, decision = sessions[0].key, planner.decide(asset, sessions[0])
    if decision.state == "n/a":
        raise BadInput(f"{asset} does not apply to {key}: {decision.reason}")
    if decision.state == "run":
        options = "".join(f" --set {setting}" for setting in settings)
        raise BadInput(
            f"{asset} of {key} is not in the store ({decision.reason}); make it with "
            f"`neuropipe run {asset} --session {key}{options}`"
        )
    artifact = planner.store.open_verified(decision.holder, decision.fingerprint, f"{asset} of {key}")
    _write(FORMATS[form], stage.output.read(artifact), output, density)
    click.echo(output)


def _check_place(output: Path, force: bool) -> None:
    if output.is_dir() or not output.parent.is_dir():
        reason = "is a folder" if output.is_dir() else f"lies in a folder that does not exist, {output.parent}"
        raise BadInput(f"{output} {reason}; name a file in a folder that exists")
    if output.exists() and not force:
        raise BadInput(f"{output} exists already; replace it with --force, or name another file")


def _write(write, connectivity, output: Path, density: float | None) -> None:
    """In one step: readers see the old file, the whole new one, or none."""
    import uuid

    from resources.files.safe_files import move_durably, storage_trouble_in_words

    staged = output.with_name(f".{output.name}.{uuid.uuid4().hex}")
    with storage_trouble_in_words(output.parent, output.name):
        try:
            write(connectivity, staged, density)
            move_durably(staged, output)
        finally:
            staged.unlink(missing_ok=True)
