"""How good events are where the true spikes are known: correlation, detection errors, count and lag, for each cell.

correlation : Pearson's, of true spike counts and events in bins of 40 ms, both smoothed by the same Gaussian
error_rate : 1 - F1, F1 the harmonic mean of precision and recall (Deneux et al. 2016, doi:10.1038/ncomms12190). Events
    are graded, so they are matched to true spikes by the piece: half an event makes half a spike if one is within the
    tolerance. Precision is the matched share of the events, recall that of the spikes; no threshold is chosen
bias : (sum of events - number of true spikes) / number of true spikes
lag : where the cross-correlation of events and true spikes peaks, s; positive where events come late

Events in other units than spikes are first scaled to the true number of spikes of the cell; their bias is NaN.
Intervals are percentiles over resampled blocks of time (of a cell) or over resampled cells (of a data set).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from neuropipe.calcium.preprocessing import frame_rate_of
from neuropipe.errors import BadInput

SMOOTHINGS = (0.0, 0.04, 0.08, 0.1, 0.2)  # s, SD of the Gaussian
BIN = 0.04  # s
LAG_BIN, LAG_SMOOTHING, LONGEST_LAG = 0.02, 0.08, 0.5  # s
METRICS = ("correlation", "error_rate", "precision", "recall", "bias", "lag")


def score(
    events: np.ndarray,
    frame_times: np.ndarray,
    spike_times: np.ndarray,
    spike_offsets: np.ndarray,
    *,
    in_spikes: bool = True,
    smoothings: Sequence[float] = SMOOTHINGS,
    bin_width: float = BIN,
    tolerance: float = 0.1,
    block: float = 10.0,
    n_resamples: int = 500,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """One row a cell and smoothing: roi, smoothing, n_spikes, and each of METRICS with `_low` and `_high` beside it.

    events : (time, roi) >= 0; frame_times : (time,) s; spike_times : s, those of ROI r from spike_offsets[r] to
    spike_offsets[r + 1]; in_spikes : whether events are expected spikes; smoothings, bin_width, tolerance, block : s.
    Only the correlation depends on the smoothing. A cell without spikes (or events) has NaN where a score is undefined.
    """
    events, frame_times = np.asarray(events, np.float64), np.asarray(frame_times, np.float64)
    spike_times, spike_offsets = np.asarray(spike_times, np.float64), np.asarray(spike_offsets)
    frame_width = 1 / frame_rate_of(frame_times)
    if events.ndim != 2 or len(events) != len(frame_times):
        raise BadInput(f"events to score are (time, roi) with a frame time each: {events.shape}, {frame_times.shape}")
    if len(spike_offsets) != events.shape[1] + 1:
        raise BadInput(f"{events.shape[1]} ROIs need {events.shape[1] + 1} spike_offsets, found {len(spike_offsets)}")
    if not (np.isfinite(events).all() and (events >= 0).all()):
        raise BadInput("events to score must be finite and not negative; deconvolve gaps before scoring")
    rows = []
    for roi in range(events.shape[1]):
        spikes = np.sort(spike_times[spike_offsets[roi] : spike_offsets[roi + 1]])
        start, stop = frame_times[0] - frame_width / 2, frame_times[-1] + frame_width / 2
        spikes = spikes[(spikes >= start) & (spikes < stop)]  # NaN is neither
        cell = _Cell(events[:, roi], frame_times, frame_width, spikes, in_spikes)
        rng = np.random.default_rng([seed, roi])
        n_blocks = max(1, int((stop - start) / block))
        picks = rng.multinomial(n_blocks, np.full(n_blocks, 1 / n_blocks), size=n_resamples)
        weights = np.vstack([np.ones(n_blocks), picks])  # the first row is the recording itself
        shared = {
            **_detections(cell, n_blocks, tolerance, weights),
            "bias": _bias(cell, n_blocks, weights) if in_spikes else np.full(len(weights), np.nan),
            "lag": _lag(cell, n_blocks, weights),
        }
        for smoothing in smoothings:
            values = {"correlation": _correlation(cell, bin_width, smoothing, n_blocks, weights), **shared}
            row = {"roi": roi, "smoothing": smoothing, "n_spikes": len(spikes)}
            for metric in METRICS:
                row[metric] = values[metric][0]
                row[f"{metric}_low"], row[f"{metric}_high"] = _percentiles(values[metric][1:], level)
            rows.append(row)
    return pd.DataFrame(rows)


def summary(table: pd.DataFrame, *, n_resamples: int = 2000, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Over cells: columns smoothing, metric, value (mean), low, high, n_cells, from the rows of `score`."""
    rows = []
    for smoothing, cells in table.groupby("smoothing", sort=True):
        for metric in METRICS:
            values = cells[metric].dropna().to_numpy()
            if not len(values):
                continue
            picks = np.random.default_rng(seed).integers(len(values), size=(n_resamples, len(values)))
            low, high = _percentiles(values[picks].mean(1), level)
            rows.append((smoothing, metric, values.mean(), low, high, len(values)))
    return pd.DataFrame(rows, columns=["smoothing", "metric", "value", "low", "high", "n_cells"])


class _Cell:
    """Events as a rate that is constant over each frame, and true spikes, of one cell.

    events, frame_times : (time,), frames centred on their times; spikes : (n,) s, ascending
    """

    def __init__(self, events, frame_times, frame_width, spikes, in_spikes):
        self.edges = np.append(frame_times - frame_width / 2, frame_times[-1] + frame_width / 2)
        self.start, self.stop = self.edges[0], self.edges[-1]
        self.times, self.spikes = frame_times, spikes
        surplus = 1.0 if in_spikes or not events.any() else events.sum() / max(len(spikes), 1)
        self.events = events / surplus
        self.total = np.append(0.0, np.cumsum(self.events))

    def binned(self, width: float) -> tuple[np.ndarray, np.ndarray]:
        """(bin,) events and (bin,) true counts from the beginning of the first frame on."""
        edges = np.arange(self.start, self.stop + 1e-9, width)
        return np.diff(np.interp(edges, self.edges, self.total)), np.histogram(self.spikes, edges)[0].astype(float)


def _blocks(times: np.ndarray, cell: _Cell, n_blocks: int) -> np.ndarray:
    """The block of time of each of `times`."""
    share = (times - cell.start) / (cell.stop - cell.start)
    return np.clip((share * n_blocks).astype(int), 0, n_blocks - 1)


def _correlation(cell: _Cell, width: float, smoothing: float, n_blocks: int, weights: np.ndarray) -> np.ndarray:
    from scipy.ndimage import gaussian_filter1d

    pair = np.stack(cell.binned(width))
    if smoothing > 0:
        pair = gaussian_filter1d(pair, smoothing / width, axis=1)
    a, b = pair
    block = _blocks(cell.start + (np.arange(len(a)) + 0.5) * width, cell, n_blocks)
    n, sa, sb, saa, sbb, sab = (
        weights @ np.bincount(block, values, minlength=n_blocks)
        for values in (np.ones_like(a), a, b, a * a, b * b, a * b)
    )
    spread = np.maximum(saa - sa * sa / n, 0) * np.maximum(sbb - sb * sb / n, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 0, (sab - sa * sb / n) / np.sqrt(spread), np.nan)


def _detections(cell: _Cell, n_blocks: int, tolerance: float, weights: np.ndarray) -> dict[str, np.ndarray]:
    times, sizes = cell.times[cell.events > 0], cell.events[cell.events > 0]
    matched_sizes, matched_spikes = match(times, sizes, cell.spikes, tolerance)

    def per_resample(at: np.ndarray, amounts: np.ndarray) -> np.ndarray:
        return weights @ np.bincount(_blocks(at, cell, n_blocks), amounts, minlength=n_blocks)

    with np.errstate(invalid="ignore", divide="ignore"):
        precision = per_resample(times, matched_sizes) / per_resample(times, sizes)
        recall = per_resample(cell.spikes, matched_spikes) / per_resample(cell.spikes, np.ones(len(cell.spikes)))
        f1 = np.where(precision + recall > 0, 2 * precision * recall / (precision + recall), 0.0)
    f1[np.isnan(recall)] = np.nan
    return {"error_rate": 1 - f1, "precision": precision, "recall": recall}


def match(times: np.ndarray, sizes: np.ndarray, spikes: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """How much of each event, and of each spike, finds a partner within `tolerance` s; as much in all as can.

    times, sizes : of events (n,); spikes : (k,) times; both in order of time; returns (n,) and (k,)
    """
    events_left, spikes_left = sizes.tolist(), [1.0] * len(spikes)
    event, spike = 0, 0
    while event < len(times) and spike < len(spikes):
        # in order of time, the first two that are near enough: no other choice matches more
        apart = times[event] - spikes[spike]
        if abs(apart) <= tolerance:
            piece = min(events_left[event], spikes_left[spike])
            events_left[event] -= piece
            spikes_left[spike] -= piece
            if events_left[event] <= 0:
                event += 1
            else:
                spike += 1
        elif apart < 0:
            event += 1
        else:
            spike += 1
    return sizes - np.array(events_left), 1 - np.array(spikes_left)


def _bias(cell: _Cell, n_blocks: int, weights: np.ndarray) -> np.ndarray:
    estimated, true = cell.binned(BIN)
    block = _blocks(cell.start + (np.arange(len(true)) + 0.5) * BIN, cell, n_blocks)
    sums = [weights @ np.bincount(block, values, minlength=n_blocks) for values in (estimated, true)]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(sums[1] > 0, sums[0] / sums[1] - 1, np.nan)


def _lag(cell: _Cell, n_blocks: int, weights: np.ndarray) -> np.ndarray:
    """Peak of the cross-correlation of the smoothed pair, between bins by the parabola through the highest three."""
    from scipy.ndimage import gaussian_filter1d

    pair = gaussian_filter1d(np.stack(cell.binned(LAG_BIN)), LAG_SMOOTHING / LAG_BIN, axis=1)
    estimated, true = pair - pair.mean(1, keepdims=True)
    reach = round(LONGEST_LAG / LAG_BIN)
    if len(true) <= 2 * reach or not true.any() or not estimated.any():
        return np.full(len(weights), np.nan)
    times = cell.start + (np.arange(len(true)) + 0.5) * LAG_BIN
    inner = slice(reach, len(true) - reach)
    block = _blocks(times[inner], cell, n_blocks)
    shifts = np.arange(-reach, reach + 1)
    products = [true[inner] * estimated[reach + s : len(true) - reach + s] for s in shifts]
    curve = weights @ np.stack([np.bincount(block, product, minlength=n_blocks) for product in products], axis=1)
    peak = curve.argmax(1).clip(1, len(shifts) - 2)
    left, top, right = (curve[np.arange(len(curve)), peak + step] for step in (-1, 0, 1))
    bend = left - 2 * top + right
    between = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, 1), 0).clip(-1, 1)
    return (shifts[peak] + between) * LAG_BIN


def _percentiles(values: np.ndarray, level: float) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not len(values):
        return np.nan, np.nan
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
