"""Runs whose process was killed: Dagster, which hears nothing of it, would show them as started for ever."""

import os
import socket
from pathlib import Path

import dagster as dg

PROCESS_TAG = "neuropipe/process"


def this_process() -> str:
    """What tells this process from every other one: its machine, number and start."""
    return f"{socket.gethostname()} {os.getpid()} {_start_of(os.getpid())}"


def close_dead_runs(instance: dg.DagsterInstance) -> None:
    """Have runs that processes of this machine left behind end as failed in the history."""
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        machine, _, process = run.tags.get(PROCESS_TAG, "").partition(" ")
        if machine == socket.gethostname():
            number, _, start = process.partition(" ")
            if _start_of(int(number)) != start:
                instance.report_run_failed(run, "The process of this run was killed; what it had finished is kept.")


def _start_of(pid: int) -> str:
    """When a process started, in clock ticks; numbers are given again, so that a number alone tells nothing."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return "never"
