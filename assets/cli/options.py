"""Options that several commands share, and how their values are read."""

from typing import TYPE_CHECKING, Any

import click

from neuropipe.errors import BadInput

if TYPE_CHECKING:
    from neuropipe.catalog import Session
    from resources.store.pipeline import Pipeline
    from resources.store.plan import Planner

session_option = click.option(
    "--session", "-s", "patterns", multiple=True, metavar="KEY", help="Session key or glob; may be repeated."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="ASSET.FIELD=VALUE",
    help="Override a setting, e.g. decoder/xgboost.max_depth=2; the result is kept as a variant of its own.",
)


def chosen_sessions(pipeline: "Pipeline", patterns: tuple[str, ...]) -> "list[Session]":
    if not patterns:
        raise BadInput(
            "say which sessions: --session KEY (several, or a glob like 'sim-*'; `neuropipe sessions` lists)"
        )
    return pipeline.workspace.catalog.match(patterns)


def refuse_unread(planner: "Planner", sessions: "list[Session]", assets: list[str]) -> None:
    """Refuse settings (--set) of assets that these assets of these sessions don't need."""
    needed = set(planner.required(assets, None)) if not sessions else set()
    for session in sessions:
        needed |= set(planner.required(assets, session))
    for asset in planner.overrides:
        if asset not in needed:
            field = next(iter(planner.overrides[asset]))
            raise BadInput(
                f"--set {asset}.{field}: nothing reads this setting, since {asset} does not run here; leave it out, or "
                "select an asset that needs it"
            )


def parse_settings(pipeline: "Pipeline", settings: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """`decoder/xgboost.max_depth=2` -> {"decoder/xgboost": {"max_depth": 2}}; values are read as YAML."""
    import yaml

    overrides: dict[str, dict[str, Any]] = {}
    for setting in settings:
        target, equals, text = setting.partition("=")
        asset, dot, field = target.rpartition(".")
        if not (equals and dot):
            raise BadInput(f"--set {setting!r}: write ASSET.FIELD=VALUE, e.g. decoder/xgboost.max_depth=2")
        try:
            overrides.setdefault(asset, {})[field] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise BadInput(f"--set {setting!r}: {text!r} is no value; write a number, a word or [a, list]") from None
    return overrides


def parse_parameters(given: tuple[str, ...]) -> dict[str, Any]:
    """`frame_rate=30` -> {"frame_rate": 30}; values are read as YAML."""
    import yaml

    found: dict[str, Any] = {}
    for setting in given:
        name, equals, text = setting.partition("=")
        if not (name and equals):
            raise BadInput(f"--parameter {setting!r}: write NAME=VALUE, e.g. frame_rate=30")
        try:
            found[name] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise BadInput(f"--parameter {setting!r}: {text!r} is no value; write a number, a word or a list") from None
    return found
