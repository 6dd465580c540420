"""Activity and behaviour in bins that follow each other, and which bins are samples."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.binning.continuous import Grid, average_in_bins, count_spikes, rebin_published, sample_bins
from neuropipe.binning.events import bin_events, events_in_windows, frame_edges
from neuropipe.binning.signals import segment_spans
from neuropipe.errors import BadInput
from neuropipe.recording import SpikeTrains, TimeCounts, TimeSeries
from neuropipe.schemas.activity import Activity
from neuropipe.schemas.base import Check
from neuropipe.schemas.binned import TimeBins
from neuropipe.schemas.chunks import roi_blocks
from neuropipe.schemas.recording import Recording
from neuropipe.tasks.binning import average_signals, check_sums, recorded_units
from neuropipe.tasks.regression import RegressionEntry

Stretches = list[tuple[float, float]]


def bin_time(entry: RegressionEntry, activity: Activity, recording: Recording, scratch: Path) -> TimeBins:
    """activity (time, unit), targets (time, target) and the table of samples: bins with behaviour and a history.

    A sample's window never crosses a segment. Raises BadInput where no bin is a sample.
    """
    series = {name: recording.series(name) for name in entry.targets}
    units, expected, check = None, 0.0, None
    if activity.signals is not None:
        grid = _sampled_grid(activity, recording, entry, series)
        counts, check = _average(activity, grid)
    elif activity.events is None:
        grid, counts, expected = _count(activity, recording, entry, series)
    else:
        stretches = _stretches(recording, entry.epoch) or [_imaged(series, activity.frame_times[:])]
        grid = Grid.of(stretches, entry.bin_width)
        counts, expected, units = _bin_events(activity, grid)
    targets = np.hstack([average_in_bins(each, grid, circular=entry.circular) for each in series.values()])
    names = target_names(series)
    known = np.asarray(np.isfinite(targets).all(axis=1))
    bins = sample_bins(grid.segments, entry.history, known)
    if len(bins) == 0:
        raise BadInput(
            f"no bin of {entry.bin_width} s has both {entry.history} bins of history and a finite "
            f"{', '.join(entry.targets)}; the recording has {len(counts)} bins"
        )
    stops = grid.edges[bins] + grid.bin_width
    total = counts.sum(dtype=np.float64 if counts.dtype.kind == "f" else np.int64).item()
    amounts: dict[str, Any] = {"quantity": activity.quantity}
    if activity.signals is None:
        name = "spikes" if activity.events is None else "events"
        amounts = {"silent_units": int((counts.max(axis=0) == 0).sum()), name: round(total, 3)}
    return TimeBins(
        activity=counts,
        targets=targets,
        segments=grid.segments,
        samples=pd.DataFrame({"bin": bins, "start": stops - entry.history * grid.bin_width, "stop": stops}),
        units=units,
        bin_width=grid.bin_width,
        history=entry.history,
        names=tuple(names),
        circular=entry.circular,
        checks={"sums": check or check_sums(counts.dtype, total, expected)},
        facts={
            "samples": len(bins),
            "bins": counts.shape[0],
            "units": counts.shape[1],
            "segments": len(grid.segments),
            **amounts,
            "targets": names,
            "left_out": {"no behaviour": int((~np.isfinite(targets).all(axis=1)).sum())},
        },
    )


def _sampled_grid(
    activity: Activity, recording: Recording, entry: RegressionEntry, series: Mapping[str, TimeSeries]
) -> Grid:
    """Bins of the moments at which behaviour was observed and signals were sampled, cut where signals pause."""
    spans = segment_spans(activity.segments[:], activity.segment_starts[:], activity.sampling_rate or 1.0)
    stretches = _stretches(recording, entry.epoch) or [_observed(series)]
    shared = [(max(a, first), min(b, last)) for a, b in stretches for first, last in spans]
    return Grid.of([(start, stop) for start, stop in shared if stop > start], entry.bin_width)


def _average(activity: Activity, grid: Grid) -> tuple[np.ndarray, Check]:
    """Mean signals (time, unit) in the bins of the grid, and the check of their sums."""
    values, check = average_signals(activity, grid.edges, grid.bin_width, 1)
    return values[:, 0], check


def _bin_events(activity: Activity, grid: Grid) -> tuple[np.ndarray, float, np.ndarray]:
    """activity (time, unit) of the ROIs recorded throughout, the sum of their events, and which ROIs they are."""
    frame_times = activity.frame_times[:]
    parts, sums = [], []
    for start, n_bins in zip(grid.starts, grid.n_bins, strict=True):
        begin = np.array([start])
        blocks = [activity.events[:, rois] for rois in roi_blocks(activity.events)]
        parts.append(np.hstack([bin_events(b, frame_times, begin, grid.bin_width, int(n_bins))[0] for b in blocks]))
        sums.append(np.hstack([events_in_windows(b, frame_times, begin, n_bins * grid.bin_width) for b in blocks]))
    values = np.concatenate(parts)
    kept = recorded_units(values)
    return values[:, kept], float(np.concatenate(sums)[:, kept].sum()), kept


def _count(
    activity: Activity, recording: Recording, entry: RegressionEntry, series: Mapping[str, TimeSeries]
) -> tuple[Grid, np.ndarray, int]:
    """The grid, counts (time, unit), and the number of spikes counted another way."""
    stretches = _stretches(recording, entry.epoch)
    if activity.trial_counts is not None:
        raise BadInput(f"the counts are cut into trials; decoding {', '.join(series)} needs continuous ones")
    if activity.time_counts is not None:
        whole = TimeCounts(activity.time_counts[:], *activity.published)
        grid, counts = rebin_published(whole, stretches, entry.bin_width)
        first = np.rint((grid.starts - whole.start) / whole.bin_width).astype(int)
        last = np.rint((grid.starts + grid.n_bins * grid.bin_width - whole.start) / whole.bin_width).astype(int)
        expected = sum(int(whole.counts[a:b].sum(dtype=np.int64)) for a, b in zip(first, last, strict=True))
        return grid, counts, expected
    grid = Grid.of(stretches if stretches is not None else [_observed(series)], entry.bin_width)
    spikes = SpikeTrains(activity.times[:], activity.offsets[:])
    ordered = np.sort(spikes.times)
    ends = grid.starts + grid.n_bins * grid.bin_width
    expected = int((np.searchsorted(ordered, ends) - np.searchsorted(ordered, grid.starts)).sum())
    return grid, count_spikes(spikes, grid), expected


def _observed(series: Mapping[str, TimeSeries]) -> tuple[float, float]:
    """From the first to the last moment at which all behaviour was observed, s."""
    return max(each.times[0] for each in series.values()), min(each.times[-1] for each in series.values())


def _imaged(series: Mapping[str, TimeSeries], frame_times: np.ndarray) -> tuple[float, float]:
    """From the first to the last moment at which behaviour was observed and ROIs were imaged, s."""
    frames, (first, last) = frame_edges(frame_times), _observed(series)
    return max(first, frames[0]), min(last, frames[-1])


def _stretches(recording: Recording, epoch: str | None) -> Stretches | None:
    if epoch is None:
        return None
    if recording.epochs is None:
        raise BadInput(f"the recording has no epochs, so there is none called {epoch!r}")
    found = recording.epochs[recording.epochs["name"] == epoch]
    if found.empty:
        known = ", ".join(sorted(set(recording.epochs["name"])))
        raise BadInput(f"no epoch is called {epoch!r}; there are {known}")
    return list(zip(found["start"], found["stop"], strict=True))


def target_names(series: Mapping[str, TimeSeries]) -> list[str]:
    """One name per target: the series', with its column where it has several."""
    names = []
    for name, each in series.items():
        n_columns = 1 if each.values.ndim == 1 else each.values.shape[1]
        columns = each.columns or tuple(str(column) for column in range(n_columns))
        names += [name] if n_columns == 1 else [f"{name}_{column}" for column in columns]
    return names
