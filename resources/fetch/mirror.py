"""Where a URL of the catalogue is read from: the internet, or a mirror `<folder or http(s) base>/host/path`."""

import re
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from neuropipe.errors import BadInput

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


def locate(url: str, mirror: str | None) -> str | Path:
    """The address or local path to read `url` from.

    A query is kept as wget keeps it: `https://host/download?id=3` is the file `download?id=3` of a folder mirror.
    """
    parts, host, segments = _split(url)
    if mirror is None:
        return url
    if mirror.lower().startswith(("http://", "https://")):
        return f"{mirror.rstrip('/')}/{host}{parts.path}" + (f"?{parts.query}" if parts.query else "")
    if parts.query:
        segments[-1] += "?" + parts.query.replace("/", "%2F")
    return Path(mirror).expanduser().joinpath(host, *segments)


def check_url(url: str) -> None:
    """Refuse a URL that is not plain http(s), or that could lead outside a mirror."""
    _split(url)


def without_secrets(url: str) -> str:
    """The URL without user and password, as it may be shown."""
    return re.sub(r"//[^/@]*@", "//", url, count=1)


def _split(url: str) -> tuple[SplitResult, str, list[str]]:
    if any(ord(character) <= 32 or ord(character) == 127 or character == "\\" for character in url):
        raise BadInput(f"the URL {url!r} has a space, backslash or control character; write it percent-encoded")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
        segments = [unquote(segment, errors="strict") for segment in parts.path.split("/")[1:]]
    except ValueError as error:
        raise BadInput(f"{url!r} is no URL: {error}") from error
    if parts.scheme not in ("http", "https", "allensdk") or not _HOST.fullmatch(host) or ".." in host:
        raise BadInput(f"{url!r} is no http(s) URL with a plain host name")
    if not any(segments):
        raise BadInput(f"{url!r} names a host but no file")
    for segment in segments:
        if segment in (".", "..") or re.search(r"[/\\\x00-\x1f\x7f]", segment):
            raise BadInput(f"the path of {url!r} climbs or hides a separator in {segment!r}; give the plain path")
    return parts, host if port is None else f"{host}:{port}", segments
