"""What a session must have for stages of fluorescence to apply to it; apart from `applies`, which decoders hash."""

from neuropipe import readers, simulate
from neuropipe.catalog import Session


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
