"""What a session must have for a stage to apply to it; each function says why not, in words for plans and tables."""

from collections.abc import Sequence

from neuropipe import readers, simulate, tasks
from neuropipe.catalog import Session
from resources.store.stage import Uses

# Modality -> the asset that has its spikes, counts, events or signals by default.
DEFAULT_SOURCE = {
    "spikes": "recording",
    "counts": "recording",
    "fluorescence": "events/oasis",
    "movie": "events/oasis",
    "field_potentials": "features/voltage",
    "bold": "features/standardized",
    "responses": "recording",
    "voltage": "sorted_spikes/spykingcircus2",
}
SIGNED = ("field_potentials", "bold", "responses")  # modalities whose activity may be negative


def has_task(session: Session) -> str | None:
    """Why a session has nothing to decode, if so."""
    return None if session.task is not None else "the catalogue names no task for it"


def task_of(session: Session) -> tasks.Task:
    """The kind of a session's task."""
    return tasks.get(tasks.kind_of(session.task))


def suits_estimators(estimators: str, session: Session) -> str | None:
    """Why decoders of one kind can't be fitted to a session's task, if so."""
    if session.task is None:
        return has_task(session)
    task = task_of(session)
    if task.estimators == estimators:
        return None
    return f"its task is {task.kind} of {session.task.target}, and this is for {estimators}"


def is_movie(session: Session) -> str | None:
    """Why a session has no movie to find cells in, if so."""
    return None if session.modality == "movie" else f"its modality is {session.modality}, and this is for movies"


def is_voltage(session: Session) -> str | None:
    """Why a session has no raw voltage to sort, if so."""
    return None if session.modality == "voltage" else f"its modality is {session.modality}, and this is for voltage"


def knows_units(session: Session) -> str | None:
    """Why sorted spikes can't be compared with true ones, if so: simulations know them; else a reader's parameter."""
    if reason := is_voltage(session):
        return reason
    known = session.simulator is not None or session.parameters.get("hybrid")
    return None if known else "its true spikes are not known"


def has_fluorescence(session: Session) -> str | None:
    """Why a session has no dF/F to find events in, if so; that of a movie is found first."""
    if session.modality in ("fluorescence", "movie"):
        return None
    return f"its modality is {session.modality}, and this is for fluorescence"


def has_signals(modalities: Sequence[str], session: Session) -> str | None:
    """Why a session's signals are not of these modalities, if so."""
    if session.modality in modalities:
        return None
    return f"its modality is {session.modality}, and this is for {' and '.join(modalities)}"


def is_field_potential(session: Session) -> str | None:
    """Why a session has no field potentials, if so."""
    return has_signals(("field_potentials",), session)


def has_trials_of_field_potentials(session: Session) -> str | None:
    """Why there are no events to average field potentials around, if so."""
    return is_field_potential(session) or suits_estimators("classification", session)


def suits_decoder(estimators: str, non_negative: bool, session: Session) -> str | None:
    """Why a decoder can't be fitted to a session, if so. non_negative : whether it models numbers of spikes"""
    if reason := suits_estimators(estimators, session):
        return reason
    if non_negative and session.modality in SIGNED:
        return f"it models numbers of spikes, and {session.modality} may be negative"
    return None


def has_true_spikes(session: Session) -> str | None:
    """Why events can't be scored, if so: simulations know the truth; else the reader says so, or a parameter."""
    if reason := has_fluorescence(session):
        return reason
    if session.simulator is not None:
        return None
    announced = readers.get(session.dataset.reader).facts.get("truth", False)
    return None if announced or session.parameters.get("truth", False) else "its true spikes are not known"


def has_activity(session: Session) -> str | None:
    """Why a session has neither spikes nor counts, events or signals, if so."""
    if session.modality in DEFAULT_SOURCE:
        return None
    return f"its modality is {session.modality}, and nothing finds spikes in that yet"


def suits_connectivity(needs: str, session: Session) -> str | None:
    """Why a connectivity method can't be fitted to a session, if so. needs : "spikes" or "counts", as it declares"""
    if reason := has_activity(session):
        return reason
    if session.modality in SIGNED:
        return f"its modality is {session.modality}, and this is for spikes, counts and events"
    if needs == "spikes" and session.modality not in ("spikes", "voltage"):
        return f"its modality is {session.modality}, and this needs spike times"
    return None


def has_true_wiring(session: Session) -> str | None:
    """Why estimated connections can't be compared with true ones, if so; simulators announce that they know them."""
    if session.simulator is not None and simulate.get(session.simulator).facts.get("wiring", False):
        return None
    return "its true connections are not known"


def true_wiring_is_unknown(session: Session) -> str | None:
    """Why a session has no need of measures that do without truth, if so."""
    return "its true connections are known" if has_true_wiring(session) is None else None


def parts_of(kind: str, *parts: str) -> Uses:
    """The functions of a task that a stage calls."""
    task = tasks.get(kind)
    return Uses(tuple(getattr(task, part) for part in parts))
