"""A loopback HTTP server that misbehaves on demand, and keeps what it was asked."""

import hashlib
import re
import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_CHUNK = 16 << 10


@dataclass(frozen=True)
class Reply:
    """How one request is answered; the defaults are a good server's.

    status : instead of the file; body : other bytes than the file's; headers : added or, if None, left out
    cut_after : bytes of this answer after which the connection is closed
    hold_after : bytes after which the answer waits until `server.release` is set
    ignore_range : answers 200 with the whole file; ignore_if_range : 206 although the file changed
    ranges_from : moves the start of a 206 elsewhere than was asked
    chunked : no Content-Length, Transfer-Encoding: chunked; until_close : no length at all, ended by closing
    announced : lies about Content-Length; wait : nothing is said at all until `server.release` is set
    """

    status: int | None = None
    body: bytes | None = None
    headers: dict[str, str | None] = field(default_factory=dict)
    cut_after: int | None = None
    hold_after: int | None = None
    ignore_range: bool = False
    ignore_if_range: bool = False
    ranges_from: int | None = None
    chunked: bool = False
    until_close: bool = False
    announced: int | None = None
    wait: bool = False


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]


class MisbehavingServer:
    """`files` by path; `plan(path, *replies)` are used up one a request, then the `always` one, then good behaviour."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.always: dict[str, Reply] = {}
        self.requests: list[Request] = []
        self.release = threading.Event()
        self._planned: dict[str, deque[Reply]] = defaultdict(deque)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True

    def __enter__(self) -> "MisbehavingServer":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"

    def plan(self, path: str, *replies: Reply) -> None:
        self._planned[path].extend(replies)

    def asked(self, path: str, method: str = "GET") -> list[Request]:
        """Requests for one path so far."""
        return [request for request in self.requests if (request.path, request.method) == (path, method)]

    def next_reply(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            planned = self._planned[request.path]
            return planned.popleft() if planned else self.always.get(request.path, Reply())


def etag_of(body: bytes) -> str:
    """The ETag that the server gives these bytes."""
    return f'"{hashlib.md5(body).hexdigest()}"'


def _handler(server: MisbehavingServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            request = Request(self.command, self.path, dict(self.headers))
            reply = server.next_reply(request)
            if reply.wait:
                server.release.wait(60)
            body = reply.body if reply.body is not None else server.files.get(self.path)
            if reply.status is not None or body is None:
                self._send(reply, reply.status or 404, b"" if reply.body is None else reply.body, {})
                return
            headers: dict[str, str | None] = {"ETag": etag_of(body), "Accept-Ranges": "bytes", **reply.headers}
            start = self._start(reply, headers["ETag"])
            if start is not None and start >= len(body):
                self._send(reply, 416, b"", {"Content-Range": f"bytes */{len(body)}"})
            elif start is not None:
                start = start if reply.ranges_from is None else reply.ranges_from
                headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
                self._send(reply, 206, body[start:], headers)
            else:
                self._send(reply, 200, body, headers)

        do_HEAD = do_GET

        def _start(self, reply: Reply, etag: str | None) -> int | None:
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            condition = self.headers.get("If-Range")
            if asked is None or reply.ignore_range or (condition not in (None, etag) and not reply.ignore_if_range):
                return None
            return int(asked[1])

        def _send(self, reply: Reply, status: int, body: bytes, headers: dict[str, Any]) -> None:
            length = None if reply.chunked or reply.until_close else str(reply.announced or len(body))
            framing = {"Content-Length": length, "Transfer-Encoding": "chunked" if reply.chunked else None}
            self.send_response(status)
            for name, value in {**framing, **headers, **reply.headers}.items():
                if value is not None:
                    self.send_header(name, value)
            self.end_headers()
            self.close_connection = True
            if self.command == "HEAD":
                return
            self._stream(reply, body)

        def _stream(self, reply: Reply, body: bytes) -> None:
            stop = len(body) if reply.cut_after is None else min(reply.cut_after, len(body))
            sent = 0
            try:
                while sent < stop:
                    limit = stop if reply.hold_after is None or sent >= reply.hold_after else reply.hold_after
                    piece = body[sent : min(sent + _CHUNK, limit)]
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if reply.chunked else piece)
                    sent += len(piece)
                    if sent == reply.hold_after:
                        self.wfile.flush()
                        server.release.wait(60)
                if reply.chunked and reply.cut_after is None:
                    self.wfile.write(b"0\r\n\r\n")
            except OSError:
                self.close_connection = True  # the client went away, as several tests make it do

        def log_message(self, *args: object) -> None:
            """Quiet: tests read `requests`."""

    return Handler
