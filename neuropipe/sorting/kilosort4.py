"""Kilosort 4, where it is installed: made for graphics cards and long recordings of dense probes."""

from pathlib import Path
from typing import Any

from neuropipe.registry import sorter
from neuropipe.sorting.component_sorter import sort_with


@sorter("kilosort4", tools=("spikeinterface", "kilosort", "torch"), install="kilosort==4.1.7", slow=True)
def kilosort4(
    recording: Any,
    folder: Path,
    *,
    seed: int = 0,
    universal_threshold: float = 9.0,
    learned_threshold: float = 8.0,
    device: str = "auto",
) -> Any:
    """Graph-based clustering and template matching (Pachitariu et al. 2024, Nature Methods 21:914).

    Motion is corrected before, so its own correction is off. universal_threshold, learned_threshold : Th_universal and
    Th_learned of Kilosort; device : `auto`, `cpu` or `cuda`. It is its own seed's: `seed` sets PyTorch's.
    """
    import torch

    settings = {
        "do_correction": False,
        "do_CAR": False,
        "Th_universal": universal_threshold,
        "Th_learned": learned_threshold,
        "torch_device": device,
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return sort_with("kilosort4", recording, folder, settings)
