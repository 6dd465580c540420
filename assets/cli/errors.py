"""Exit codes and the end of every command: one sentence, never a traceback."""

import functools
import sys
from collections.abc import Callable
from typing import Any

import click

from neuropipe.errors import BadInput

BAD_INPUT, FAILED_WORK, INTERRUPTED = 2, 1, 130


def plain_errors(command: Callable) -> Callable:
    """Bad input is one sentence and exit code 2, an interruption one sentence and 130."""

    @functools.wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except BadInput as error:
            click.echo(f"neuropipe: {error}", err=True)
            sys.exit(BAD_INPUT)
        except KeyboardInterrupt:
            click.echo("neuropipe: interrupted; finished work is kept, run the same command to resume", err=True)
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            sys.stdout = None
            sys.exit(0)

    return guarded
