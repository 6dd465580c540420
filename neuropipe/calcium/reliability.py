"""Whether events are worse where their uncertainty says so, on recordings with true spikes."""

import numpy as np
import pandas as pd

from neuropipe.calcium.preprocessing import frame_rate_of
from neuropipe.calcium.scores import BIN

SMOOTHING = 0.08  # s
GROUPS = 10


def reliability(
    events: np.ndarray, uncertainty: np.ndarray, frame_times: np.ndarray, spikes: np.ndarray
) -> pd.DataFrame:
    """One row a tenth of the bins of 40 ms, from the surest to the least sure: group, uncertainty, error, n_bins.

    events, uncertainty : (time,) expected spikes a frame and their SD; frame_times : (time,) s; spikes : (n,) s. Events
    and spikes are smoothed by a Gaussian of 80 ms, and so is the uncertainty, as if errors of neighbouring frames were
    the same; error is the root of the mean square.
    """
    from scipy.ndimage import gaussian_filter1d

    half = 0.5 / frame_rate_of(frame_times)
    ends = np.append(frame_times - half, frame_times[-1] + half)
    edges = np.arange(ends[0], ends[-1] + 1e-9, BIN)
    found, doubt = (np.diff(np.interp(edges, ends, np.append(0, np.cumsum(each)))) for each in (events, uncertainty))
    true = np.histogram(spikes, edges)[0].astype(float)
    found, doubt, true = (gaussian_filter1d(each, SMOOTHING / BIN) for each in (found, doubt, true))
    order = np.argsort(doubt, kind="stable")
    rows = [
        (group, doubt[bins].mean(), np.sqrt(((found - true)[bins] ** 2).mean()), len(bins))
        for group, bins in enumerate(np.array_split(order, GROUPS))
        if len(bins)
    ]
    return pd.DataFrame(rows, columns=["group", "uncertainty", "error", "n_bins"])


def over_cells(table: pd.DataFrame) -> pd.DataFrame:
    """The same of all cells together: uncertainty and error of each group, root mean squares over bins."""
    squares = table.assign(
        uncertainty=table["n_bins"] * table["uncertainty"] ** 2, error=table["n_bins"] * table["error"] ** 2
    )
    total = squares.groupby("group", as_index=False)[["uncertainty", "error", "n_bins"]].sum()
    for name in ("uncertainty", "error"):
        total[name] = np.sqrt(total[name] / total["n_bins"])
    return total


def growth(table: pd.DataFrame) -> float:
    """Spearman correlation of uncertainty and error over the groups of one cell; NaN where neither varies."""
    return float(table["uncertainty"].corr(table["error"], method="spearman"))
