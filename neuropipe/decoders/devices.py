"""Where networks are trained: the device, and how many threads of it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from neuropipe.errors import BadInput


def find_device(name: str) -> torch.device:
    """The device called `name`; "auto" is the first GPU where there is one, else the CPU."""
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
    """How many fits are under way in this process, and how many threads torch had before the first."""

    lock, under_way, threads_before = threading.Lock(), 0, 0


@contextmanager
def one_thread() -> Iterator[None]:
    """torch on one thread, and afterwards on as many as before.

    Networks of this size gain nothing from more, lose much when folds run side by side, and one thread gives the same
    bytes however many cores there are. Torch keeps the number for each thread and hands the last one set to new
    threads, so fits that overlap must all put back what the first of them found.
    """
    with _Fits.lock:
        if _Fits.under_way == 0:
            _Fits.threads_before = torch.get_num_threads()
        _Fits.under_way += 1
        before = _Fits.threads_before
    torch.set_num_threads(1)
    try:
        yield
    finally:
        with _Fits.lock:
            _Fits.under_way -= 1
            torch.set_num_threads(before)


@contextmanager
def out_of_memory_in_words() -> Iterator[None]:
    """Torch's complaint about memory as a MemoryError that says what to do."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
            raise MemoryError(
                "the network and its trials don't fit into memory; lower n_bins, width or batch_size, "
                "drop units, or choose another device"
            ) from error
        raise
