"""`neuropipe show`: one artifact of the store."""

import click

from assets.cli.errors import plain_errors
from assets.cli.options import chosen_sessions, json_option, parse_settings, refuse_unread, session_option, set_option
from neuropipe.errors import BadInput


@click.command()
@click.argument("asset")
@session_option
@set_option
@json_option
@plain_errors
def show(asset, patterns, settings, as_json) -> None:
    """Show the artifact of an asset: path, content, checks, inputs."""
    from assets.cli import tables
    from assets.cli.selection import select
    from assets.pipeline import build_pipeline
    from resources.store.plan import Planner

    pipeline = build_pipeline()
    (name,) = _exactly_one(select(pipeline, (asset,)), f"the selection {asset!r}")
    keys = chosen_sessions(pipeline, patterns) if pipeline.stage(name).partitioned else [None]
    planner = Planner(pipeline, parse_settings(pipeline, settings))
    refuse_unread(planner, [key for key in keys if key is not None], [name])
    tables.show_artifacts(planner, name, keys, as_json)


def _exactly_one(names: list[str], what: str) -> list[str]:
    if len(names) != 1:
        raise BadInput(f"{what} matches {len(names)} assets ({', '.join(names[:4])}); name one")
    return names
