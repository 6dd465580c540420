"""SpyKING CIRCUS 2, as SpikeInterface carries it: fast on a CPU."""

from pathlib import Path
from typing import Any

from neuropipe.registry import sorter
from neuropipe.sorting.component_sorter import sort_with


@sorter("spykingcircus2", tools=("spikeinterface", "hdbscan", "numba", "scipy", "scikit-learn", "torch"))
def spykingcircus2(
    recording: Any,
    folder: Path,
    *,
    seed: int = 0,
    detect_threshold: float = 5.0,
    radius: float = 100.0,
    min_snr: float = 5.0,
    min_firing_rate: float = 0.1,
    merge_difference: float = 0.25,
) -> Any:
    """Matched-filter detection, iterative HDBSCAN and orthogonal matching pursuit (Yger et al. 2018, eLife 7:e34518).

    detect_threshold : SDs of the noise; radius : um, around a peak; min_snr : of a template; min_firing_rate : Hz
    merge_difference : units whose templates differ less, relative to their sum, are merged where their spikes show a
    refractory period of one neuron. SpikeInterface's own 0.5 merges neurons beside a tetrode in short recordings, which
    are too short for the test.
    """
    settings = {
        "apply_preprocessing": False,
        "apply_motion_correction": False,
        "general": {"ms_before": 0.5, "ms_after": 1.5, "radius_um": radius},
        "detection": {
            "method": "matched_filtering",
            "method_kwargs": {"peak_sign": "neg", "detect_threshold": detect_threshold},
            "pipeline_kwargs": {},
        },
        "cleaning": {
            "min_snr": min_snr,
            "max_jitter_ms": 0.2,
            "sparsify_threshold": 1,
            "mean_sd_ratio_threshold": 3,
        },
        "min_firing_rate": min_firing_rate,
        "merging": {
            "max_distance_um": 50,
            "template_diff_thresh": [
                round(0.05 * step, 2) for step in range(1, int(merge_difference / 0.05 + 1e-9) + 1)
            ],
        },
        "job_kwargs": {"n_jobs": 1, "progress_bar": False},
        "seed": seed,
    }
    return sort_with("spykingcircus2", recording, folder, settings)
