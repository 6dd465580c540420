"""Sorters that crash, hang, find nothing or find what is there, for tests of how sorters are run."""

import os
import signal
import time

import numpy as np


def threshold(recording, folder, *, seed=0, depth=100.0):
    """Troughs below -depth uV on any channel, all of one unit."""
    from spikeinterface.core import NumpySorting

    lowest = recording.get_traces().min(axis=1)
    troughs = np.flatnonzero((lowest[1:-1] < -depth) & (lowest[1:-1] <= lowest[:-2]) & (lowest[1:-1] < lowest[2:])) + 1
    return NumpySorting.from_unit_dict([{0: troughs}], recording.sampling_frequency)


def crash(recording, folder, *, seed=0):
    raise RuntimeError("clusters ran out")


def killed(recording, folder, *, seed=0):
    os.kill(os.getpid(), signal.SIGSEGV)


def hang(recording, folder, *, seed=0):
    time.sleep(600)


def nothing(recording, folder, *, seed=0):
    from spikeinterface.core import NumpySorting

    return NumpySorting.from_unit_dict([{}], recording.sampling_frequency)
