"""Notes: small JSON files that can be made again, each with a hash of itself. A damaged note counts as missing."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from resources.files.safe_files import set_aside, write_durably

_HASH = "sha256_of_this_note"


def read_note(path: Path) -> dict[str, Any] | None:
    """What a note says; None where it is missing, unreadable, or not exactly what was written."""
    try:
        content = json.loads(path.read_bytes().decode("utf-8"))
        expected = content.pop(_HASH)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return content if expected == _hash(content) else None


def write_note(path: Path, content: Mapping[str, Any], quarantine: Path) -> None:
    """Replace a note in one step. A folder that lies in its place is moved to `quarantine`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        set_aside(path, quarantine)
    write_durably(path, json.dumps({**content, _HASH: _hash(content)}, indent=1) + "\n")


def _hash(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
