"""One HTTP(S) exchange: client, redirects and headers."""

import contextlib
import email.utils
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from neuropipe.errors import BadInput
from resources.fetch.mirror import without_secrets

log = logging.getLogger(__name__)
_MAX_REDIRECTS = 10


@dataclass(frozen=True)
class Patience:
    """How long to keep trying. All in s except `retries`, the number of failures in a row that brought no new bytes.

    Wait number k is backoff * 2**k plus up to 50 % of jitter, or what the server asks for. It gives up where
    that is more than longest_wait.
    """

    retries: int = 4
    backoff: float = 1.0
    longest_wait: float = 300.0
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Source:
    """Where a file came from. url : without secrets; total : bytes; pieces : number of responses it arrived in."""

    url: str
    etag: str | None = None
    last_modified: str | None = None
    total: int | None = None
    pieces: int = 1

    @property
    def validator(self) -> str | None:
        """What If-Range may carry: a strong ETag, else the date (RFC 9110, 13.1.5)."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified


def head(url: str, patience: Patience) -> Source | None:
    """What the server says about a file without sending it; None if it does not answer."""
    import httpx

    try:
        with make_client(patience) as client, opened(client, "HEAD", url, {}) as response:
            if response.status_code != 200:
                return None
            return source_of(url, response.headers, length_of(response.headers))
    except (httpx.HTTPError, BadInput) as error:
        log.info("%s did not answer: %s", without_secrets(url), error)
        return None


def make_client(patience: Patience) -> Any:
    import httpx

    return httpx.Client(
        timeout=httpx.Timeout(patience.read_timeout, connect=patience.connect_timeout),
        headers={"Accept-Encoding": "identity", "User-Agent": "neuropipe"},
    )


@contextlib.contextmanager
def opened(client: Any, method: str, url: str, headers: dict[str, str]) -> Iterator[Any]:
    """The response after redirects. They may lead from http to https, but not back, and to no other scheme."""
    import httpx

    here = url
    for _ in range(_MAX_REDIRECTS):
        try:
            request = client.build_request(method, here, headers=headers)
        except httpx.InvalidURL as error:
            raise BadInput(f"{without_secrets(here)} is not a URL: {error}") from error
        response = client.send(request, stream=True)
        try:
            if not response.has_redirect_location:
                yield response
                return
            there = urljoin(here, response.headers["Location"])
        finally:
            response.close()
        schemes = urlsplit(here).scheme, urlsplit(there).scheme
        if schemes not in (("http", "http"), ("http", "https"), ("https", "https")):
            raise BadInput(
                f"{without_secrets(url)} redirects from {schemes[0]} to {without_secrets(there)}, which is refused: "
                "only http(s) is followed and never from https to http"
            )
        here = there
    raise BadInput(f"{without_secrets(url)} redirects more than {_MAX_REDIRECTS} times; open it in a browser")


def source_of(url: str, headers: Any, total: int | None) -> Source:
    return Source(without_secrets(url), headers.get("ETag"), headers.get("Last-Modified"), total)


def length_of(headers: Any) -> int | None:
    text = headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None


def range_of(headers: Any) -> tuple[int | None, int | None]:
    """First byte and total of a Content-Range, `bytes 5-9/10` or `bytes */10`; None where not given."""
    span, _, total = headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    start = span.partition("-")[0]
    return (int(start) if start.isdecimal() else None), (int(total) if total.isdecimal() else None)


def retry_after(headers: Any) -> float | None:
    """Seconds that Retry-After asks for, given as a number or a date."""
    text = headers.get("Retry-After", "")
    if text.isdecimal():
        return float(text)
    parsed = email.utils.parsedate_tz(text) if text else None
    return None if parsed is None else max(0.0, email.utils.mktime_tz(parsed) - time.time())
