"""Hashes of files that stay where their owner keeps them, kept until size, modification time or inode change."""

import hashlib
import json
import os
import time
from pathlib import Path

from neuropipe.errors import BadInput
from resources.files.safe_files import storage_trouble_in_words, write_durably

# A file written this recently (s) may be rewritten within one tick of the disk's clock, unseen: its hash isn't kept.
_TICK = 2.0


def hash_local(path: Path, index: Path) -> str:
    """sha256 of a file in place. `index` is a folder of one small JSON text a file, safe for concurrent processes."""
    resolved = path.resolve()
    before = _identity(resolved)
    note = index / f"{hashlib.sha256(os.fsencode(resolved)).hexdigest()}.json"
    known = _read(note)
    if known.get("identity") == before:
        return known["sha256"]
    try:
        with resolved.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInput(f"{path} can't be read: {error.strerror}") from error
    if _identity(resolved) != before:
        raise BadInput(f"{path} changed while it was being read; wait until it is written, then run again")
    if abs(time.time() - before["mtime_ns"] / 1e9) > _TICK:
        with storage_trouble_in_words(index, "the list of hashes of local files"):
            index.mkdir(parents=True, exist_ok=True)
            write_durably(note, json.dumps({"path": str(resolved), "identity": before, "sha256": found}, indent=1))
    return found


def _identity(path: Path) -> dict[str, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise BadInput(f"{path} can't be read ({error.strerror}); correct `path` in the catalogue") from error
    if not path.is_file():
        raise BadInput(f"{path} is not a file; give the place of a single file as `path`")
    return {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns, "inode": status.st_ino}


def _read(note: Path) -> dict:
    try:
        return json.loads(note.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
