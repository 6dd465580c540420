"""The file itself: title, citation, licence, subject, and notes on what is not known."""

import re
from datetime import UTC, datetime
from typing import Any

from neuropipe.export.content import SessionContent

START = datetime(1970, 1, 1, tzinfo=UTC)  # stands for a session's start, which catalogues don't state
DOI = re.compile(r"\bdoi:(10\.\d{4,9}/[^\s;,]+)")


def new_file(session: SessionContent) -> Any:
    """An NWBFile with the session's facts and nothing in it yet."""
    from pynwb import NWBFile

    return NWBFile(
        session_description=session.title,
        identifier=session.identifier,
        session_start_time=START,
        file_create_date=START,
        session_id=session.key,
        experiment_description=session.note or session.title,
        related_publications=dois(session.citation) or None,
        notes=_notes(session),
        subject=_subject(session),
    )


def dois(citation: str) -> list[str]:
    """`doi:...` of every DOI in a citation, in order."""
    return [f"doi:{found.rstrip('.)')}" for found in dict.fromkeys(DOI.findall(citation))]


def _notes(session: SessionContent) -> str:
    from neuropipe import __version__

    lines = [
        f"Exported by neuropipe {__version__} from {session.key}.",
        f"Citation: {session.citation}",
        f"Licence: {session.licence}",
        "When the session began is not known: session_start_time and file_create_date are 1970-01-01 UTC. Times are "
        "seconds on the recording's own clock.",
        *_left_out(session),
        "Artifacts: " + "; ".join(f"{name} {made.fingerprint}" for name, made in sorted(session.assets.items())),
    ]
    return "\n".join(lines)


def _left_out(session: SessionContent) -> list[str]:
    recording = session.recording
    lines = []
    if recording.movie is not None:
        lines.append("The movie is not in this file.")
    if recording.voltage is not None:
        lines.append("The raw voltage is not in this file.")
    if recording.truth:
        lines.append(f"Known truth that is not in this file: {', '.join(sorted(recording.truth))}.")
    return lines


def _subject(session: SessionContent) -> Any:
    """The subject; an age of 0 days or more and the sex U are what NWB demands where these are not known."""
    from pynwb.file import Subject

    known: dict[str, str] = {"subject_id": session.key, "age": "P0D/", "sex": "U", **session.subject}
    stands = [f"{name} {known[name]}" for name in known if name not in session.subject]
    said = f"Not known, so that these only fill the place: {', '.join(stands)}." if stands else ""
    known["description"] = " ".join(filter(None, (session.subject.get("description"), said)))
    if session.simulated:
        known["description"] = "There is no subject: the session is simulated."
    return Subject(**known)
