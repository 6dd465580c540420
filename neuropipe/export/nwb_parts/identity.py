"""Object ids that depend on the content alone; pynwb draws random ones."""

import uuid
from typing import Any


def fix_object_ids(file: Any, identifier: str) -> None:
    """Give every object of a file the id that follows from the file's identifier and the object's path."""
    space = uuid.uuid5(uuid.NAMESPACE_OID, identifier)
    for held in file.all_children():
        # hdmf has no public way to set the id of an object that exists.
        held._AbstractContainer__object_id = str(uuid.uuid5(space, _path(held)))
    file.all_children()  # its index of objects by id is made again


def _path(held: Any) -> str:
    names = []
    while held is not None:
        names.append(f"{type(held).__name__}:{held.name}")
        held = held.parent
    return "/".join(reversed(names))
