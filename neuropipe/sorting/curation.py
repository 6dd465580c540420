"""Curation: which sorted units are kept, by thresholds on their quality metrics or by labels of published rules."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput

# metric -> (setting, whether the setting is the least that is allowed, words)
_RULES = {
    "num_spikes": ("min_spikes", True),
    "snr": ("min_snr", True),
    "firing_rate": ("min_firing_rate", True),
    "presence_ratio": ("min_presence_ratio", True),
    "isi_violations_ratio": ("max_isi_violations_ratio", False),
    "amplitude_cutoff": ("max_amplitude_cutoff", False),
    "drift_ptp": ("max_drift", False),
}


@dataclass(frozen=True)
class Thresholds:
    """Units outside any of these are rejected; a metric that is NaN, as nothing can be said of it, rejects none.

    The defaults are those with which the Allen Institute publishes units (presence_ratio, isi_violations_ratio,
    amplitude_cutoff), and units must be seen. max_drift : um, None for any; labels : keep units of these labels alone;
    those of bombcell are good, mua, noise and non_soma
    """

    min_spikes: int = 50
    min_snr: float = 3.0
    min_firing_rate: float = 0.1
    min_presence_ratio: float = 0.9
    max_isi_violations_ratio: float = 0.5
    max_amplitude_cutoff: float = 0.1
    max_drift: float | None = None
    labels: tuple[str, ...] = ()


def curate(metrics: pd.DataFrame, thresholds: Thresholds) -> np.ndarray:
    """(unit,) why each unit is rejected, "" for those that are kept. metrics : a row per unit."""
    why = np.full(len(metrics), "", dtype=object)
    for metric, (setting, is_least) in _RULES.items():
        limit, values = getattr(thresholds, setting), metrics[metric].to_numpy(np.float64)
        if limit is None:
            continue
        outside = values < limit if is_least else values > limit
        for unit in np.flatnonzero(outside & (why == "")):
            why[unit] = f"{metric} {values[unit]:.3g} is {'below' if is_least else 'above'} {limit:g}"
    if thresholds.labels:
        known = sorted(set(metrics["label"])) if "label" in metrics else []
        if not known:
            raise BadInput("labels are asked for, and none were made: set labels of quality_metrics to 'bombcell'")
        for unit in np.flatnonzero(~metrics["label"].isin(thresholds.labels).to_numpy() & (why == "")):
            why[unit] = f"label {metrics['label'].iloc[unit]}"
    return why
