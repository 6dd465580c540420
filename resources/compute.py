"""Where the heavy work runs: independent pieces side by side, one core each."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item, Result = TypeVar("Item"), TypeVar("Result")


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
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(cores, free // 2 // bytes_each))
