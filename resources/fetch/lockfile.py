"""`<dataset>.lock`: the hashes that files without a published one had when they were first fetched."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from neuropipe.errors import BadInput
from resources.files.safe_files import process_lock, storage_trouble_in_words, write_durably


@dataclass(frozen=True)
class LockEntry:
    """One file as it was first fetched."""

    sha256: str
    bytes: int
    etag: str | None = None


@dataclass(frozen=True)
class LockFile:
    """A small text under version control, URL -> entry, sorted. Several processes may record into it."""

    path: Path

    def read(self) -> dict[str, LockEntry]:
        """All entries; none where the file does not exist yet."""
        try:
            entries = json.loads(self.path.read_text(encoding="utf-8"))
            return {url: LockEntry(**entry) for url, entry in entries.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, AttributeError) as error:
            raise BadInput(
                f"{self.path} is damaged ({error}); restore it from version control, or delete it to record "
                "the hashes of the files as they are now"
            ) from error

    def get(self, url: str) -> LockEntry | None:
        return self.read().get(url)

    def record(self, url: str, entry: LockEntry) -> None:
        """Write down what `url` first held; refuse anything else from then on."""
        with storage_trouble_in_words(self.path.parent, self.path.name):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with process_lock(self.path.with_name(f".{self.path.name}.busy")):
                entries = self.read()
                known = entries.setdefault(url, entry)
                if (known.sha256, known.bytes) != (entry.sha256, entry.bytes):
                    raise BadInput(
                        f"{url} held {known.bytes:,} bytes with sha256 {known.sha256} when it was recorded in "
                        f"{self.path}, now it holds {entry.bytes:,} with {entry.sha256}; delete its entry there to "
                        "accept the new file"
                    )
                if known is entry:
                    self._write(entries)

    def forget(self, url: str) -> None:
        """Drop what was recorded of `url`: the next download records what it then holds."""
        place = self.path.with_name(f".{self.path.name}.busy")
        with storage_trouble_in_words(self.path.parent, self.path.name), process_lock(place):
            entries = self.read()
            if entries.pop(url, None) is not None:
                self._write(entries)

    def _write(self, entries: dict[str, LockEntry]) -> None:
        texts = {key: asdict(value) for key, value in entries.items()}
        write_durably(self.path, json.dumps(texts, indent=1, sort_keys=True) + "\n")
