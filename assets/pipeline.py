"""All stages of the pipeline, found in assets/stages, without Dagster: planning and the command line start here."""

import importlib
import pkgutil
from collections.abc import Iterator

from assets import stages as folder
from neuropipe.errors import BadInput
from resources.store.pipeline import Pipeline
from resources.store.stage import Stage
from resources.workspace import Workspace

BUILDER = "assets.pipeline:build_pipeline"


def build_pipeline(workspace: Workspace | None = None) -> Pipeline:
    """The pipeline in a workspace (default: the one that the environment names)."""
    workspace = workspace or Workspace.from_environment()
    pipeline = Pipeline(stages(), workspace, BUILDER)
    _check_settings(pipeline)
    return pipeline


def stages() -> Iterator[Stage]:
    """The stages that the modules of assets/stages export as `STAGES`; nothing else lists them."""
    for each in pkgutil.walk_packages(folder.__path__, f"{folder.__name__}."):
        yield from getattr(importlib.import_module(each.name), "STAGES", ())


def quick(pipeline: Pipeline) -> list[str]:
    """What a first-time user wants in minutes: everything but slow stages and what depends on them alone."""
    return [name for name, stage in pipeline.stages.items() if not stage.slow]


def _check_settings(pipeline: Pipeline) -> None:
    """Refuse settings in the catalogue that nothing reads: unknown assets or fields, assets that do not apply."""
    catalog = pipeline.workspace.catalog
    for name, dataset in catalog.datasets.items():
        for asset, fields in dataset.config.items():
            sessions = [catalog.sessions[f"{name}.{session}"] for session in dataset.sessions]
            _check(pipeline, asset, fields, sessions, (name, "config", asset))
        for session, entry in dataset.sessions.items():
            for asset, fields in entry.config.items():
                place = (name, "sessions", session, "config", asset)
                _check(pipeline, asset, fields, [catalog.sessions[f"{name}.{session}"]], place)


def _check(pipeline: Pipeline, asset: str, fields: dict, sessions: list, place: tuple[str, ...]) -> None:
    if fault := _fault(pipeline, asset, fields, sessions):
        raise BadInput(f"{pipeline.workspace.catalog.place(*place)}{fault}")


def _fault(pipeline: Pipeline, asset: str, fields: dict, sessions: list) -> str | None:
    """Why nothing reads some settings of an asset, if so."""
    try:
        stage = pipeline.stage(asset)
    except BadInput as error:
        return f": {error}"
    known = stage.config.model_fields
    for field in fields:
        if field not in known:
            return f".{field}: {asset} has no such setting; it has {', '.join(known) or 'none'}"
    if not stage.partitioned:
        field = next(iter(fields), "FIELD")
        return f": {asset} is made once for all data sets; set it with --set {asset}.{field}=VALUE instead"
    reasons = [stage.applies_to(session) for session in sessions]
    if reasons and all(reasons):
        return f": nothing reads these settings, since {asset} does not apply: {reasons[0]}"
    return None
