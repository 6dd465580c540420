"""One file over HTTP(S), or out of a mirror folder, into a part file: resumed, retried, of limited size.

Whether the bytes are right is for the caller to check.
"""

import contextlib
import hashlib
import logging
import random
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from neuropipe.errors import BadInput
from resources.fetch.mirror import without_secrets
from resources.fetch.verified import Stamp
from resources.fetch.web import Patience, Source, length_of, make_client, opened, range_of, retry_after, source_of
from resources.files.disk import need_disk
from resources.files.notes import read_note, write_note
from resources.files.safe_files import set_aside

log = logging.getLogger(__name__)
Progress = Callable[[int, int | None], None]
_TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_CHUNK = 4 << 20
_CHECKPOINT = 64 << 20  # bytes that a kill costs at most where no hash is known


class PartFile:
    """Bytes that arrived so far, with a note of their source beside them.

    quarantine : folder that takes what lies in the place of the file or its note and is no file
    """

    def __init__(self, path: Path, quarantine: Path):
        self.path = path
        self._note = path.with_suffix(".json")
        self._quarantine = quarantine
        self._checked: dict[str, Any] = {}

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    @property
    def source(self) -> Source | None:
        """Where the bytes came from; None where there is no undamaged note of it."""
        content = read_note(self._note) or {}
        with contextlib.suppress(KeyError, TypeError):
            return Source(**content["source"])
        return None

    def describe(self, source: Source) -> None:
        write_note(self._note, {"source": asdict(source), **self._checked}, self._quarantine)

    def checkpoint(self, source: Source, n_bytes: int, sha256: str) -> None:
        """Note the hash of the first `n_bytes`, so that a later process can tell that they are undamaged."""
        self._checked = {"bytes": n_bytes, "sha256": sha256}
        self.describe(source)

    def keep_checked(self) -> None:
        """Cut off what follows the last checkpoint; keep nothing where the bytes before it are damaged."""
        content = read_note(self._note) or {}
        n_bytes = content.get("bytes", 0)
        if n_bytes and self.size >= n_bytes and self.hash_of(n_bytes).hexdigest() == content["sha256"]:
            self._checked = {"bytes": n_bytes, "sha256": content["sha256"]}
            with self.path.open("r+b") as file:
                file.truncate(n_bytes)
        else:
            self.clear()

    def hash_of(self, n_bytes: int) -> Any:
        """hashlib's sha256 object after the first `n_bytes`."""
        found = hashlib.sha256()
        if n_bytes:
            with self.path.open("rb") as file:
                while n_bytes and (chunk := file.read(min(_CHUNK, n_bytes))):
                    found.update(chunk)
                    n_bytes -= len(chunk)
        return found

    def clear(self) -> None:
        self._checked = {}
        for path in (self.path, self._note):
            if path.is_dir() and not path.is_symlink():
                set_aside(path, self._quarantine)
            path.unlink(missing_ok=True)


def copy_from_mirror(
    url: str, n_bytes: int | None, original: Path, part: PartFile, progress: Progress | None = None
) -> Source:
    """Fill `part` with the file of a mirror folder. Not a link: the mirror may change, the raw folder must not."""
    part.clear()
    try:
        before = Stamp.of(original)
        if not original.is_file():
            raise IsADirectoryError(0, "it is not a file")
        file = original.open("rb")
    except OSError as error:
        raise BadInput(
            f"the mirror has no file {original} to read for {url} ({error.strerror}); put it there, or unset "
            "NEUROPIPE_MIRROR to fetch it from the internet"
        ) from error
    with file, part.path.open("wb") as copy:
        if n_bytes not in (None, before.bytes):
            raise BadInput(f"{original} in the mirror has {before.bytes:,} bytes, not {n_bytes:,}; copy it there again")
        need_disk(part.path.parent, before.bytes, str(original))
        while chunk := file.read(_CHUNK):
            copy.write(chunk)
            if progress is not None:
                progress(copy.tell(), before.bytes)
    if Stamp.of(original) != before:
        raise BadInput(f"{original} in the mirror changed while it was being copied; run again when it is complete")
    return Source(str(original), total=before.bytes)


class _TryAgain(Exception):
    def __init__(self, reason: str, wait: float | None = None):
        super().__init__(reason)
        self.wait = wait


def download(
    url: str,
    part: PartFile,
    *,
    n_bytes: int | None,
    verifiable: bool,
    patience: Patience,
    progress: Progress | None = None,
) -> Source:
    """Fill `part` from `url`, resuming after the bytes that it holds; at most one byte more than `n_bytes` is taken.

    verifiable : the caller knows the file's hash, so pieces may be joined even where the server sends no ETag or date.
        Otherwise only bytes up to a checkpoint are kept of an earlier process, and only if they are undamaged.
    """
    shown = without_secrets(url)
    if not verifiable:
        part.keep_checked()
    failures, furthest = 0, part.size
    with make_client(patience) as client:
        while True:
            try:
                return _attempt(client, url, part, n_bytes, verifiable, progress)
            except _TryAgain as trouble:
                failures = 0 if part.size > furthest else failures
                furthest = max(furthest, part.size)
                if failures >= patience.retries:
                    raise BadInput(
                        f"{shown} could not be fetched ({trouble}, {failures + 1} times in a row); check the network "
                        "and run again (what has arrived is kept), or set NEUROPIPE_MIRROR to a folder or http(s) "
                        "address that holds a copy as <mirror>/host/path"
                    ) from trouble
                wait = trouble.wait
                if wait is None:
                    wait = patience.backoff * 2**failures * random.SystemRandom().uniform(1.0, 1.5)
                if wait > patience.longest_wait:
                    raise BadInput(
                        f"{shown} is busy: the server asks to come back in {wait:.0f} s; run again then"
                    ) from trouble
                failures += 1
                log.warning("%s: %s; trying again in %.1f s", shown, trouble, wait)
                patience.sleep(wait)


def _attempt(
    client: Any, url: str, part: PartFile, n_bytes: int | None, verifiable: bool, progress: Progress | None
) -> Source:
    import httpx

    before = part.source
    if before is None or before.url != without_secrets(url) or not (before.validator or verifiable):
        part.clear()
    offset = part.size
    if before is not None and offset and offset == before.total:
        return before
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    if offset and before.validator:
        headers["If-Range"] = before.validator
    try:
        with opened(client, "GET", url, headers) as response:
            if response.status_code == 416 and before.total is None and range_of(response.headers)[1] == offset:
                return before
            offset, source = _accept(response, url, part, offset, before)
            if n_bytes is not None and source.total not in (None, n_bytes):
                part.clear()
                raise BadInput(
                    f"{without_secrets(url)} announces {source.total:,} bytes of "
                    f"{response.headers.get('Content-Type', 'an unnamed type')} where {n_bytes:,} are expected; "
                    "open it in a browser: if the file was replaced there, correct bytes and sha256 in the catalogue"
                )
            expected = source.total if n_bytes is None else n_bytes
            if expected is not None:
                need_disk(part.path.parent, expected - offset, without_secrets(url))
            part.describe(source)
            checked = None if verifiable else source
            _receive(response, part, offset, expected, n_bytes, progress, checked)
    except httpx.TransportError as error:
        raise _TryAgain(str(error) or type(error).__name__) from error
    if expected is not None and part.size < expected:
        raise _TryAgain(f"the connection closed after {part.size:,} of {expected:,} bytes")
    return source


def _accept(response: Any, url: str, part: PartFile, offset: int, before: Source | None) -> tuple[int, Source]:
    """Where in the file this response's bytes belong, and the source they come from."""
    status, headers = response.status_code, response.headers
    if status == 200:
        part.clear()
        return 0, source_of(url, headers, length_of(headers))
    if status == 206 and offset:
        start, total = range_of(headers)
        source = source_of(url, headers, total)
        same_etag = None in (source.etag, before.etag) or source.etag == before.etag
        if start == offset and same_etag and (None in (total, before.total) or total == before.total):
            return offset, replace(before, total=total or before.total, pieces=before.pieces + 1)
    if status in (206, 416) and offset:
        part.clear()
        raise _TryAgain("the file changed on the server while it was being fetched", wait=0.0)
    shown = without_secrets(url)
    if status in _TRY_AGAIN:
        raise _TryAgain(f"the server answers {status} {response.reason_phrase}", retry_after(headers))
    if status in (401, 403):
        raise BadInput(
            f"{shown} is refused ({status}): it needs an account or is not public; fetch it yourself and give its "
            "place as `path` in the catalogue, or put it into a mirror (NEUROPIPE_MIRROR)"
        )
    if status in (404, 410):
        raise BadInput(
            f"{shown} does not exist ({status}); look for where its publisher moved it, and correct the catalogue or "
            "read it from a mirror (NEUROPIPE_MIRROR)"
        )
    raise BadInput(f"{shown} answers {status} {response.reason_phrase}, which is not a file; open it in a browser")


def _receive(
    response: Any,
    part: PartFile,
    offset: int,
    expected: int | None,
    limit: int | None,
    progress: Progress | None,
    checked: Source | None,
) -> None:
    """Append what arrives. checked : the source, if checkpoints are to be made of its bytes."""
    done = last = offset
    found = part.hash_of(offset) if checked else None
    try:
        with part.path.open("ab" if offset else "wb") as file:
            # Raw: a .gz served with Content-Encoding: gzip stays the file that was published and hashed.
            for chunk in response.iter_raw():
                if limit is not None:
                    chunk = chunk[: limit + 1 - done]
                file.write(chunk)
                file.flush()
                done += len(chunk)
                if checked:
                    found.update(chunk)
                    if done - last >= _CHECKPOINT:
                        last = done
                        part.checkpoint(checked, done, found.hexdigest())
                if progress is not None:
                    progress(done, expected)
                if limit is not None and done > limit:
                    return
    finally:
        if checked and done > last:
            with contextlib.suppress(OSError):  # a full disk, say, which the caller is being told about
                part.checkpoint(checked, done, found.hexdigest())
