"""`neuropipe ui`: the Dagster web UI."""

import os
import signal
import socket
import sys
from pathlib import Path

import click

from assets.cli.errors import plain_errors
from neuropipe.errors import BadInput

LOOPBACK = "127.0.0.1"


@click.command()
@click.option("--port", default=3000, show_default=True)
@plain_errors
def ui(port) -> None:
    """Open the Dagster web UI on this machine; Ctrl-C stops it."""
    from resources.workspace import CLONE

    dagster = Path(sys.executable).with_name("dagster")
    _refuse_taken_port(port)
    os.chdir(CLONE)
    # A shell starts background jobs with Ctrl-C ignored, and Dagster would then ignore every signal to stop.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Dagster recommends another command, which does not ship with it.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:Function `dev_command` is superseded")
    os.execv(dagster, [str(dagster), "dev", "-h", LOOPBACK, "-p", str(port)])


def _refuse_taken_port(port: int) -> None:
    """Dagster would start all its services, report an error among their messages and stay."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except (OSError, OverflowError) as error:
            raise BadInput(f"can't listen on port {port} ({error}): name another with --port") from None
