"""Listing folders that others change meanwhile."""

import os
from pathlib import Path


def everything_below(folder: Path) -> list[Path]:
    """All files and folders below a folder, sorted; what is removed meanwhile is left out. Links are not followed."""
    return sorted(Path(where, name) for where, folders, files in os.walk(folder) for name in (*folders, *files))
