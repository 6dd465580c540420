"""Entries of the catalogue that describe files, as people write them in YAML; tasks bring entries of their own."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Self, Union
from urllib.parse import unquote

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from neuropipe import tasks
from neuropipe.tasks.entry import Entry, TaskEntry

DATASET_NAME, SESSION_NAME = r"[a-z0-9][a-z0-9_-]*", r"[a-z0-9][a-z0-9._-]*"
FILE_NAME = r"[^/\\\x00-\x1f]+"
Name = Annotated[str, StringConstraints(pattern=f"^{SESSION_NAME}$")]
FileName = Annotated[str, StringConstraints(pattern=f"^{FILE_NAME}$", max_length=255)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class FileEntry(Entry):
    """One file of a session: downloaded from `url`, or used where it lies at `path`.

    `allensdk://api.brain-map.org/ecephys/<id>` (or ophys/<id>) as url : made by allensdk, in an environment of its own
    """

    url: str | None = None
    path: str | None = None
    bytes: int | None = Field(default=None, ge=0)
    sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.url is None) == (self.path is None):
            raise ValueError("give either url or path")
        if self.url is not None and not re.match(r"(https?|allensdk)://[^/]+/.", self.url):
            raise ValueError(f"not an http(s) address: {self.url}")
        if self.url is not None and {".", ".."} & set(re.split(r"[/\\]", unquote(self.url))):
            raise ValueError(f"an address must not hold the folder . or ..: {self.url}")
        return self


def _tag(value: Any) -> str:
    """The kind of a task's entry; of one that is recognised by nothing, the first kind, which says what is missing."""
    fields = value if isinstance(value, Mapping | TaskEntry) else {}
    return f"[{tasks.kind_of(fields) or next(iter(tasks.available()))}]"


if TYPE_CHECKING:
    AnyTask = Any  # the kinds of task are known only when this is imported
else:
    # One member per kind of task; brackets keep the kind out of the fields that errors name.
    _MEMBERS = tuple(Annotated[task.entry, Tag(f"[{kind}]")] for kind, task in tasks.available().items())
    AnyTask = Annotated[Union[_MEMBERS], Discriminator(_tag)]  # noqa: UP007
