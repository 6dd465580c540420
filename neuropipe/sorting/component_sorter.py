"""Calls a sorter that SpikeInterface carries or wraps, on voltage that was filtered and referenced already."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

CHANNELS_TO_COMPILE_FOR = 64


def sort_with(name: str, recording: Any, folder: Path, settings: Mapping[str, Any]) -> Any:
    """The sorting that SpikeInterface's sorter `name` makes with these settings; its errors are raised.

    On small probes the similarity of templates is computed by numpy: its parallel numba kernel takes longer to compile
    than the whole of the sorting takes.
    """
    from spikeinterface.core import set_global_job_kwargs
    from spikeinterface.postprocessing import template_similarity
    from spikeinterface.sorters import run_sorter

    set_global_job_kwargs(n_jobs=1, progress_bar=False)
    if recording.get_num_channels() <= CHANNELS_TO_COMPILE_FOR:
        template_similarity._compute_similarity_matrix = template_similarity._compute_similarity_matrix_numpy
    recording.annotate(is_filtered=True)
    return run_sorter(name, recording, folder=folder, verbose=False, raise_error=True, **settings)
