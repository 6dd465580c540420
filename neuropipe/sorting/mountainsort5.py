"""MountainSort 5, where it is installed."""

from pathlib import Path
from typing import Any

from neuropipe.registry import sorter
from neuropipe.sorting.component_sorter import sort_with


@sorter("mountainsort5", tools=("spikeinterface", "mountainsort5"), install="mountainsort5==0.5.9 faiss-cpu", slow=True)
def mountainsort5(
    recording: Any, folder: Path, *, seed: int = 0, detect_threshold: float = 5.5, scheme: str = "2"
) -> Any:
    """Isosplit clustering in short stretches and classification of all spikes (Chung et al. 2017, Neuron 95:1381).

    detect_threshold : SDs of the whitened noise; scheme : 1, 2 or 3, as MountainSort 5 calls them
    """
    settings = {"filter": False, "detect_threshold": detect_threshold, "scheme": scheme, "whitening_seed": seed}
    return sort_with("mountainsort5", recording, folder, settings)
