"""Whether the code that runs in this process is the code on disk.

Python loads a module once and never looks again, and takes its bytecode from a file that it believes to be current when
the source has the same size and the same mtime in whole seconds. An edit since this process started, or one that hides
behind both, would run old code under the version of the new.
"""

import contextlib
import importlib.util
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from neuropipe.errors import BadInput
from resources.store.code.sources import CLOCK_TICK, Stamp, stamp

_seen: dict[Path, Stamp] = {}  # as they were when this process first asked
_changed: set[Path] = set()  # once changed, changed until this process ends
_lock = threading.Lock()


def changed_since_start(files: Iterable[Path]) -> list[Path]:
    """Those of the source files of which this process may hold older code; stale bytecode of them is removed.

    The answer errs towards changed: a stage that uses such a file belongs in a child process.
    """
    with _lock:
        for path in sorted(files):
            if path not in _changed and _may_have_changed(path):
                _changed.add(path)
            remove_stale_bytecode(path)
        return sorted(_changed.intersection(files))


def _may_have_changed(path: Path) -> bool:
    try:
        now = stamp(path.stat())
    except OSError:
        return True
    first = _seen.setdefault(path, now)
    return now != first or now.ctime_ns >= _START - CLOCK_TICK or bytecode_is_stale(path)


def bytecode_is_stale(path: Path) -> bool:
    """Whether Python may take the bytecode of another text for that of this source file."""
    try:
        source, bytecode = path.stat(), _bytecode_of(path)
        compiled = bytecode.stat()
        with bytecode.open("rb") as file:
            header = file.read(16)
    except OSError:
        return False
    if len(header) < 16 or header[:4] != importlib.util.MAGIC_NUMBER:
        return False  # not used by this Python
    flags = int.from_bytes(header[4:8], "little")
    if flags & 1:  # by content: checked when it is loaded, unless it says otherwise
        return not flags & 2 and header[8:16] != importlib.util.source_hash(path.read_bytes())
    looks_current = header[8:16] == b"".join(
        (number & 0xFFFFFFFF).to_bytes(4, "little") for number in (int(source.st_mtime), source.st_size)
    )
    return looks_current and source.st_ctime_ns >= compiled.st_mtime_ns - CLOCK_TICK


def remove_stale_bytecode(path: Path) -> None:
    """Make Python compile a source file anew where its bytecode may be of another text."""
    if not bytecode_is_stale(path):
        return
    try:
        _bytecode_of(path).unlink(missing_ok=True)
    except OSError as error:
        raise BadInput(f"{_bytecode_of(path)} may be bytecode of an older {path.name}; delete it ({error})") from error


def _bytecode_of(path: Path) -> Path:
    return Path(importlib.util.cache_from_source(str(path)))


def _start_of_process() -> int:
    """When this process started, in ns since the epoch, or a little earlier."""
    now = time.time_ns()
    with contextlib.suppress(OSError, ValueError, IndexError, AttributeError):
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        since_boot = ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
        return now - (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - since_boot)
    import psutil

    return int(psutil.Process().create_time() * 1e9)


_START = _start_of_process()  # of the first process, where this one was forked: modules are copied with it
