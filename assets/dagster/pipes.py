"""allensdk's environment, run by a step over Dagster Pipes: what it logs is the step's log."""

import warnings
from collections.abc import Mapping
from typing import Any

import dagster as dg

from resources.allen.warehouse import Runner


def over_pipes(context: Any) -> Runner:
    """Runs a command as a subprocess of the step `context`; returns the one message that it reports."""

    def run(command: list[str], job: Mapping[str, Any]) -> Mapping[str, Any]:
        with warnings.catch_warnings():
            # Dagster warns of its own parts, which may change with its version: that is pinned.
            warnings.simplefilter("ignore", dg.PreviewWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            try:
                done = dg.PipesSubprocessClient().run(context=context, command=command, extras=dict(job))
            except dg.DagsterError:
                return {}
        messages = done.get_custom_messages()
        return messages[-1] if messages else {}

    return run
