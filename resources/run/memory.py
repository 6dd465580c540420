"""Memory: how much this process may still take, and how much another one and its children hold."""

import contextlib
import re
from pathlib import Path

from neuropipe.errors import BadInput

_FACTORS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
# Files of each version of control groups: limit, use, and the part of the use that is file cache, which is given back.
_GROUP_FILES = {
    "v2": ("memory.max", "memory.current", "inactive_file"),
    "v1": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}


def parse_size(text: str, what: str) -> int:
    """`6G` -> bytes; K, M, G and T are powers of 1024, as batch systems and containers mean them."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT])(?:i?B)?", text.strip(), re.IGNORECASE)
    if found is None or (size := int(float(found[1]) * _FACTORS[found[2].upper()])) <= 0:
        raise BadInput(f"{what} is {text!r}; write an amount of memory such as 6G or 800M")
    return size


def in_words(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:.2f} GiB" if n_bytes >= 2**30 else f"{n_bytes / 2**20:.0f} MiB"


def available() -> int:
    """Bytes that this process may still take: what the machine or the tightest control group has free."""
    import psutil

    return max(0, min([psutil.virtual_memory().available, *free_in_groups()]))


def free_in_groups(root: Path = Path("/")) -> list[int]:
    """Bytes that each limited control group around this process leaves free; empty where there is none.

    root : where proc/ and sys/ are
    """
    try:
        groups = (root / "proc/self/cgroup").read_text().splitlines()
    except FileNotFoundError:  # not Linux
        return []
    free = []
    for line in groups:
        number, controllers, path = line.split(":", 2)
        if number == "0":
            free += _free_in_groups(root / "sys/fs/cgroup", path, *_GROUP_FILES["v2"])
        elif "memory" in controllers.split(","):
            free += _free_in_groups(root / "sys/fs/cgroup/memory", path, *_GROUP_FILES["v1"])
    return free


def _free_in_groups(mount: Path, path: str, limit: str, use: str, droppable: str) -> list[int]:
    """Bytes that a control group and those around it leave free, where they have a limit."""
    own = mount / path.lstrip("/")
    found = []
    for folder in (own, *own.parents):
        if (folder / limit).is_file() and (most := (folder / limit).read_text().strip()) != "max":
            cache = re.search(rf"^{droppable} (\d+)", (folder / "memory.stat").read_text(), re.MULTILINE)
            found.append(int(most) - int((folder / use).read_text()) + int(cache[1] if cache else 0))
        if folder == mount:
            break
    return found


def resident(pid: int) -> int:
    """Bytes in memory of a process and of all that it started; 0 where it has ended."""
    import psutil

    total = 0
    for member in (pid, *_descendants(pid)):
        with contextlib.suppress(psutil.Error):  # it ended while it was looked at
            total += psutil.Process(member).memory_info().rss
    return total


def _descendants(pid: int) -> list[int]:
    """Ids of all that a process started. Linux lists children; elsewhere psutil reads the table of all processes."""
    if not Path("/proc/self/task").is_dir():
        import psutil

        with contextlib.suppress(psutil.Error):
            return [child.pid for child in psutil.Process(pid).children(recursive=True)]
        return []
    found, waiting = [], [pid]
    while waiting:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for task in Path(f"/proc/{waiting.pop()}/task").iterdir():
                children = [int(child) for child in (task / "children").read_text().split()]
                found += children
                waiting += children
    return found
