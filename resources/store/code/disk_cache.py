"""Keep computed versions on disk, by the content of all source files: one file a state of the code.

Lines are only ever appended, each with a checksum, so that processes can write at once; a damaged line is ignored.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

STATES_KEPT = 20


class Entry(NamedTuple):
    """The version of some roots, and the files (relative to the root) that hold what they reach."""

    version: str
    files: tuple[str, ...]


class DiskCache:
    """Versions of one state of the code, in `folder`."""

    def __init__(self, folder: Path, state: str):
        self.path = folder / f"code-{state[:32]}.jsonl"
        self._entries: dict[str, Entry] | None = None

    def get(self, key: str) -> Entry | None:
        if self._entries is None:
            self._entries = dict(self._read())
        return self._entries.get(key)

    def put(self, key: str, entry: Entry) -> None:
        """Keep an entry; a folder that cannot be written keeps nothing."""
        self.get(key)
        self._entries[key] = entry
        line = json.dumps([key, entry.version, list(entry.files)], separators=(",", ":"))
        with contextlib.suppress(OSError):
            if not self.path.exists():
                self._make_room()
            with self.path.open("ab") as file:
                file.write(f"\n{_checksum(line)} {line}\n".encode())  # begins a line of its own after a torn one

    def _read(self) -> Iterable[tuple[str, Entry]]:
        try:
            lines = self.path.read_bytes().split(b"\n")
        except OSError:
            return
        for raw in filter(None, lines):
            checksum, _, line = raw.decode(errors="replace").partition(" ")
            if checksum == _checksum(line):
                key, version, files = json.loads(line)
                yield key, Entry(version, tuple(files))

    def _make_room(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        states = sorted(self.path.parent.glob("code-*.jsonl"), key=os.path.getmtime)
        for path in states[: 1 - STATES_KEPT]:
            path.unlink(missing_ok=True)


def _checksum(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()[:16]
