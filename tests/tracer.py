"""Record which of our definitions run, here and in child processes, to compare them with what a code version covers.

    with trace_to(folder):
        ...  # also starts child processes
    assert uncovered(traced(folder), code.reachable(roots) | code.ignored(roots)) == set()

What runs while a module is imported does not count (effects of imports are covered), nor does what plots call.
"""

import contextlib
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from resources.store.code import Definition, Neutral
from resources.store.code.definitions import parse

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGES = ("neuropipe", "resources", "assets")
VARIABLE = "NEUROPIPE_TRACE"
HOOK = Path(__file__).resolve().parent / "tracing"  # holds the sitecustomize.py that traces child processes

_IS_FUNCTION = 0x1  # CO_OPTIMIZED: neither a module nor the body of a class


class Tracer:
    """A profile function that appends each definition of ours, the first time that it runs, to a file.

    One file a process, `<folder>/<pid>.txt`, lines "path:first line:qualified name".
    """

    def __init__(self, folder: Path, root: Path = REPOSITORY, neutral: Neutral = Neutral()):  # noqa: B008
        self._file = (folder / f"{os.getpid()}.txt").open("a", buffering=1, encoding="utf-8")
        self._prefixes = tuple(f"{root / package}{os.sep}" for package in PACKAGES)
        folders = [str(root.joinpath(*module.split("."))) for module in neutral.modules]
        self._neutral = tuple(f"{folder}{end}" for folder in folders for end in (os.sep, ".py"))
        self._kinds: dict[CodeType, str] = {}
        self._written: set[CodeType] = set()
        self._threads = threading.local()
        self._lock = threading.Lock()

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        if event not in ("call", "return") or self._file.closed:  # threads outlive the trace
            return
        code = frame.f_code
        kind = self._kinds.get(code) or self._kind(frame)
        if kind == "other":
            return
        if kind == "outside":  # import of a module, or a plot: nothing that it calls counts
            depth = getattr(self._threads, "depth", 0)
            self._threads.depth = max(0, depth + (1 if event == "call" else -1))
        elif event == "call" and not getattr(self._threads, "depth", 0) and code not in self._written:
            with self._lock:
                self._written.add(code)
                if self._file.closed:
                    return
                self._file.write(f"{code.co_filename}:{code.co_firstlineno}:{code.co_qualname}\n")

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def _kind(self, frame: FrameType) -> str:
        code = frame.f_code
        name = code.co_filename
        imports = code.co_name == "<module>" and frame.f_globals.get("__name__") != "__main__"
        if imports or name.startswith(self._neutral):
            kind = "outside"
        elif name.startswith(self._prefixes) and name.endswith(".py") and code.co_flags & _IS_FUNCTION:
            kind = "ours"
        else:
            kind = "other"
        self._kinds[code] = kind
        return kind


def install(folder: Path, **settings: Any) -> Tracer:
    """Trace this process from now on, in this thread and in those that start later."""
    tracer = Tracer(folder, **settings)
    threading.setprofile(tracer)
    sys.setprofile(tracer)
    return tracer


@contextlib.contextmanager
def trace_to(folder: Path, **settings: Any) -> Iterator[None]:
    """Trace this process, and the child processes that it starts, into the files of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    before = {name: os.environ.get(name) for name in (VARIABLE, "PYTHONPATH")}
    os.environ[VARIABLE] = str(folder)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HOOK), str(REPOSITORY), before["PYTHONPATH"]]))
    tracer = install(folder, **settings)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        tracer.close()
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


def traced(folder: Path, root: Path = REPOSITORY) -> set[Definition]:
    """The definitions of ours that ran while `trace_to` wrote into a folder."""
    found: set[Definition] = set()
    for file in folder.glob("*.txt"):
        for line in file.read_text(encoding="utf-8").splitlines():
            path, number, qualname = line.split(":")
            found.add(_definition(Path(path), int(number), qualname, root))
    return found


def uncovered(ran: Iterable[Definition], reachable: Iterable[Definition]) -> set[Definition]:
    """What ran although no code version covers it."""
    return set(ran) - set(reachable)


def _definition(path: Path, line: int, qualname: str, root: Path) -> Definition:
    parts = path.relative_to(root).with_suffix("").parts
    module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    name = qualname.partition(".")[0]
    return Definition(module, _assigned_at(path, line, module) if name.startswith("<") else name)


def _assigned_at(path: Path, line: int, module: str) -> str:
    """The name that holds a lambda or comprehension of a module's top level."""
    parsed = parse(path.read_bytes(), module, path.name == "__init__.py", str(path))
    for name, pieces in parsed.pieces.items():
        for piece in pieces:
            value = getattr(piece.statement, "value", None) or piece.statement
            if hasattr(value, "lineno") and value.lineno <= line <= value.end_lineno:
                return name
    return "<effects>"
