"""Execute docs/tutorial.ipynb in place: `make tutorial`."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[1] / "tutorial.ipynb"


def executed() -> nbformat.NotebookNode:
    """The notebook with the output that its code gives now; no times, so that only what changed differs."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    return NotebookClient(notebook, timeout=120, record_timing=False).execute()


if __name__ == "__main__":
    nbformat.write(executed(), NOTEBOOK)
