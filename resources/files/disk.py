"""Whether what is to be written fits on the disk: said before the work rather than at its end."""

import shutil
from pathlib import Path

from neuropipe.errors import BadInput


def need_disk(folder: Path, n_bytes: int, what: str) -> None:
    """Refuse to start writing `what`, up to `n_bytes`, into an existing folder where it can't fit."""
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise BadInput(
            f"{what} needs {n_bytes:,} bytes in {folder}, where {free:,} are free; "
            "make room there, or put the data folder on a larger disk, and run again"
        )
