"""Running one stage: its arguments are read, its result is checked and written, its plots are drawn."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from neuropipe.schemas.base import Schema, checked
from resources.store.artifact import Artifact, Draft


def run_stage(
    function: Any,
    inputs: Mapping[str, Any],
    artifacts: Mapping[str, Artifact | None],
    given: Mapping[str, Any],
    draft: Draft,
) -> Schema:
    """Fill a draft with what a stage's function makes of its inputs.

    inputs : parameter -> schema that reads it; artifacts : parameter -> artifact; given : its other arguments
    Raises BadInput where a check fails.
    """
    read = {name: schema.read(artifacts[name]) if artifacts[name] else None for name, schema in inputs.items()}
    made = function(**given, **read)
    draft.metadata |= made.facts
    for name, check in checked(made).items():
        draft.check(name, check.passed, warn=check.warn, description=check.description, **check.facts)
    made.write(draft)
    return made


def draw(
    plots: Any,
    made: Schema,
    artifacts: Mapping[str, Artifact | None],
    inputs: Mapping[str, Any],
    draft: Draft,
    log: Any,
) -> None:
    """Draw a stage's plots into the draft's extras. A plot that fails is a warning: the data are there all the same."""
    made.write_extras(draft.extras)
    if plots is None:
        return
    try:
        files = dict.fromkeys(
            file.relative_to(draft.data).as_posix() for file in draft.data.rglob("*") if file.is_file()
        )
        stored = type(made).read(Artifact(draft.path, {"asset": "", "metadata": draft.metadata, "files": files}))
        shown = dataclasses.replace(made, **{name: getattr(stored, name) for name in made.specs()})
        read = {name: schema.read(artifacts[name]) if artifacts[name] else None for name, schema in inputs.items()}
        for name, figure in plots(shown, **read).items():
            draft.plot(name, figure)
    except Exception as error:
        log.warning(f"its plots were not drawn: {type(error).__name__}: {error}")


def arguments(names: frozenset[str], **available: Any) -> dict[str, Any]:
    """Those of the available arguments that a function takes."""
    return {name: value for name, value in available.items() if name in names}
