"""What a session must have for a stage to apply to it; each says why not, in words for plans and tables."""

from neuropipe import readers, simulate
from neuropipe.catalog import Session


def without_task(session: Session) -> str | None:
    """Why a session has nothing to decode, if so."""
    return None if session.task is not None else "the catalogue names no task for it"


def without_task_of(kind: str, session: Session) -> str | None:
    """Why a session has nothing to decode by `classification` or by `regression`, if so."""
    if session.task is None or session.task.kind == kind:
        return without_task(session)
    return f"its task is {session.task.kind} of {session.task.label}, and this is for {kind}"


def without_fluorescence(session: Session) -> str | None:
    """Why a session has no dF/F to find events in, if so."""
    if session.modality == "fluorescence":
        return None
    return f"its modality is {session.modality}, and this is for fluorescence"


def without_true_spikes(session: Session) -> str | None:
    """Why events can't be scored, if so: a format with true spikes is announced by its reader, else by a parameter."""
    if reason := without_fluorescence(session):
        return reason
    dataset = session.dataset
    plugin = simulate.get(dataset.simulator) if dataset.simulator is not None else readers.get(dataset.reader)
    known = plugin.facts.get("truth", False) or session.parameters.get("truth", False)
    return None if known else "its true spikes are not known"
