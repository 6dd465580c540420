"""SpikeInterface's simple sorter: detection and clustering, without template matching."""

from pathlib import Path
from typing import Any

from neuropipe.registry import sorter
from neuropipe.sorting.component_sorter import sort_with


@sorter("simple", tools=("spikeinterface", "hdbscan", "numba", "scipy", "scikit-learn"), slow=True)
def simple(recording: Any, folder: Path, *, seed: int = 0, detect_threshold: float = 5.0) -> Any:
    """Detected peaks, clustered by HDBSCAN in the space of their principal components: quick, and loses overlaps.

    detect_threshold : SDs of the noise
    """
    settings = {
        "apply_preprocessing": False,
        "detect_threshold": detect_threshold,
        "job_kwargs": {"n_jobs": 1, "progress_bar": False},
        "seed": seed,
    }
    return sort_with("simple", recording, folder, settings)
