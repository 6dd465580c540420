"""Which assets a user means: names and globs (`decoder/*`), or Dagster's own syntax (`+evaluation/decoder/xgboost`)."""

import difflib
import fnmatch
import re
import warnings

from assets.pipeline import quick
from neuropipe.errors import BadInput
from resources.store.pipeline import Pipeline

_AROUND = re.compile(r"(\+?)([^+]+)(\+?)")  # +NAME, NAME+: an asset with everything up- or downstream
_DAGSTER_SYNTAX = re.compile(r"[+()\"]|\w:|\b(and|or|not)\b|^\*$")


def select(pipeline: Pipeline, selections: tuple[str, ...]) -> list[str]:
    """Names of the selected assets in pipeline order; all that is not slow when nothing is said."""
    if not selections:
        return quick(pipeline)
    chosen: set[str] = set()
    for selection in selections:
        chosen |= _match(pipeline, selection)
    return [name for name in pipeline.stages if name in chosen]


def _match(pipeline: Pipeline, selection: str) -> set[str]:
    if selection in pipeline.stages:
        return {selection}
    globbed = set(fnmatch.filter(pipeline.stages, selection))
    if globbed:
        # Who asks for several models wants to compare them.
        return globbed | {f"evaluation/{name}" for name in globbed if f"evaluation/{name}" in pipeline.stages}
    around = _AROUND.fullmatch(selection)
    if around and around[2] in pipeline.stages:
        return _dagster_selection(pipeline, f'{around[1]}key:"{around[2]}"{around[3]}')
    if _DAGSTER_SYNTAX.search(selection):
        return _dagster_selection(pipeline, selection)
    near = difflib.get_close_matches(selection, pipeline.stages, n=3, cutoff=0.4) or list(pipeline.stages)
    raise BadInput(f"no asset is called {selection!r}; did you mean {', '.join(near)}?")


def _dagster_selection(pipeline: Pipeline, selection: str) -> set[str]:
    import dagster as dg

    from assets.dagster.build import build_definitions

    graph = build_definitions(pipeline).resolve_asset_graph()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)  # group: and tag: warn of Dagster's own plans
            keys = dg.AssetSelection.from_string(selection).resolve(graph)
    except Exception:
        raise BadInput(
            f"can't read the selection {selection!r}: give names, globs ('decoder/*') or Dagster's syntax with keys "
            "quoted, e.g. '+key:\"evaluation/decoder/xgboost\" or group:folds'"
        ) from None
    if not keys:
        raise BadInput(f"the selection {selection!r} matches no asset")
    return {key.to_user_string() for key in keys}
