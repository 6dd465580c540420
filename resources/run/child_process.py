"""A child process as its parent sees it: told its job, listened to, watched for memory, and never left behind.

The job goes to the child's stdin as a line of JSON; stdin then stays open, and the child ends when it closes, so that
it never outlives this process. What the child has to say comes as lines of JSON through a pipe of its own, since
libraries print what they like to stdout.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from neuropipe.errors import BadInput
from resources.run.memory import in_words, resident

CLONE = Path(__file__).resolve().parents[2]
SECONDS_BETWEEN_LOOKS = 0.1
LONGEST_LINE = 300


class FailedInChild(Exception):
    """An error of a child process; raised under the name of the type that it had there."""


class ChildTraceback(Exception):
    """Where in the child process an error was raised."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def run_child(job: Mapping[str, Any], what: str, limit: int, log: Any) -> dict[str, Any]:
    """Do a job of `resources.run.child` in a process that may hold `limit` bytes; its log lines go to `log`.

    BadInput of the child is raised as BadInput, its other errors with their type's name and message; a child that was
    stopped for memory, or died, is BadInput that says so.
    """
    reader, writer = os.pipe()
    with open(reader, "rb", buffering=0) as answers, tempfile.TemporaryFile() as printed:
        # A process group of its own: Ctrl-C reaches this process alone, and all that the child started ends with it.
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "resources.run.child", str(writer)],
            stdin=subprocess.PIPE,
            stdout=printed,
            stderr=subprocess.STDOUT,
            pass_fds=(writer,),
            process_group=0,
            env=_environment(limit),
        )
        os.close(writer)
        try:
            _tell(child, job)
            watch = _Watch(child.pid, limit)
            for said in _lines(answers, watch):
                if "log" not in said:
                    return _answer(said, what, watch)
                log.log(said["level"], said["log"])
        finally:
            _end(child)
        raise BadInput(_how_it_died(child.returncode, _last_line(printed), what, watch))


def _environment(limit: int) -> dict[str, str]:
    """The child imports the code that runs here, and knows what it may hold."""
    path = [str(CLONE), *filter(None, [os.environ.get("PYTHONPATH")])]
    memory = f"{max(1, limit // 2**20)}M"
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "NEUROPIPE_MEMORY": memory}


def _tell(child: subprocess.Popen, job: Mapping[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):  # it died at once: how is told by its return code
        child.stdin.write(json.dumps(job).encode() + b"\n")
        child.stdin.flush()


class _Watch:
    """Looks at a child's memory a few times a second. most : bytes, so far; exceeded : whether it was too much."""

    def __init__(self, pid: int, limit: int):
        self.pid, self.limit, self.most, self.exceeded = pid, limit, 0, False
        self._next = 0.0

    def goes_on(self) -> bool:
        """Whether the child lives, and holds no more than it may."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + SECONDS_BETWEEN_LOOKS
            self.most = max(self.most, resident(self.pid))
            self.exceeded = self.most > self.limit
        ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return ended is None and not self.exceeded


def _lines(answers: Any, watch: _Watch) -> Iterator[dict[str, Any]]:
    """What the child says, until it stops saying anything, dies or holds too much memory."""
    rest, alive = b"", True
    listening = select.poll()  # unlike select(), at ease in processes that hold many files open
    listening.register(answers, select.POLLIN)
    while alive:
        alive = watch.goes_on()
        # One that has died may have said something last.
        while listening.poll(1000 * SECONDS_BETWEEN_LOOKS if alive else 0):
            block = answers.read(2**16)
            if not block:
                return
            *lines, rest = (rest + block).split(b"\n")
            yield from map(json.loads, lines)
            if not (alive := watch.goes_on()) and watch.exceeded:
                return


def _answer(said: Mapping[str, Any], what: str, watch: _Watch) -> dict[str, Any]:
    if "done" in said:
        return said["done"]
    if "bad_input" in said:
        raise BadInput(said["bad_input"])
    if "memory" in said:
        raise BadInput(
            f"{what} asked for more memory than there is ({said['memory']}); it held {in_words(watch.most)} of "
            f"{in_words(watch.limit)}: {_way_out(watch)}"
        )
    cause = ChildTraceback(said["traceback"])
    if said["errno"] is not None:
        raise OSError(said["errno"], said["message"], said["filename"]) from cause
    raise type(said["error"], (FailedInChild,), {"__module__": "builtins"})(said["message"]) from cause


def _how_it_died(code: int, last_words: str, what: str, watch: _Watch) -> str:
    if watch.exceeded:
        return (
            f"{what} was stopped: it held {in_words(watch.most)} of memory and may hold {in_words(watch.limit)}; "
            f"{_way_out(watch)}"
        )
    if code == -signal.SIGKILL:
        return (
            f"{what} was killed from outside, as the system does when memory runs out; it held "
            f"{in_words(watch.most)} and might hold {in_words(watch.limit)}: {_way_out(watch)}"
        )
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    said = f"; the last it printed was {last_words!r}" if last_words else ""
    return f"the process of {what} died without an answer ({how}){said}: run it again, what it had finished is kept"


def _way_out(watch: _Watch) -> str:
    return (
        f"allow more with NEUROPIPE_MEMORY (e.g. NEUROPIPE_MEMORY={-(-2 * watch.limit // 2**30)}G) on a machine that "
        "has it, or make the work smaller with --set (coarser binned.bin_width, smaller settings of its own)"
    )


def _last_line(printed: Any) -> str:
    printed.seek(0)
    lines = printed.read().decode(errors="replace").split("\n")
    return next((line.strip()[:LONGEST_LINE] for line in reversed(lines) if line.strip()), "")


def _end(child: subprocess.Popen) -> None:
    """End the child and all that it started. It is reaped last: until then nobody else can have got its number."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    with contextlib.suppress(BrokenPipeError):
        child.stdin.close()
    child.wait()
