"""Processes of the command that begin with the libraries loaded: a server that forks one for each request.

Loading dagster, pandas and the like takes longer than most commands that tests run. A process made here is one of its
own, with its own environment, folder and output, and imports all of this project's code itself, from where PYTHONPATH
says; only libraries were loaded before. Tests of what is loaded, and those that kill, start the command as users do.
"""

import atexit
import contextlib
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path

LIBRARIES = (
    *(
        "alembic.command",
        "click",
        "filelock",
        "httpx",
        "jinja2",
        "matplotlib.backends.backend_agg",
        "matplotlib.pyplot",
    ),
    *("numba", "numcodecs", "pandas", "psutil", "pyarrow.parquet", "pydantic", "rich.progress", "rich.table"),
    *("ruamel.yaml", "safetensors", "scipy.optimize", "scipy.stats", "sklearn.linear_model", "sklearn.pipeline"),
    *("sqlalchemy", "yaml", "zarr", "dagster", "dagster._core.storage.event_log.sqlite"),
    *("dagster._core.storage.runs.sqlite", "dagster._core.storage.schedules.sqlite"),
    *("dagster._core.storage.local_compute_log_manager", "dagster._core.storage.root"),
)
OURS = ("neuropipe", "assets", "resources", "tests", "benchmarks")


class PreparedPython:
    """A server that starts with its first command. run : like subprocess.run of `python -m <module> <arguments>`."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="prepared-")
        self._server: subprocess.Popen | None = None
        self._lock = threading.Lock()

    @property
    def address(self) -> Path:
        """The socket that the server listens at, which is started if it is not running."""
        path = Path(self._folder.name) / "socket"
        with self._lock:
            if self._server is None:
                # A request's own PYTHONPATH counts, not this one's.
                environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
                command = [sys.executable, str(Path(__file__).resolve()), "serve", str(path)]
                self._server = subprocess.Popen(
                    command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
                )
                assert self._server.stdout is not None
                assert self._server.stdout.readline() == b"ready\n"
        return path

    def run(self, arguments: list[str], cwd: Path, env: dict[str, str], timeout: float) -> subprocess.CompletedProcess:
        """arguments : the module and what follows it."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
            status = ask(self.address, arguments, cwd, env, (out.fileno(), error.fileno()), timeout)
            out.seek(0)
            error.seek(0)
            return subprocess.CompletedProcess(arguments, status, out.read(), error.read())

    def end(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait()
        self._folder.cleanup()


def ask(
    address: Path,
    arguments: list[str],
    cwd: Path,
    env: dict[str, str],
    outputs: tuple[int, int],
    timeout: float | None = None,
) -> int:
    """Have the server at `address` run a module, with these descriptors as its output; its exit status."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(address))
        request = json.dumps({"arguments": list(map(str, arguments)), "cwd": str(cwd), "env": env}).encode()
        socket.send_fds(connection, [len(request).to_bytes(8, "big")], list(outputs))
        connection.sendall(request)
        process = int.from_bytes(connection.recv(8), "big")
        connection.settimeout(timeout)
        try:
            return int.from_bytes(connection.recv(8), "big", signed=True)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)
            raise subprocess.TimeoutExpired(arguments, timeout or 0) from None


def serve(address: str) -> None:
    """Fork a process a request, and one that waits for it, for as long as this one lives."""
    sys.path.pop(0)  # this script's own folder
    for name in LIBRARIES:
        importlib.import_module(name)
    assert not any(name.partition(".")[0] in OURS for name in sys.modules)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how those that wait ended
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        print("ready", flush=True)
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listening.close()
                _answer(connection)
                os._exit(0)
            connection.close()


def _answer(connection: socket.socket) -> None:
    head, outputs, _, _ = socket.recv_fds(connection, 8, 2)
    body = b""
    while len(body) < int.from_bytes(head, "big"):
        body += connection.recv(1 << 20)
    process = os.fork()
    if process == 0:
        connection.close()
        os._exit(_become(json.loads(body), *outputs))
    connection.sendall(process.to_bytes(8, "big"))
    _, status = os.waitpid(process, 0)
    connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(8, "big", signed=True))


def _become(request: dict, out: int, error: int) -> int:
    """Be `python -m <module> <arguments>` of a request; its exit status."""
    os.setsid()
    for descriptor, number in ((out, 1), (error, 2)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    added = [path for path in request["env"].get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:0] = [request["cwd"], *added]
    importlib.invalidate_caches()
    module, *sys.argv[1:] = request["arguments"]
    status = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if status and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        status = 1
    threading._shutdown()  # as an interpreter does before it ends: wait for threads, then clean up
    atexit._run_exitfuncs()
    with contextlib.suppress(ValueError, OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    return status


if __name__ == "__main__":  # serve <socket>, or: run <socket> <module> <arguments> ...
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        sys.exit(ask(Path(sys.argv[2]), sys.argv[3:], Path.cwd(), dict(os.environ), (1, 2)))
