"""What a session must have for stages of fluorescence to apply to it; apart from `applies`, which decoders hash."""

from neuropipe import readers
from neuropipe.catalog import Session


def without_movie(session: Session) -> str | None:
    """Why a session has no movie to find cells in, if so."""
    return None if session.modality == "movie" else f"its modality is {session.modality}, and this is for movies"


def without_fluorescence(session: Session) -> str | None:
    """Why a session has no dF/F to find events in, if so; that of a movie is found first."""
    if session.modality in ("fluorescence", "movie"):
        return None
    return f"its modality is {session.modality}, and this is for fluorescence"


def without_true_spikes(session: Session) -> str | None:
    """Why events can't be scored, if so: simulations know them; else the reader says so, or a parameter."""
    if reason := without_fluorescence(session):
        return reason
    if session.dataset.simulator is not None:
        return None
    announced = readers.get(session.dataset.reader).facts.get("truth", False)
    return None if announced or session.parameters.get("truth", False) else "its true spikes are not known"
