"""Calls a sorter that SpikeInterface carries or wraps, on voltage that was filtered and referenced already."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def sort_with(name: str, recording: Any, folder: Path, settings: Mapping[str, Any]) -> Any:
    """The sorting that SpikeInterface's sorter `name` makes with these settings; its errors are raised."""
    from spikeinterface.core import set_global_job_kwargs
    from spikeinterface.sorters import run_sorter

    set_global_job_kwargs(n_jobs=1, progress_bar=False)
    recording.annotate(is_filtered=True)
    return run_sorter(name, recording, folder=folder, verbose=False, raise_error=True, **settings)
