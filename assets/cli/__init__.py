"""The `neuropipe` command: a group whose commands are the modules of `commands/`, imported when they are used."""

import importlib
import os
import pkgutil
import signal
import sys
from pathlib import Path

import click

from assets.cli import commands
from assets.cli.errors import INTERRUPTED
from neuropipe import __version__

CLONE = Path(__file__).resolve().parents[2]


def main() -> None:
    # Dagster takes absolute paths only.
    os.environ["DAGSTER_HOME"] = str(Path(os.environ.get("DAGSTER_HOME") or CLONE).absolute())
    # A batch system's SIGTERM ends the work as tidily as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        neuropipe()
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            # Everything is tidied up, but fits in other threads would hold the process until they are done.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(INTERRUPTED)
        raise


class CommandFolder(click.Group):
    """A group with one command per module of `commands/`; the module and its function have the command's name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(module.name for module in pkgutil.iter_modules(commands.__path__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        return getattr(importlib.import_module(f"{commands.__name__}.{cmd_name}"), cmd_name)


@click.group(cls=CommandFolder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="neuropipe")
def neuropipe() -> None:
    """Neural recordings in, decoders and leaderboards out; everything unchanged is reused.

    \b
    neuropipe sessions                                  list the sessions
    neuropipe run --session steinmetz-choice.cori-2016-12-18
    neuropipe leaderboard                               show how well each decoder does
    neuropipe ui                                        open the same in the browser
    """
