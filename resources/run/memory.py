"""Memory as Linux tells it: how much this process may still take, and how much another one holds."""

import os
import re
from pathlib import Path

from neuropipe.errors import BadInput

_FACTORS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_PAGE = os.sysconf("SC_PAGE_SIZE")
# Where each version of control groups says limit, use and what of the use is file cache that it can drop.
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


def available(root: Path = Path("/")) -> int:
    """Bytes that this process may still take: what the machine has free, or its control group, whichever is less.

    root : where proc/ and sys/ are.
    """
    meminfo = (root / "proc/meminfo").read_text()
    free = [int(re.search(r"^MemAvailable:\s+(\d+) kB", meminfo, re.MULTILINE)[1]) * 1024]
    for line in (root / "proc/self/cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            free += _free_in_groups(root / "sys/fs/cgroup", path, *_GROUP_FILES["v2"])
        elif "memory" in controllers.split(","):
            free += _free_in_groups(root / "sys/fs/cgroup/memory", path, *_GROUP_FILES["v1"])
    return max(0, min(free))


def _free_in_groups(mount: Path, path: str, limit: str, use: str, droppable: str) -> list[int]:
    """What a control group and those around it leave free, where they limit it."""
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
    pages, waiting = 0, [pid]
    while waiting:
        folder = f"/proc/{waiting.pop()}"
        try:
            pages += int(Path(folder, "statm").read_text().split()[1])
            for task in os.listdir(f"{folder}/task"):
                waiting += map(int, Path(folder, "task", task, "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while it was looked at
    return pages * _PAGE
