"""Hashes of files that stay where their owner keeps them; a file is read again only when its stamp changes."""

import hashlib
import os
import re
from pathlib import Path

from neuropipe.errors import BadInput
from resources.fetch.verified import VerifiedFile, noted, verify
from resources.files.notes import read_note, write_note
from resources.files.safe_files import storage_trouble_in_words


def hash_local(path: Path, index: Path, quarantine: Path) -> VerifiedFile:
    """A file in place with its sha256.

    index : folder with one note per file; several processes may use it. Damaged notes are written anew; a folder in the
        place of a note goes to `quarantine`.
    """
    resolved = _existing_file(path)
    note = index / f"{hashlib.sha256(os.fsencode(resolved)).hexdigest()}.json"
    known = read_note(note) or {}
    try:
        found = noted(resolved, str(known.get("sha256")), known.get("stamp")) or verify(resolved)
    except OSError as error:
        raise BadInput(f"{path} can't be read: {error.strerror}") from error
    if found.settled and (known.get("sha256"), known.get("stamp")) != (found.sha256, found.stamp.to_json()):
        content = {"path": os.fsdecode(resolved), "sha256": found.sha256, "stamp": found.stamp.to_json()}
        with storage_trouble_in_words(index, "the list of hashes of local files"):
            write_note(note, _encodable(content), quarantine)
    return VerifiedFile(path, found.sha256, found.stamp, found.settled)


def _existing_file(path: Path) -> Path:
    """The file itself where `path` is a link; refuses what is no file."""
    try:
        resolved = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
        reason = getattr(error, "strerror", None) or "its links lead in a circle"
        raise BadInput(f"{path} can't be read ({reason}); correct `path` in the catalogue") from error
    if not resolved.is_file():
        raise BadInput(f"{path} is not a file; give the place of a single file as `path`")
    return resolved


def _encodable(content: dict) -> dict:
    """File names that are not UTF-8 are noted with a `?` for each of their strange bytes."""
    return {**content, "path": re.sub("[\udc80-\udcff]", "?", content["path"])}
