"""Lupin, as SpikeInterface carries it."""

from pathlib import Path
from typing import Any

from neuropipe.registry import sorter
from neuropipe.sorting.component_sorter import sort_with


@sorter("lupin", tools=("spikeinterface", "numba", "scipy", "scikit-learn", "torch"), slow=True)
def lupin(
    recording: Any, folder: Path, *, seed: int = 0, detect_threshold: float = 5.0, min_firing_rate: float = 0.1
) -> Any:
    """Iterative isosplit clustering and template matching by wobble (Lupin, in SpikeInterface).

    detect_threshold : SDs of the noise; min_firing_rate : Hz, units that fire less are left out
    """
    settings = {
        "apply_preprocessing": False,
        "apply_motion_correction": False,
        "detect_threshold": detect_threshold,
        "min_firing_rate": min_firing_rate,
        "save_array": False,  # SpikeInterface writes it as zarr, which it can't beside zarr 3
        "job_kwargs": {"n_jobs": 1, "progress_bar": False},
        "seed": seed,
    }
    return sort_with("lupin", recording, folder, settings)
