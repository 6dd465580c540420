"""Which installation used which artifact when: `gc` of one clone must not remove what another clone still uses.

<store>/.users/<user>.log has one line per use: unix seconds, a space, `<asset>/<directory>` of the artifact.
"""

import contextlib
import fcntl
import os
import re
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

from resources.files.safe_files import write_durably
from resources.store.manifest import read_bytes

ANYTHING = "*"
# A use is recorded again once the last record is older than this.
RECORD_EVERY = 3600.0
_FORGET_AFTER = 365 * 86400.0
_LINE = re.compile(r"(\d{1,12}) ([A-Za-z0-9._/-]+|\*)")
_USER = re.compile(r"[A-Za-z0-9._-]{1,100}")


class UserLogs:
    """The logs of all users of a store. user : name of this one's log; empty for one that is not recorded."""

    def __init__(self, folder: Path, user: str):
        if user and not _USER.fullmatch(user):
            raise ValueError(f"{user!r} can't be the name of a user of a store: letters, digits and ._- only")
        self.folder = folder
        self.own = folder / f"{user}.log" if user else None
        self._recorded: dict[str, float] | None = None
        self._read: dict[Path, tuple[tuple, dict[str, float]]] = {}

    def record(self, names: Iterable[str]) -> None:
        """Note that this user uses artifacts now. A store that can't be written is used all the same."""
        if self.own is None:
            return
        with contextlib.suppress(OSError):
            if self._recorded is None:
                self._recorded = self._load(self.own)
            now = time.time()
            new = [name for name in names if self._recorded.get(name, 0) < now - RECORD_EVERY]
            if new:
                self._recorded.update(dict.fromkeys(new, now))
                _append(self.own, "\n" + "".join(f"{now:.0f} {name}\n" for name in dict.fromkeys(new)))

    def by_others(self) -> dict[str, float]:
        """Artifact -> when any other user last used it. Under ANYTHING: when a log was written that can't be read."""
        latest: dict[str, float] = {}
        for log in sorted(self.folder.glob("*.log")):
            if log != self.own:
                for name, when in self._parsed(log).items():
                    latest[name] = max(when, latest.get(name, 0))
        return latest

    def abandoned(self, before: float) -> list[Path]:
        """Logs of other users without any use since a time."""
        logs = sorted(log for log in self.folder.glob("*.log") if log != self.own)
        return [log for log in logs if max(self._parsed(log).values(), default=0) < before]

    def _parsed(self, log: Path) -> dict[str, float]:
        try:
            status = log.stat()
        except OSError:
            return {}
        stamp = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        if log not in self._read or self._read[log][0] != stamp:
            self._read[log] = stamp, parse(log)[0]
        return self._read[log][1]

    def _load(self, log: Path) -> dict[str, float]:
        if os.path.lexists(log) and (log.is_symlink() or not log.is_file()):
            log.rename(log.with_name(f".{log.name}.{uuid.uuid4().hex}"))
        uses, lines, damaged = parse(log)
        if damaged or lines > 2 * len(uses) + 1000:
            _compact(log)
        return uses


def parse(log: Path) -> tuple[dict[str, float], int, bool]:
    """(artifact -> last use, number of lines, whether any is damaged). A damaged line may have named any artifact."""
    try:
        written = log.stat().st_mtime
    except OSError:
        return {}, 0, False
    raw = read_bytes(log)
    if raw is None:
        return {ANYTHING: written}, 0, True
    uses: dict[str, float] = {}
    lines, damaged = raw.decode("utf-8", errors="replace").split("\n"), False
    for line in lines:
        found = _LINE.fullmatch(line)
        if found:
            uses[found[2]] = max(float(found[1]), uses.get(found[2], 0))
        elif line:
            uses[ANYTHING] = max(written, uses.get(ANYTHING, 0))
            damaged = True
    return uses, len(lines), damaged


@contextlib.contextmanager
def _locked(log: Path):
    """The open log, locked against other writers, and still the one that its name leads to."""
    log.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), log.stat()):
                    yield descriptor
                    return
        finally:
            os.close(descriptor)


def _append(log: Path, text: str) -> None:
    with _locked(log) as descriptor:
        os.write(descriptor, text.encode())


def _compact(log: Path) -> None:
    with _locked(log):
        uses = parse(log)[0]
        oldest = time.time() - _FORGET_AFTER
        write_durably(log, "".join(f"{when:.0f} {name}\n" for name, when in uses.items() if when > oldest))


def remove_log(log: Path, before: float) -> bool:
    """Remove a log unless its user has come back; False if it was kept."""
    with _locked(log):
        if max(parse(log)[0].values(), default=0) >= before:
            return False
        log.unlink()
        return True
