"""Where networks are trained: the device, the number of threads, errors about memory."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from neuropipe.errors import BadInput


def find_device(name: str) -> torch.device:
    """The device called `name`; "auto" is the first GPU if there is one, else the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadInput(f"no device is called {name!r}; use 'auto', 'cpu' or 'cuda'") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise BadInput(f"device {name!r} was asked for, but torch finds no GPU here; use 'auto' or 'cpu'")
    return device


class _Fits:
    """The number of fits running in this process, and the number of torch's threads before the first of them."""

    lock, running, threads_before = threading.Lock(), 0, 0


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread inside the block, and afterwards on as many as before.

    Networks of this size gain nothing from more threads and are much slower with them when folds run in parallel; and
    one thread gives the same bytes on any number of cores. Torch keeps the number per thread and gives new threads the
    last number set, so fits that overlap must all restore what the first of them found.
    """
    with _Fits.lock:
        if _Fits.running == 0:
            _Fits.threads_before = torch.get_num_threads()
        _Fits.running += 1
        before = _Fits.threads_before
    torch.set_num_threads(1)
    try:
        yield
    finally:
        with _Fits.lock:
            _Fits.running -= 1
            torch.set_num_threads(before)


@contextmanager
def clear_memory_errors() -> Iterator[None]:
    """Turn torch's out-of-memory errors into a MemoryError that says what to do."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
            raise MemoryError(
                "the network and its trials don't fit into memory; lower n_bins, width or batch_size, "
                "drop units, or choose another device"
            ) from error
        raise
