"""The way from this package to the pipeline: in the clone beside it, or in the one that NEUROPIPE_HOME names."""

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

from neuropipe.errors import BadInput


def main() -> None:
    """The `neuropipe` command."""
    try:
        module = from_clone("assets.cli")
    except BadInput as error:
        sys.exit(f"neuropipe: {error}")
    module.main()


def from_clone(name: str) -> ModuleType:
    """A module of the pipeline. Raises BadInput where there is no clone."""
    clone = Path(os.environ.get("NEUROPIPE_HOME") or Path(__file__).resolve().parent.parent).absolute()
    if not (clone / "assets" / "pipeline.py").is_file():
        raise BadInput(
            f"there is no clone of the repository in {clone}, and the pipeline runs from one: install the package from "
            "a clone (`pip install -e .`), or set NEUROPIPE_HOME to it"
        )
    # The clone comes first: a folder called `resources` in the working directory must not shadow ours.
    if sys.path[:1] != [str(clone)]:
        sys.path.insert(0, str(clone))
    return importlib.import_module(name)
