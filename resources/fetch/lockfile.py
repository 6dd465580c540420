"""`<dataset>.lock`: hashes recorded at the first download of files whose publisher gives none."""

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from neuropipe.errors import BadInput
from resources.files.locks import process_lock
from resources.files.safe_files import clear_leftovers, storage_trouble_in_words, write_durably


@dataclass(frozen=True)
class LockEntry:
    """What a URL held when it was downloaded."""

    sha256: str
    bytes: int
    etag: str | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.sha256, str) and re.fullmatch("[0-9a-f]{64}", self.sha256)):
            raise ValueError(f"sha256 is {self.sha256!r}, not 64 digits 0-9a-f")
        if type(self.bytes) is not int or self.bytes < 0:
            raise ValueError(f"bytes is {self.bytes!r}, not a file's size")
        if not isinstance(self.etag, str | None):
            raise ValueError(f"etag is {self.etag!r}, not a text or null")


@dataclass(frozen=True)
class LockFile:
    """A small JSON file under version control, URL -> entry, sorted. Several processes may record into it."""

    path: Path

    def read(self) -> dict[str, LockEntry]:
        """All entries; none where the file does not exist yet."""
        try:
            entries = json.loads(self.path.read_bytes().decode("utf-8"))
            return {url: LockEntry(**entry) for url, entry in entries.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise BadInput(
                f"{self.path} is damaged ({error}); restore it from version control, or delete it to record "
                "the hashes of the files as they are now"
            ) from error

    def get(self, url: str) -> LockEntry | None:
        return self.read().get(url)

    def record(self, url: str, entry: LockEntry) -> None:
        """Record what `url` held at its first download; another content is refused from then on."""
        with self._changed() as entries:
            known = entries.setdefault(url, entry)
            if (known.sha256, known.bytes) != (entry.sha256, entry.bytes):
                raise BadInput(
                    f"{url} held {known.bytes:,} bytes with sha256 {known.sha256} when it was recorded in "
                    f"{self.path}, now it holds {entry.bytes:,} with {entry.sha256}; delete its entry there to "
                    "accept the new file"
                )

    def replace(self, url: str, entry: LockEntry) -> None:
        """Record a new content of `url`, downloaded and verified, in place of the one recorded before."""
        with self._changed() as entries:
            entries[url] = entry

    @contextlib.contextmanager
    def _changed(self) -> Iterator[dict[str, LockEntry]]:
        """The entries, to be changed; written in one step if the body succeeds. One process at a time."""
        with storage_trouble_in_words(self.path.parent, self.path.name):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with process_lock(self.path.parent / ".locks" / self.path.name):
                entries = self.read()
                before = dict(entries)
                yield entries
                if entries != before:
                    texts = {url: asdict(entry) for url, entry in entries.items()}
                    clear_leftovers(self.path)
                    write_durably(self.path, json.dumps(texts, indent=1, sort_keys=True) + "\n")
