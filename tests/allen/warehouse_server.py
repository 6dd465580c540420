"""The Allen Institute's warehouse on loopback: its tables by RMA queries, its files; and its public bucket."""

import json
import re
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

BUCKET = "/visual-coding-neuropixels/ecephys-cache"
IMAGED = "/visual-coding-2p/ophys_experiment_data"


class Warehouse:
    """rows : model -> rows of its table; files : (type of well known file, id of what it is attached to) -> file."""

    def __init__(self, rows: Mapping[str, list[dict]], files: Mapping[tuple[str, int], Path]):
        self.rows, self.files = dict(rows), dict(files)
        self.links = {f"/api/v2/well_known_file_download/{at}": path for at, path in enumerate(self.files.values())}
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True

    def __enter__(self) -> "Warehouse":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def answer(self, query: str) -> list[dict[str, Any]]:
        """The rows that a query in the warehouse's language (RMA) asks for."""
        (model,) = re.findall(r"model::(\w+)", query)
        if model == "WellKnownFile":
            kind = re.search(r"name\$eq'?(\w+)'?\]", query)[1]
            owner = int(re.search(r"attachable_id\$eq(\d+)", query)[1])
            names = list(self.files)
            if (kind, owner) not in names:
                return []
            return [{"id": 1, "download_link": list(self.links)[names.index((kind, owner))]}]
        wanted = re.search(r"\[id\$in([\d,]+)\]", query)
        rows = self.rows.get(model, [])
        return [row for row in rows if not wanted or str(row["id"]) in wanted[1].split(",")]


def _handler(warehouse: Warehouse) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(unquote(self.path))
            path = "/" + parts.path.lstrip("/")
            warehouse.asked.append(path)
            if "/data/" in path and "query.json" in path:
                rows = warehouse.answer(parts.query)
                facts = {"success": True, "id": 0, "start_row": 0, "num_rows": len(rows), "total_rows": len(rows)}
                self._send(200, json.dumps(facts | {"msg": rows}).encode())
            elif path in warehouse.links:
                self._send(200, warehouse.links[path].read_bytes())
            elif (
                (match := re.fullmatch(rf"{BUCKET}/session_(\d+)/session_\1\.nwb", path))
                and (file := warehouse.files.get(("EcephysNwb", int(match[1]))))
            ) or (
                (match := re.fullmatch(rf"{IMAGED}/(\d+)\.nwb", path))
                and (file := warehouse.files.get(("NWBOphys", int(match[1]))))
            ):
                self._send(200, file.read_bytes())
            else:
                self._send(404, b"")

        do_HEAD = do_GET

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Quiet: tests read `asked`."""

    return Handler
