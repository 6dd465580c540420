"""One file over HTTP(S) into a part file: resumed, retried, bounded. Whether its bytes are right is for the caller."""

import json
import logging
import random
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from neuropipe.errors import BadInput
from resources.fetch.mirror import without_secrets
from resources.fetch.web import Patience, Source, length_of, make_client, opened, range_of, retry_after, source_of
from resources.files.disk import need_disk
from resources.files.safe_files import write_durably

log = logging.getLogger(__name__)
Progress = Callable[[int, int | None], None]
_TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}


class PartFile:
    """Bytes that arrived so far, and beside them the source they came from."""

    def __init__(self, path: Path):
        self.path = path
        self._about = path.with_suffix(".json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def source(self) -> Source | None:
        try:
            return Source(**json.loads(self._about.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def describe(self, source: Source) -> None:
        write_durably(self._about, json.dumps(asdict(source)))

    def clear(self) -> None:
        self.path.unlink(missing_ok=True)
        self._about.unlink(missing_ok=True)


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
    """Fill `part` from `url`, going on from what it holds; at most one byte more than `n_bytes` is taken.

    verifiable : the caller knows the file's hash, so that pieces may be joined even without a validator.
    """
    shown = without_secrets(url)
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
            _receive(response, part, offset, expected, n_bytes, progress)
    except httpx.TransportError as error:
        raise _TryAgain(str(error) or type(error).__name__) from error
    if expected is not None and part.size < expected:
        raise _TryAgain(f"the connection closed after {part.size:,} of {expected:,} bytes")
    return source


def _accept(response: Any, url: str, part: PartFile, offset: int, before: Source | None) -> tuple[int, Source]:
    """Offset at which this response's bytes go, and the source they come from."""
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
    raise BadInput(f"{shown} answers {status} {response.reason_phrase}, which is no file; open it in a browser")


def _receive(
    response: Any, part: PartFile, offset: int, expected: int | None, limit: int | None, progress: Progress | None
) -> None:
    done = offset
    with part.path.open("ab" if offset else "wb") as file:
        # Raw: a .gz served with Content-Encoding: gzip stays the file that was published and hashed.
        for chunk in response.iter_raw():
            if limit is not None:
                chunk = chunk[: limit + 1 - done]
            file.write(chunk)
            file.flush()
            done += len(chunk)
            if progress is not None:
                progress(done, expected)
            if limit is not None and done > limit:
                return
