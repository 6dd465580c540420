"""What exporters are given: a session's facts from the catalogue, and its artifacts."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.schemas import Recording


@dataclass(frozen=True)
class Made:
    """One artifact. content : its typed object (neuropipe.schemas), lazy; config : settings that made it."""

    content: Any
    fingerprint: str
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SessionContent:
    """A session to be exported.

    key, title, citation, licence, note, modality : as the catalogue has them; subject : what is known of the animal or
    person, under NWB's names (subject_id, species, sex, age, ...); source : asset that the session's activity is read
    from; assets : name -> artifact; simulated : whether the session is; asked : assets to be exported, of which
    there is one for formats that hold one; the others support these
    """

    key: str
    title: str
    citation: str
    licence: str
    note: str
    modality: str
    source: str
    assets: Mapping[str, Made]
    subject: Mapping[str, str] = field(default_factory=dict)
    simulated: bool = False
    asked: tuple[str, ...] = ()

    @property
    def identifier(self) -> str:
        """A hash of the key and of all fingerprints: the same for the same content."""
        parts = [self.key, *(f"{name}={made.fingerprint}" for name, made in sorted(self.assets.items()))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def recording(self) -> Recording:
        """The recording in standard form; raises BadInput where the store has none."""
        if "recording" not in self.assets:
            raise BadInput(
                f"the recording of {self.key} is not in the store; make it with "
                f"`neuropipe run recording --session {self.key}`"
            )
        return self.assets["recording"].content

    def group(self, family: str) -> dict[str, Made]:
        """Last part of the name -> artifact, of the assets `<family>/<name>`."""
        found = {name: made for name, made in sorted(self.assets.items()) if name.startswith(f"{family}/")}
        return {name.partition("/")[2]: made for name, made in found.items()}

    def one(self) -> Any:
        """The artifact that the user asked for, of formats that hold one."""
        (name,) = self.asked
        return self.assets[name].content

    def units_of(self, source: str) -> pd.DataFrame:
        """The table of units, ROIs, channels or features of the activity in `source`."""
        made = self.assets.get(source)
        if made is None:
            return self.recording.units
        return made.content.rois if source.startswith("events/") else made.content.units
