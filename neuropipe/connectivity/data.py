"""What connectivity is estimated from: spike times, or activity that comes in bins."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.recording import SpikeTrains


@dataclass(frozen=True, kw_only=True)
class ConnectivityData:
    """Activity of all units, as spike times or in bins: exactly one of them.

    spikes : spike trains, s; start, stop : s, the stretch that was recorded
    counts : (time, unit), spikes or events per bin, finite; bin_width : s
    segments : (segment + 1,) edges, in bins; nothing before an edge is the past of what comes after it. Trials are one
    segment each. By default all is one segment.
    labels : (segment,) what was shown or chosen in each segment, for methods that learn from it
    sites : (unit,) electrode or channel of each unit, -1 where unknown; units of one site can't be told apart at lag 0
    """

    spikes: SpikeTrains | None = None
    start: float = 0.0
    stop: float = 0.0
    counts: np.ndarray | None = None
    bin_width: float | None = None
    segments: np.ndarray | None = None
    labels: np.ndarray | None = None
    sites: np.ndarray | None = None

    def __post_init__(self) -> None:
        if (self.spikes is None) == (self.counts is None):
            raise BadInput("connectivity is estimated from spike times or from counts: give one of them")
        if self.spikes is not None:
            self._check_spikes(self.spikes)
        else:
            self._check_counts()
        if self.n_units < 2:
            raise BadInput(f"connectivity is between units: at least 2 are needed, found {self.n_units}")
        if self.sites is not None and len(self.sites) != self.n_units:
            raise BadInput(f"{len(self.sites)} sites were given for {self.n_units} units; give one each")

    def _check_spikes(self, spikes: SpikeTrains) -> None:
        spikes.check()
        if not self.stop > self.start:
            raise BadInput(f"the recording must stop after it starts, found {self.start} to {self.stop} s")
        outside = int(np.count_nonzero((spikes.times < self.start) | (spikes.times > self.stop)))
        if outside:
            raise BadInput(
                f"{outside} spikes lie outside the recording, {self.start:g} to {self.stop:g} s; correct its start and "
                "stop, or remove them"
            )

    def _check_counts(self) -> None:
        counts, width = self.counts, self.bin_width
        assert counts is not None
        if counts.ndim != 2:
            raise BadInput(f"counts must be (time, unit), found the shape {counts.shape}")
        if width is None or not (np.isfinite(width) and width > 0):
            raise BadInput(f"bin_width must be in s and above 0, found {width}")
        if not np.isfinite(counts).all():
            raise BadInput("counts hold NaN or infinity; leave out the frames or the units that were not recorded")
        edges = self.segment_edges
        if edges[0] != 0 or edges[-1] != len(counts) or np.any(np.diff(edges) < 1):
            raise BadInput(f"segments must rise from 0 to the number of bins, {len(counts)}")
        if self.labels is not None and len(self.labels) != len(edges) - 1:
            raise BadInput(f"{len(self.labels)} labels were given for {len(edges) - 1} segments; give one each")

    @property
    def n_units(self) -> int:
        """Number of units."""
        if self.spikes is not None:
            return self.spikes.n_units
        assert self.counts is not None
        return self.counts.shape[1]

    @property
    def duration(self) -> float:
        """s"""
        if self.counts is None:
            return self.stop - self.start
        assert self.bin_width is not None
        return len(self.counts) * self.bin_width

    @cached_property
    def n_events(self) -> np.ndarray:
        """(unit,) spikes, or the sum of the counts."""
        if self.spikes is not None:
            return np.diff(self.spikes.offsets)
        assert self.counts is not None
        return self.counts.sum(axis=0)

    @property
    def segment_edges(self) -> np.ndarray:
        """(segment + 1,) in bins, of counts."""
        if self.segments is not None:
            return np.asarray(self.segments, np.int64)
        assert self.counts is not None
        return np.array([0, len(self.counts)], np.int64)

    def binned(self, bin_width: float) -> "ConnectivityData":
        """The same activity as counts in bins of this width (s), uint16 from spike times, else float32.

        Counts are summed over whole multiples of their own bins within each segment; what remains at a segment's end
        is left out. Bins narrower than they are, or no multiple of them, are refused.
        """
        if self.spikes is not None:
            return self._binned_spikes(self.spikes, bin_width)
        assert self.counts is not None
        assert self.bin_width is not None
        step = round(bin_width / self.bin_width)
        if step < 1 or abs(step * self.bin_width - bin_width) > 1e-6 * bin_width:
            raise BadInput(
                f"the activity comes in bins of {1e3 * self.bin_width:g} ms, so bins of {1e3 * bin_width:g} ms can't "
                "be made of it; ask for a multiple"
            )
        if step == 1:
            return self
        edges = self.segment_edges
        lengths = np.diff(edges) // step
        if not lengths.any():
            raise BadInput(f"no segment is as long as one bin of {1e3 * bin_width:g} ms")
        parts = [
            self.counts[first : first + n * step].reshape(n, step, -1).sum(axis=1, dtype=np.float32)
            for first, n in zip(edges[:-1], lengths, strict=True)
            if n
        ]
        kept = lengths > 0
        return replace(
            self,
            counts=np.concatenate(parts),
            bin_width=bin_width,
            segments=np.concatenate([[0], np.cumsum(lengths[kept])]),
            labels=None if self.labels is None else self.labels[kept],
        )

    def near(self, bin_width: float) -> "ConnectivityData":
        """Counts in bins of this width (s); of activity in bins, in the nearest multiple of them, at least one."""
        if self.bin_width is None:
            return self.binned(bin_width)
        return self.binned(max(1, round(bin_width / self.bin_width)) * self.bin_width)

    def counts_near(self, bin_width: float) -> np.ndarray:
        """(time, unit), as in `near`, for methods that do without segments."""
        counts = self.near(bin_width).counts
        assert counts is not None
        return counts

    def _binned_spikes(self, spikes: SpikeTrains, bin_width: float) -> "ConnectivityData":
        n_bins = int(np.floor(self.duration / bin_width + 1e-9))
        if n_bins < 1:
            raise BadInput(f"a recording of {self.duration:g} s is shorter than a bin of {bin_width:g} s")
        counts = np.zeros((n_bins, self.n_units), np.uint16)
        for unit in range(self.n_units):
            train = spikes.times[spikes.offsets[unit] : spikes.offsets[unit + 1]]
            at = ((train - self.start) / bin_width).astype(np.int64)
            counts[:, unit] = np.bincount(at[at < n_bins], minlength=n_bins)
        return ConnectivityData(counts=counts, bin_width=bin_width, sites=self.sites)

    def part(self, start: float, stop: float) -> "ConnectivityData":
        """The stretch from `start` to `stop`, s after the beginning; of counts in segments, whole segments only."""
        if self.spikes is not None:
            first, last = self.start + start, min(self.start + stop, self.stop)
            trains = [
                train[(train >= first) & (train < last)]
                for train in np.split(self.spikes.times, self.spikes.offsets[1:-1])
            ]
            return replace(self, spikes=SpikeTrains.from_list(trains), start=first, stop=last)
        assert self.counts is not None
        assert self.bin_width is not None
        low, high = round(start / self.bin_width), min(round(stop / self.bin_width), len(self.counts))
        if self.segments is None:
            return replace(self, counts=self.counts[low:high])
        edges = self.segment_edges
        kept = np.flatnonzero((edges[:-1] >= low) & (edges[1:] <= high))
        if not len(kept):
            raise BadInput(f"no whole segment lies between {start:g} and {stop:g} s")
        span = edges[kept[0] : kept[-1] + 2]
        return replace(
            self,
            counts=self.counts[span[0] : span[-1]],
            segments=span - span[0],
            labels=None if self.labels is None else self.labels[kept],
        )

    def units(self, chosen: np.ndarray) -> "ConnectivityData":
        """The activity of some units only. chosen : (k,) indices, in the order that is wanted"""
        sites = None if self.sites is None else self.sites[chosen]
        if self.spikes is not None:
            trains = np.split(self.spikes.times, self.spikes.offsets[1:-1])
            return replace(self, spikes=SpikeTrains.from_list([trains[unit] for unit in chosen]), sites=sites)
        assert self.counts is not None
        return replace(self, counts=self.counts[:, chosen], sites=sites)
