"""Free space on the disk, checked before work starts rather than at its end."""

import shutil
from pathlib import Path

from neuropipe.errors import BadInput


def need_disk(folder: Path, n_bytes: int, what: str) -> None:
    """Refuse to write `what`, up to `n_bytes`, into an existing folder whose disk has less room."""
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise BadInput(
            f"{what} needs {n_bytes:,} bytes in {folder}, where {free:,} are free; "
            "make room there, or put the data folder on a larger disk, and run again"
        )
