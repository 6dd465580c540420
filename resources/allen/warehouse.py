"""Files that allensdk makes of the Allen Institute's warehouse: `allensdk://<host>/<kind>/<id>` in the catalogue.

Who runs its environment is for the caller to say (`run_by`): a step of Dagster does it over Pipes.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from neuropipe.errors import BadInput

SCHEME = "allensdk"
CLONE = Path(__file__).resolve().parents[2]
ENVIRONMENT = CLONE / ".venv-allen"
SCRIPT = Path(__file__).with_name("export.py")
ADDRESS = re.compile(rf"{SCHEME}://(?P<host>[^/]+)/(?P<kind>ecephys|ophys)/(?P<id>[0-9]+)")

Command = list[str]
# Runs a command in a process of its own, given the job, and returns what it reports.
Runner = Callable[[Command, Mapping[str, Any]], Mapping[str, Any]]
_runner: ContextVar[Runner | None] = ContextVar("runner of allensdk's environment", default=None)


def is_of_warehouse(url: str) -> bool:
    """Whether allensdk makes the file of an address."""
    return url.startswith(f"{SCHEME}://")


@contextlib.contextmanager
def run_by(runner: Runner) -> Iterator[None]:
    """Within, allensdk's environment is run by `runner`."""
    token = _runner.set(runner)
    try:
        yield
    finally:
        _runner.reset(token)


def python_of_environment() -> Path:
    """The Python that has allensdk; BadInput where `make allen` was not run."""
    found = ENVIRONMENT / "bin" / "python"
    if not found.exists() or not (ENVIRONMENT / ".stamp").exists():
        raise BadInput(
            f"allensdk's environment is not there ({ENVIRONMENT}): run `make allen` in the clone (it takes a minute), "
            "or use a data set that is read without it, such as allen-visual-coding"
        )
    return found


def make(url: str, target: Path, root: Path) -> None:
    """Have allensdk fetch what an address names, and write it to `target`. root : of the raw folder

    Raises BadInput for an address of another form, an environment that is not there, an id that the warehouse does
    not have, and a warehouse that does not answer.
    """
    match = ADDRESS.fullmatch(url)
    if match is None:
        raise BadInput(
            f"{url!r} is not what allensdk reads: give {SCHEME}://api.brain-map.org/ecephys/<id> or ophys/<id>"
        )
    python = python_of_environment()
    runner = _runner.get()
    if runner is None:
        raise BadInput(f"{url} is fetched by allensdk, in a step of Dagster: `neuropipe run recording --session KEY`")
    host = match["host"]
    printed = target.with_suffix(".printed")
    job = {**match.groupdict(), "output": str(target), "printed": str(printed)}
    job["cache"] = str(root / SCHEME / re.sub(r"[^A-Za-z0-9.-]", "_", host))
    try:
        said = runner([str(python), "-P", str(SCRIPT)], job)
        if "refused" in said:
            raise BadInput(str(said["refused"]))
        if "done" not in said or not target.is_file():
            raise BadInput(f"allensdk died without an answer{_last_line(printed)}; run it again")
    finally:
        printed.unlink(missing_ok=True)


def _last_line(printed: Path) -> str:
    lines = printed.read_text(errors="replace").strip().splitlines() if printed.exists() else []
    return f"; the last it printed was {lines[-1][:300]!r}" if lines else ""
