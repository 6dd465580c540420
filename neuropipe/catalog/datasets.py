"""Entries of the catalogue that describe data sets and their sessions."""

from typing import Literal, Self

from pydantic import JsonValue, model_validator

from neuropipe.catalog.entries import AnyTask, Entry, FileEntry, FileName, Name

Modality = Literal["voltage", "movie", "fluorescence", "spikes", "counts", "field_potentials", "bold", "responses"]
SubjectFact = Literal["subject_id", "species", "sex", "age", "strain", "genotype", "description"]  # NWB's names


class SessionEntry(Entry):
    """One session of a data set.

    parameters : of the reader or simulator, in addition to those of the data set; config : asset -> settings
    simulator : where it is not the data set's; task : "none" where this session has none of what the task decodes
    subject : what is known of the animal or person, beside what the data set says of all
    same_recording_as : key of another session that was read from the same recording, in other units or windows
    """

    files: dict[FileName, FileEntry] = {}
    parameters: dict[str, JsonValue] = {}
    config: dict[str, dict[str, JsonValue]] = {}
    simulator: str | None = None
    task: Literal["none"] | None = None
    note: str = ""
    subject: dict[SubjectFact, str] = {}
    same_recording_as: str | None = None


class DatasetEntry(Entry):
    """One data set: where it is from, how it is read or simulated, what to decode, and its sessions.

    subject : what is known of all its animals or persons; exports state it

    Two data sets may name the same files: one recording with two tasks.
    """

    title: str
    citation: str
    licence: str
    modality: Modality
    reader: str | None = None
    simulator: str | None = None
    parameters: dict[str, JsonValue] = {}
    task: AnyTask | None = None
    config: dict[str, dict[str, JsonValue]] = {}
    follow_upstream: bool = False
    subject: dict[SubjectFact, str] = {}
    sessions: dict[Name, SessionEntry]

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.reader is None) == (self.simulator is None):
            raise ValueError("give either reader or simulator")
        for name, session in self.sessions.items():
            if (self.reader is None) == bool(session.files):
                raise ValueError(
                    f"session {name} needs files" if self.reader else f"session {name} is simulated: it has no files"
                )
            if session.simulator is not None and self.simulator is None:
                raise ValueError(f"session {name} names a simulator, and its data set is read from files")
        return self
