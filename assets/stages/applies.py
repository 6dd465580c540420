"""What a session must have for a stage to apply to it; each says why not, in words for plans and tables."""

from neuropipe.catalog import Session


def without_task(session: Session) -> str | None:
    """Why a session has nothing to decode, if so."""
    return None if session.task is not None else "the catalogue names no task for it"


def without_task_of(kind: str, session: Session) -> str | None:
    """Why a session has nothing to decode by `classification` or by `regression`, if so."""
    if session.task is None or session.task.kind == kind:
        return without_task(session)
    return f"its task is {session.task.kind} of {session.task.label}, and this is for {kind}"
