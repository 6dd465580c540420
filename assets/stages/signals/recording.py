"""recording: the published files of a session, verified and read into standard form; or a simulation and its truth."""

import time
from collections.abc import Callable
from typing import Any

from neuropipe import readers, simulate
from neuropipe.catalog import Session
from neuropipe.errors import BadInput
from neuropipe.registry import Plugin, check_parameters
from resources.store.artifact import Draft
from resources.store.plan import Planner
from resources.store.recording_format import write_recording
from resources.store.stage import memoized
from resources.workspace import Workspace

SECONDS_BETWEEN_WORDS = 2.0


def _plugin(session: Session) -> Plugin:
    dataset = session.dataset
    try:
        return simulate.get(dataset.simulator) if dataset.simulator is not None else readers.get(dataset.reader)
    except BadInput as error:
        raise BadInput(f"data set {session.dataset_name}: {error}") from None


def _plugin_module(session: Session) -> tuple[str, ...]:
    return (_plugin(session).module,)


def _source(planner: Planner, session: Session, *, fetch: bool) -> dict[str, Any]:
    """What the recording is made of besides code: parameters and the hashes of its files."""
    sources = planner.pipeline.workspace.sources
    if fetch:
        sources.fetch(session)
    return {
        "made_by": session.dataset.simulator or session.dataset.reader,
        "parameters": session.parameters,
        "files": sources.hashes(session),
    }


@memoized(
    group="recordings",
    kinds=("zarr", "parquet"),
    source=_source,
    plugins=_plugin_module,
)
def recording(draft: Draft, session: Session, workspace: Workspace, log: Any) -> None:
    """The published files of a session, verified and read into standard form; or a simulation with its truth.

    Spike times, counts or dF/F, a table of units, a table of trials and, where there is any, behaviour.
    """
    plugin = _plugin(session)
    check_parameters(plugin, session.parameters)
    if session.dataset.simulator is not None:
        write_recording(draft, plugin.load()(**session.parameters))
        return
    files = workspace.sources.fetch(session, _download_progress(log))
    write_recording(draft, plugin.load()(files, **session.parameters))
    draft.metadata["files"] = workspace.sources.hashes(session)


def _download_progress(log: Any) -> Callable[[int, int | None], None]:
    """Says every few seconds how far a download has come."""
    last = time.monotonic()

    def tell(n_bytes: int, total: int | None) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_WORDS:
            last = time.monotonic()
            of_total = f" of {total / 1e6:.0f}" if total else ""
            log.info(f"downloaded {n_bytes / 1e6:.0f}{of_total} MB")

    return tell
