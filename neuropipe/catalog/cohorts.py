"""Cohorts: which sessions an asset over several sessions is built from, in groups of which one is left out at a time.

`<catalogue>/cohorts/<asset>.yaml` names the sessions, `<dataset>.<session>` each.
"""

import difflib
from collections.abc import Collection
from pathlib import Path

from pydantic import Field, ValidationError

from neuropipe.catalog.entries import Entry, Name
from neuropipe.catalog.yaml_files import line_of, parse, sentence
from neuropipe.errors import BadInput

NOTHING = "none"  # name of the group that is left out for sessions that belong to no group


class Cohort(Entry):
    """groups : name -> keys of its sessions."""

    title: str
    groups: dict[Name, tuple[str, ...]] = Field(min_length=2)

    @property
    def sessions(self) -> list[str]:
        """Keys of all sessions."""
        return [key for keys in self.groups.values() for key in keys]

    def group_of(self, key: str) -> str:
        """The group that a session belongs to; `NOTHING` if to none."""
        return next((group for group, keys in self.groups.items() if key in keys), NOTHING)


def load_cohort(catalogue: Path, asset: str, known: Collection[str]) -> Cohort | None:
    """The cohort of an asset; None if the catalogue has no file for it; an error names file, line and field.

    known : keys of the sessions of the catalogue
    """
    path = catalogue / "cohorts" / f"{asset}.yaml"
    if not path.is_file():
        return None
    tree, data = parse(path)
    try:
        cohort = Cohort.model_validate(data)
    except ValidationError as error:
        raise BadInput(sentence(path, tree, error)) from None
    seen: set[str] = set()
    for group, keys in cohort.groups.items():
        where = f"{path}:{line_of(tree, ('groups', group))}: groups.{group}"
        if group == NOTHING or not keys:
            raise BadInput(f"{where}: a group has sessions, and another name than {NOTHING!r} (found {list(keys)})")
        for at, key in enumerate(keys):
            where = f"{path}:{line_of(tree, ('groups', group, at))}: groups.{group}.{at}"
            if key not in known:
                near = difflib.get_close_matches(key, known, n=2)
                hint = f"did you mean {' or '.join(near)}?" if near else "`neuropipe sessions` lists them"
                raise BadInput(f"{where}: no session is called {key!r}; {hint}")
            if key in seen:
                raise BadInput(f"{where}: {key} is named twice; a session belongs to one group")
            seen.add(key)
    return cohort
