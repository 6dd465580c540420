"""Where the heavy work runs: stages in child processes with a memory limit; in them, pieces side by side."""

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from neuropipe.errors import BadInput
from resources.run.child_process import run_child
from resources.run.memory import available, parse_size

Item, Result = TypeVar("Item"), TypeVar("Result")
SHARE = 0.9  # of what is free, that a child process may take by default


@dataclass(frozen=True)
class LocalCompute:
    """Isolated stages run in child processes on this machine. memory : bytes that one may hold, None for `SHARE`."""

    memory: int | None = None

    @property
    def limit(self) -> int:
        """Bytes that a child process may hold if it is started now."""
        return self.memory if self.memory is not None else int(SHARE * available())

    def run(self, job: Mapping[str, Any], what: str, log: Any) -> dict[str, Any]:
        """Have a child process do a job of `resources.run.child`; what it answers. what : the work in words."""
        return run_child(job, what, self.limit, log)


COMPUTE = {"local": LocalCompute}


def compute_from_environment() -> LocalCompute:
    """What NEUROPIPE_COMPUTE and NEUROPIPE_MEMORY ask for."""
    kind = os.environ.get("NEUROPIPE_COMPUTE") or "local"
    if kind not in COMPUTE:
        raise BadInput(
            f"NEUROPIPE_COMPUTE is {kind!r}, which there is not; set it to {' or '.join(COMPUTE)}, or unset it"
        )
    memory = os.environ.get("NEUROPIPE_MEMORY")
    return COMPUTE[kind](parse_size(memory, "NEUROPIPE_MEMORY") if memory else None)


def side_by_side(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    bytes_each: int = 0,
    report: Callable[[int], None] = lambda n_done: None,
) -> list[Result]:
    """[function(item) for item in items], several at once, each with single-threaded linear algebra.

    Small decompositions gain nothing from more threads and lose tenfold when the machine is busy; one thread each also
    gives the same bytes however many cores there are. bytes_each : memory that one call needs; no more run at once
    than half of what is free can hold; report : called in this thread with the number of items done.
    """
    from threadpoolctl import threadpool_limits

    pool = ThreadPoolExecutor(n_workers(bytes_each))
    with threadpool_limits(1):
        results = []
        try:
            for result in pool.map(function, items):
                results.append(result)
                report(len(results))
        except BaseException as error:
            # Pieces that others wait for end by themselves; an interrupt does not wait for what may take minutes.
            pool.shutdown(wait=isinstance(error, Exception), cancel_futures=True)
            raise
        pool.shutdown()
        return results


def n_workers(bytes_each: int = 0) -> int:
    """How many calls run at once: the cores this process may use, or fewer where memory is short."""
    cores = len(os.sched_getaffinity(0))
    if not bytes_each:
        return cores
    return max(1, min(cores, compute_from_environment().limit // 2 // bytes_each))
