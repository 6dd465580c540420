"""binned, for continuous sessions: counts and behaviour in every bin, and which bins are samples."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from assets.stages.tensors.binned_events import events_in_time
from neuropipe.binning.continuous import Grid, average_in_bins, count_spikes, rebin_published, sample_bins
from neuropipe.binning.events import frame_edges
from neuropipe.catalog import Session
from neuropipe.errors import BadInput
from neuropipe.plots import continuous as figures_time
from neuropipe.recording import SpikeTrains, TimeCounts
from resources.store.artifact import Artifact, Draft
from resources.store.binned_format import ACTIVITY, COUNTS, check_sums
from resources.store.recording_format import published_counts, read_behaviour

if TYPE_CHECKING:
    from assets.stages.tensors.binned import BinnedConfig


def bin_time(
    draft: Draft, session: Session, config: "BinnedConfig", recording: Artifact, events: Artifact | None
) -> None:
    """counts or activity (time, unit), targets (time, k), segments (segment, 2) in bins, and the table of samples.

    A sample is a bin whose behaviour is known, with its history; windows never cross a segment.
    """
    series = {name: read_behaviour(recording, name) for name in config.targets}
    if events is None:
        grid, counts, expected = _count(recording, config, session.key, series)
    else:
        grid = Grid.of(_stretches(recording, config, session.key) or [_imaged(series, events)], config.bin_width)
        counts, expected = events_in_time(draft, events, grid, session.key)
    targets = np.hstack([average_in_bins(each, grid, circular=config.circular) for each in series.values()])
    names = _names(series)
    bins = sample_bins(grid.segments, config.history, np.isfinite(targets).all(axis=1))
    if len(bins) == 0:
        raise BadInput(
            f"{session.key}: no bin of {config.bin_width} s has both {config.history} bins of history and a finite "
            f"{', '.join(config.targets)}; the recording has {len(counts)} bins"
        )
    attributes = {"bin_width": grid.bin_width, "history": config.history}
    draft.array(COUNTS if events is None else ACTIVITY, counts, attributes=attributes)
    draft.array("targets", targets, attributes={"names": names, "circular": config.circular})
    draft.array("segments", grid.segments)
    stops = grid.edges[bins] + grid.bin_width
    draft.table("samples", pd.DataFrame({"bin": bins, "start": stops - config.history * grid.bin_width, "stop": stops}))
    total = counts.sum(dtype=np.int64 if events is None else np.float64).item()
    check_sums(draft, total, expected)
    draft.metadata |= {
        "samples": len(bins),
        "bins": counts.shape[0],
        "units": counts.shape[1],
        "segments": len(grid.segments),
        "silent_units": int((counts.max(axis=0) == 0).sum()),
        "spikes" if events is None else "events": round(total, 3),
        "targets": names,
        "left_out": {"no behaviour": int((~np.isfinite(targets).all(axis=1)).sum())},
    }
    draft.figure(
        "activity_and_behaviour",
        figures_time.activity_and_behaviour(counts, targets, names, grid.bin_width, title=session.key),
    )


def _count(recording: Artifact, config: "BinnedConfig", key: str, series) -> tuple[Grid, np.ndarray, int]:
    """The grid, counts (time, unit), and the number of spikes counted another way."""
    published, stretches = published_counts(recording), _stretches(recording, config, key)
    if published is not None:
        if published.ndim != 2:
            raise BadInput(f"{key}: its counts are cut into trials; decoding {', '.join(series)} needs continuous ones")
        whole = TimeCounts(published[:], published.attrs["bin_width"], published.attrs["start"])
        grid, counts = rebin_published(whole, stretches, config.bin_width)
        first = np.rint((grid.starts - whole.start) / whole.bin_width).astype(int)
        last = np.rint((grid.starts + grid.n_bins * grid.bin_width - whole.start) / whole.bin_width).astype(int)
        expected = sum(int(whole.counts[a:b].sum(dtype=np.int64)) for a, b in zip(first, last, strict=True))
        return grid, counts, expected
    if stretches is None:
        stretches = [_observed(series)]
    grid = Grid.of(stretches, config.bin_width)
    spikes = SpikeTrains(recording.arrays["times"][:], recording.arrays["offsets"][:])
    ordered = np.sort(spikes.times)
    ends = grid.starts + grid.n_bins * grid.bin_width
    expected = int((np.searchsorted(ordered, ends) - np.searchsorted(ordered, grid.starts)).sum())
    return grid, count_spikes(spikes, grid), expected


def _observed(series) -> tuple[float, float]:
    """From the first to the last moment at which all behaviour was observed, s."""
    return max(each.times[0] for each in series.values()), min(each.times[-1] for each in series.values())


def _imaged(series, events: Artifact) -> tuple[float, float]:
    """From the first to the last moment at which behaviour was observed and ROIs were imaged, s."""
    frames, (first, last) = frame_edges(events.arrays["frame_times"][:]), _observed(series)
    return max(first, frames[0]), min(last, frames[-1])


def _stretches(recording: Artifact, config: "BinnedConfig", key: str) -> list[tuple[float, float]] | None:
    if config.epoch is None:
        return None
    if not recording.has("epochs"):
        raise BadInput(f"{key}: the recording has no epochs, so there is none called {config.epoch!r}")
    epochs = recording.table("epochs")
    found = epochs[epochs["name"] == config.epoch]
    if found.empty:
        raise BadInput(
            f"{key}: no epoch is called {config.epoch!r}; there are {', '.join(sorted(set(epochs['name'])))}"
        )
    return list(zip(found["start"], found["stop"], strict=True))


def _names(series) -> list[str]:
    """One name a target: the series', with its column where it has several."""
    names = []
    for name, each in series.items():
        n_columns = 1 if each.values.ndim == 1 else each.values.shape[1]
        columns = each.columns or tuple(str(column) for column in range(n_columns))
        names += [name] if n_columns == 1 else [f"{name}_{column}" for column in columns]
    return names
