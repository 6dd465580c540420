"""Quality metrics of sorted units, from spike times, sizes and places, defined as in SpikeInterface."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from neuropipe.recording import SpikeTrains

SPIKES_TO_JUDGE = 500  # fewer don't tell a distribution of amplitudes
SPIKES_PER_INTERVAL = 5
BINS_OF_RATES = 100
CONTAMINATIONS = np.arange(0.5, 35.5, 0.5) / 100
LAG_BIN, LONGEST_LAG, FIRST_LAG = 0.00025, 0.010, 0.0005  # s


@dataclass(frozen=True)
class QualitySettings:
    """refractory : s, intervals below it are violations; presence_bin, drift_bin : s, stretches that a unit should fire
    in, and that its place is the median of."""

    refractory: float = 0.0015
    presence_bin: float = 10.0
    drift_bin: float = 10.0


def quality_metrics(
    spikes: SpikeTrains,
    amplitudes: np.ndarray,
    depths: np.ndarray,
    duration: float,
    settings: QualitySettings,
    *,
    start: float = 0.0,
) -> pd.DataFrame:
    """A row per unit. amplitudes : (spike,) uV; depths : (spike,) um; duration, start : s, of the recording

    num_spikes; firing_rate (Hz); isi_violations_ratio, contaminating over own rate (Hill et al. 2011, J Neurosci
    31:8699); sliding_rp_violation, the smallest contamination that is ruled out with 90 % confidence, over refractory
    periods (IBL 2024; NaN: none is); presence_ratio; amplitude_median (uV); amplitude_cutoff, fraction of spikes too
    small to be detected; noise_cutoff (IBL), counts of small spikes in SDs above those of large ones; drift_ptp and
    drift_std (um). NaN where there are too few spikes to say.
    """
    rows = []
    for unit in range(spikes.n_units):
        own = slice(int(spikes.offsets[unit]), int(spikes.offsets[unit + 1]))
        times = spikes.times[own] - start
        sizes, places = np.asarray(amplitudes[own], np.float64), np.asarray(depths[own], np.float64)
        sizes = -sizes if len(sizes) and np.median(sizes) < 0 else sizes
        spread, ptp = drift(times, places, duration, settings.drift_bin)
        rows.append(
            {
                "num_spikes": len(times),
                "firing_rate": len(times) / duration,
                "isi_violations_ratio": isi_violations_ratio(times, duration, settings.refractory),
                "sliding_rp_violation": sliding_rp_violation(times, duration),
                "presence_ratio": presence_ratio(times, duration, settings.presence_bin),
                "amplitude_median": float(np.median(sizes)) if len(sizes) else np.nan,
                "amplitude_cutoff": amplitude_cutoff(sizes),
                "noise_cutoff": noise_cutoff(sizes),
                "drift_ptp": ptp,
                "drift_std": spread,
            }
        )
    return pd.DataFrame(rows)


def isi_violations_ratio(times: np.ndarray, duration: float, refractory: float) -> float:
    """Rate of violations over what spikes of another neuron at the unit's own rate would make; NaN without spikes."""
    if len(times) == 0:
        return np.nan
    violations = int((np.diff(times) < refractory).sum())
    return violations * duration / (2 * len(times) ** 2 * refractory)


def sliding_rp_violation(times: np.ndarray, duration: float) -> float:
    """The smallest contamination of 0.5 to 35 % that is ruled out with 90 % confidence at any refractory period."""
    from scipy.stats import poisson

    n_spikes = len(times)
    if n_spikes < 2:
        return np.nan
    edges = np.arange(int(LONGEST_LAG / LAG_BIN) + 1) * LAG_BIN
    seen = np.cumsum(_autocorrelogram(times, edges))
    others, own = n_spikes * CONTAMINATIONS[:, None], n_spikes * (1 - CONTAMINATIONS[:, None])
    expected = 2 * edges[1:] / duration * others * (own + (others - 1) / 2)
    confidence = 1 - poisson.cdf(seen, expected)
    tested = (edges[:-1] + edges[1:]) / 2 > FIRST_LAG
    ruled_out = (confidence[:, tested] > 0.9).any(axis=1)
    return float(CONTAMINATIONS[np.argmax(ruled_out)]) if ruled_out.any() else np.nan


def _autocorrelogram(times: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Pairs of spikes by how far they lie apart, counted once each."""
    counts = np.zeros(len(edges) - 1, np.int64)
    for apart in range(1, len(times)):
        lags = times[apart:] - times[:-apart]
        near = lags[lags < edges[-1]]
        if len(near) == 0:
            break
        counts += np.histogram(near, edges)[0]
    return counts


def presence_ratio(times: np.ndarray, duration: float, width: float) -> float:
    """Fraction of whole stretches of `width` s in which the unit fires; NaN for a recording that is shorter."""
    n_bins = int(duration // width)
    if n_bins == 0:
        return np.nan
    return float((np.histogram(times, n_bins, (0, n_bins * width))[0] > 0).mean())


def amplitude_cutoff(sizes: np.ndarray) -> float:
    """Fraction of spikes missing below the smallest: the upper tail of the distribution says how long the lower is."""
    from scipy.ndimage import gaussian_filter1d

    if len(sizes) < SPIKES_TO_JUDGE:
        return np.nan
    density = gaussian_filter1d(np.histogram(sizes, BINS_OF_RATES)[0], 3, mode="nearest")
    above = np.flatnonzero(density >= density[0])[-1]
    missing = density[above + 1 :].sum()
    return float(min(missing / (len(sizes) + missing), 0.5))


def noise_cutoff(sizes: np.ndarray) -> float:
    """Counts of the smallest tenth of amplitudes over those of the largest quarter, in SDs of the latter."""
    if len(sizes) < SPIKES_TO_JUDGE:
        return np.nan
    counts, edges = np.histogram(sizes, BINS_OF_RATES)
    low = counts[edges[1:] <= np.quantile(sizes, 0.1)]
    high = counts[edges[:-1] >= np.quantile(sizes, 0.75)]
    if len(low) == 0 or len(high) < 2 or high.std() == 0:
        return np.nan
    return float((low.mean() - high.mean()) / high.std())


def drift(times: np.ndarray, depths: np.ndarray, duration: float, width: float) -> tuple[float, float]:
    """SD and range (um) of the unit's median depth in stretches of `width` s; NaN where most stretches say nothing."""
    n_bins = int(duration // width)
    if n_bins < 2 or len(times) == 0:
        return np.nan, np.nan
    bounds = np.searchsorted(times, np.arange(n_bins + 1) * width)
    medians = np.array(
        [
            np.median(depths[first:last]) if last - first >= SPIKES_PER_INTERVAL else np.nan
            for first, last in pairwise(bounds)
        ]
    )
    if np.isnan(medians).sum() > n_bins / 2:
        return np.nan, np.nan
    return float(np.nanstd(medians)), float(np.nanmax(medians) - np.nanmin(medians))
