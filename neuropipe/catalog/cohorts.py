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
    """groups : name -> keys of its sessions.

    same : group -> keys of sessions that hold recordings of it in another form. Nothing is learned from them, and they
    are left out with the group: what is tested on them must not have seen it.
    """

    title: str
    groups: dict[Name, tuple[str, ...]] = Field(min_length=2)
    same: dict[Name, tuple[str, ...]] = {}

    @property
    def sessions(self) -> list[str]:
        """Keys of all sessions."""
        return [key for keys in self.groups.values() for key in keys]

    def group_of(self, key: str) -> str:
        """The group that a session belongs to, or whose recordings it holds; `NOTHING` if to none."""
        named = ((group, keys) for groups in (self.groups, self.same) for group, keys in groups.items())
        return next((group for group, keys in named if key in keys), NOTHING)


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
    named = [("groups", *item) for item in cohort.groups.items()] + [("same", *item) for item in cohort.same.items()]
    for field, group, keys in named:
        where = f"{path}:{line_of(tree, (field, group))}: {field}.{group}"
        if group == NOTHING or not keys:
            raise BadInput(f"{where}: a group has sessions, and another name than {NOTHING!r} (found {list(keys)})")
        if group not in cohort.groups:
            raise BadInput(f"{where}: no group is called {group!r}; there are {', '.join(cohort.groups)}")
        for at, key in enumerate(keys):
            where = f"{path}:{line_of(tree, (field, group, at))}: {field}.{group}.{at}"
            if key not in known:
                near = difflib.get_close_matches(key, known, n=2)
                hint = f"did you mean {' or '.join(near)}?" if near else "`neuropipe sessions` lists them"
                raise BadInput(f"{where}: no session is called {key!r}; {hint}")
            if key in seen:
                raise BadInput(f"{where}: {key} is named twice; a session belongs to one group")
            seen.add(key)
    return cohort
