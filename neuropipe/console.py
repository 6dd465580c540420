"""The `neuropipe` command: hands over to the pipeline's command line, which lives in the clone beside this package."""

import importlib
import sys
from pathlib import Path


def main() -> None:
    clone = Path(__file__).resolve().parent.parent
    if not (clone / "assets" / "cli" / "__init__.py").is_file():
        sys.exit("neuropipe: only the library is installed; run the pipeline from a clone of the repository (make run)")
    # The clone comes first: a folder called `resources` in the working directory must not shadow ours.
    sys.path.insert(0, str(clone))
    importlib.import_module("assets.cli").main()
