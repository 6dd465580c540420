"""Counts equal numpy's searchsorted spike for spike, in memory and streamed; nothing wraps, nothing is half-made."""

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import zarr
from hypothesis import example, given, settings
from hypothesis import strategies as st
from zarr.storage import MemoryStore

from neuropipe.binning import bin_spikes, layout, rebin, rebin_window, streaming
from neuropipe.binning import spikes as spikes_module
from neuropipe.binning.streaming import bin_to_zarr, spikes_in_windows, write_counts
from neuropipe.errors import BadInput
from neuropipe.recording import SpikeTrains


def searchsorted_counts(spikes: SpikeTrains, starts, bin_width: float, n_bins: int) -> np.ndarray:
    """(trial, bin, unit) by definition: spikes before each right edge less spikes before each left edge."""
    edges = np.asarray(starts, float)[:, None] + np.arange(n_bins + 1) * bin_width
    counts = np.zeros((len(edges), n_bins, spikes.n_units), np.int64)
    for unit in range(spikes.n_units):
        train = spikes.times[spikes.offsets[unit] : spikes.offsets[unit + 1]]
        counts[:, :, unit] = np.diff(np.searchsorted(train, edges, side="left"), axis=1)
    return counts


def random_spikes(rng: np.random.Generator, n_spikes: list[int], duration: float) -> SpikeTrains:
    return SpikeTrains.from_list([np.sort(rng.uniform(0, duration, n)) for n in n_spikes])


@st.composite
def sessions(draw):
    """Spikes that like to sit on bin edges and on each other; windows that overlap, coincide and lie outside."""
    bin_width = draw(st.sampled_from([0.1, 0.02, 1 / 3, 1.0, 0.007]))
    n_bins = draw(st.integers(1, 6))
    origin = draw(st.sampled_from([0.0, -5.0, 1234.5, 1.7e9]))
    grid = st.integers(-10, 30).map(lambda k: origin + k * bin_width)
    anywhere = st.floats(-1, 3).map(lambda x: origin + x)
    starts = draw(st.lists(st.one_of(grid, anywhere), max_size=8))
    on_edge = st.builds(
        lambda start, k: start + k * bin_width, st.sampled_from(starts or [origin]), st.integers(0, n_bins)
    )
    just_beside = st.builds(np.nextafter, on_edge, st.sampled_from([-np.inf, np.inf]))
    trains = draw(st.lists(st.lists(st.one_of(on_edge, just_beside, grid, anywhere), max_size=25), max_size=5))
    return SpikeTrains.from_list([np.sort(np.array(train, float)) for train in trains]), starts, bin_width, n_bins


@given(sessions())
@settings(max_examples=400, deadline=None)
def test_counts_equal_searchsorted(session):
    spikes, starts, bin_width, n_bins = session
    counts = bin_spikes(spikes.times, spikes.offsets, starts, bin_width, n_bins)
    assert counts.dtype == np.uint8
    np.testing.assert_array_equal(counts, searchsorted_counts(spikes, starts, bin_width, n_bins))


@given(sessions(), st.integers(1, 12), st.integers(1, 4))
@example((SpikeTrains.from_list([]), [0.0], 0.1, 1), 1, 1)
@settings(max_examples=150, deadline=None)
def test_counts_of_slices_add_up(session, slice_length, shard_trials):
    """Whatever a slice cuts apart, units and bins included, the streamed counts are those counted at once."""
    spikes, starts, bin_width, n_bins = session
    trial_bytes = max(1, n_bins * spikes.n_units)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "CHUNK_BYTES", trial_bytes)
        patch.setattr(layout, "SHARD_BYTES", shard_trials * trial_bytes)
        patch.setattr(streaming, "_slice_length", lambda *_: slice_length)
        group = zarr.open_group(MemoryStore(), mode="w")
        limit = 2 * shard_trials * trial_bytes
        summary = bin_to_zarr(spikes.times, spikes.offsets, starts, bin_width, n_bins, group, memory_limit=limit)
    expected = searchsorted_counts(spikes, starts, bin_width, n_bins)
    np.testing.assert_array_equal(group["counts"][:], expected)
    np.testing.assert_array_equal(summary.spikes_per_unit, expected.sum(axis=(0, 1)))
    inside = spikes_in_windows(spikes.times, spikes.offsets, starts, bin_width, n_bins)
    np.testing.assert_array_equal(inside, summary.spikes_per_unit)


def test_a_spike_on_an_edge_belongs_to_the_bin_that_begins_there():
    counts = bin_spikes([0.0, 1.0, 1.0, 2.0], [0, 4], [0.0], 1.0, 2)
    np.testing.assert_array_equal(counts[:, :, 0], [[1, 2]])


def test_random_session_with_windows_out_of_order():
    rng = np.random.default_rng(0)
    spikes = random_spikes(rng, [0, 3000, 1, 40_000, 0, 700], 100.0)
    starts = rng.uniform(-2, 101, 300)
    counts = bin_spikes(spikes.times, spikes.offsets, starts, 0.025, 40)
    np.testing.assert_array_equal(counts, searchsorted_counts(spikes, starts, 0.025, 40))


@pytest.mark.parametrize(("n", "dtype"), [(255, np.uint8), (256, np.uint16), (65_535, np.uint16), (65_536, np.uint32)])
def test_auto_is_the_smallest_type_that_holds_the_counts(n, dtype):
    times = np.concatenate([[0.5], np.full(n, 1.5), [2.5]])
    counts = bin_spikes(times, [0, 1, n + 2], [0.0, 1.0], 1.0, 2)
    assert counts.dtype == dtype
    np.testing.assert_array_equal(counts, [[[1, 0], [0, n]], [[0, n], [0, 1]]])


def test_a_type_asked_for_is_kept_and_one_too_small_refused():
    times, offsets = np.full(70_000, 0.5), [0, 3, 70_000]
    assert bin_spikes(times, offsets, [0.0], 1.0, 1, dtype="uint64").dtype == np.uint64
    with pytest.raises(BadInput, match=r"unit 1 has 69997 spikes in one bin, but uint16 holds at most 65535"):
        bin_spikes(times, offsets, [0.0], 1.0, 1, dtype=np.uint16)
    with pytest.raises(BadInput, match=r"unit 1 has 69997 spikes in one bin, but uint8 holds at most 255"):
        bin_spikes(times, offsets, [0.0], 1.0, 1, dtype="uint8")


GOOD = {"times": [0.1, 0.5, 0.2], "offsets": [0, 2, 3], "starts": [0.0], "bin_width": 0.1, "n_bins": 2}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"times": [0.5, 0.1, 0.2]}, r"unit 0 are not sorted \(0.1 s follows 0.5 s\)"),
        ({"times": [0.1, np.nan, 0.2]}, "unit 0 has a spike at nan s"),
        ({"times": [0.1, 0.2, np.nan]}, "unit 1 has a spike at nan s"),
        ({"times": [0.1, np.inf, 0.2]}, "unit 0 has a spike at inf s"),
        ({"times": [[0.1, 0.5, 0.2]]}, "one row of numbers"),
        ({"offsets": [0, 2]}, r"from 0 to the number of spikes \(3\)"),
        ({"offsets": [1, 2, 3]}, "from 0 to"),
        ({"offsets": [0, 3, 2, 3]}, "from 0 to"),
        ({"offsets": [0.0, 2.0, 3.0]}, "integers"),
        ({"starts": [0.0, np.nan]}, "trial 1 starts at nan s"),
        ({"starts": 0.0}, "trial starts must be one row"),
        ({"n_bins": 0}, "n_bins is 0"),
        ({"n_bins": 1.5}, "n_bins is 1.5"),
        ({"bin_width": 0.0}, "bin_width is 0.0 s"),
        ({"bin_width": -0.1}, "bin_width is -0.1 s"),
        ({"bin_width": np.nan}, "bin_width is nan s"),
        ({"dtype": "float32"}, "unsigned integers"),
        ({"dtype": "int16"}, "unsigned integers"),
    ],
)
def test_bad_input_is_refused_and_leaves_the_group_as_it_was(change, message):
    bad = {**GOOD, **change}
    with pytest.raises(BadInput, match=message):
        bin_spikes(**bad)
    group = zarr.open_group(MemoryStore(), mode="w")
    with pytest.raises(BadInput, match=message):
        bin_to_zarr(**bad, group=group)
    assert list(group.keys()) == []


def test_times_unsorted_across_a_slice_are_refused(monkeypatch):
    monkeypatch.setattr(streaming, "_slice_length", lambda *_: 2)
    group = zarr.open_group(MemoryStore(), mode="w")
    with pytest.raises(BadInput, match=r"unit 1 are not sorted \(0.3 s follows 0.4 s\)"):
        bin_to_zarr([0.9, 0.4, 0.3, 0.5], [0, 1, 4], [0.0], 0.1, 2, group)
    bin_to_zarr([0.9, 0.4, 0.3, 0.5], [0, 1, 2, 4], [0.0], 0.1, 2, group)


@given(
    st.lists(st.lists(st.sampled_from([0.0, 1.0, 1.0, 2.0, 3.0, np.nan]), max_size=6), min_size=1, max_size=4),
    st.integers(1, 5),
)
@settings(max_examples=100, deadline=None)
def test_the_first_unsorted_spike_is_found_whatever_the_pieces(trains, compared):
    bounds = np.cumsum([0, *map(len, trains)])
    parts = zip(trains, bounds[:-1], strict=True)
    falls = [at + i for train, at in parts for i in range(len(train) - 1) if not train[i] <= train[i + 1]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spikes_module, "COMPARED", compared)
        found = spikes_module.first_unsorted(np.array([time for train in trains for time in train]), bounds)
    assert found == (falls[0] if falls else -1)


class CountingStore(MemoryStore):
    """Counts the writes of each key."""

    def __init__(self):
        super().__init__()
        self.writes = Counter()

    async def set(self, key, value, byte_range=None):
        self.writes[key] += 1
        await super().set(key, value, byte_range)


@pytest.fixture
def small_shards(monkeypatch):
    """Chunks of two and shards of eight trials of 5 bins x 40 units."""
    monkeypatch.setattr(layout, "CHUNK_BYTES", 400)
    monkeypatch.setattr(layout, "SHARD_BYTES", 1600)


def small_session(seed: int = 0) -> tuple:
    rng = np.random.default_rng(seed)
    spikes = random_spikes(rng, [200] * 40, 60.0)
    return spikes.times, spikes.offsets, np.arange(101) * 0.5, 0.1, 5


@pytest.mark.parametrize("memory_limit", [3200, 10_000, 1_000_000])
def test_each_shard_is_written_once_whatever_the_memory(small_shards, memory_limit):
    session = small_session()
    stores = []
    for limit in (memory_limit, 1_000_000):
        store = CountingStore()
        group = zarr.open_group(store, mode="w", zarr_format=3)
        steps = []
        bin_to_zarr(
            *session, group, memory_limit=limit, progress=lambda done, total, steps=steps: steps.append((done, total))
        )
        stores.append(store)
        assert steps == sorted(steps)
        assert steps[-1][0] == steps[-1][1]
    array = group["counts"]
    assert (array.shape, array.chunks, array.shards) == ((101, 5, 40), (2, 5, 40), (8, 5, 40))
    assert array.metadata.dimension_names == ("trial", "bin", "unit")
    np.testing.assert_array_equal(array[:], bin_spikes(*session))
    shards = {key: n for key, n in stores[0].writes.items() if "/c/" in key}
    assert len(shards) == 13
    assert set(shards.values()) == {1}
    for key, value in stores[0]._store_dict.items():
        assert value.to_bytes() == stores[1]._store_dict[key].to_bytes(), "the same session gives the same bytes"


@pytest.mark.parametrize("memory_limit", [6400, 10_000, 1_000_000])
def test_promotion_is_settled_before_anything_is_written(small_shards, memory_limit):
    times, offsets, starts, bin_width, n_bins = small_session()
    burst = np.full(300, starts[-1] + 0.25)
    times, offsets = np.concatenate([times, burst]), np.append(offsets, len(times) + 300)
    store = CountingStore()
    group = zarr.open_group(store, mode="w")
    summary = bin_to_zarr(times, offsets, starts, bin_width, n_bins, group, memory_limit=memory_limit)
    assert summary.dtype == group["counts"].dtype == np.uint16
    assert summary.spikes_per_unit[40] == 300
    np.testing.assert_array_equal(group["counts"][:], bin_spikes(times, offsets, starts, bin_width, n_bins))
    assert {n for key, n in store.writes.items() if "/c/" in key} == {1}
    empty = zarr.open_group(MemoryStore(), mode="w")
    with pytest.raises(BadInput, match="unit 40 has 300 spikes in one bin, but uint8 holds"):
        bin_to_zarr(times, offsets, starts, bin_width, n_bins, empty, memory_limit=memory_limit, dtype="uint8")
    assert list(empty.keys()) == []


def test_published_counts_are_stored_as_binned_ones_are(small_shards):
    session = small_session()
    groups = [zarr.open_group(MemoryStore(), mode="w") for _ in range(2)]
    binned, published = bin_to_zarr(*session, groups[0]), write_counts(bin_spikes(*session), groups[1])
    assert groups[0]["counts"].metadata == groups[1]["counts"].metadata
    np.testing.assert_array_equal(groups[0]["counts"][:], groups[1]["counts"][:])
    np.testing.assert_array_equal(binned.spikes_per_unit, published.spikes_per_unit)


def test_silent_trials_are_stored_as_well(small_shards):
    store = CountingStore()
    bin_to_zarr([0.05], [0, 1], np.arange(1000) * 10.0, 0.1, 5, zarr.open_group(store, mode="w"))
    assert sum("/c/" in key for key in store.writes) == 4


def test_spikes_come_from_a_zarr_array_in_whole_chunks(tmp_path, small_shards):
    times, *session = small_session()
    group = zarr.open_group(tmp_path / "session.zarr", mode="w")
    stored = group.create_array("times", data=times, chunks=(700,))

    class Recorder:
        shape, dtype, chunks = stored.shape, stored.dtype, stored.chunks
        read = []

        def __getitem__(self, part):
            self.read.append((part.start, part.stop))
            return stored[part]

    bin_to_zarr(Recorder(), *session, group, memory_limit=16 * 8 * 1500)
    np.testing.assert_array_equal(group["counts"][:], bin_spikes(times, *session))
    assert Recorder.read[:3] == [(0, 1400), (1400, 2800), (2800, 4200)]


def test_what_cannot_be_streamed_is_refused(small_shards):
    group = zarr.open_group(MemoryStore(), mode="w")
    with pytest.raises(BadInput, match="memory_limit is 1000 bytes, but 8 trials of 5 bins x 40 units take 1600"):
        bin_to_zarr(*small_session(), group, memory_limit=1000)
    bin_to_zarr(*small_session(), group)
    with pytest.raises(BadInput, match="already holds 'counts'"):
        bin_to_zarr(*small_session(), group)


MEASURE = """
import resource, sys, zarr, numpy as np
from neuropipe.binning.streaming import bin_to_zarr

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

class Steady:
    '''40 million spikes of 200 units, each unit firing at a steady rate for 1000 s, made only where they are read.'''
    shape, dtype, per_unit = (40_000_000,), np.dtype(float), 200_000
    def __getitem__(self, part):
        return (np.arange(part.start, part.stop) % self.per_unit + 0.5) * 0.005

group = zarr.open_group(sys.argv[1], mode="w")
starts = np.arange(20_000) * 0.04
for dtype in ("uint8", "uint64"):
    bin_to_zarr(np.arange(9.0), [0, 4, 9], starts[:9], 0.01, 4, group, name=dtype, dtype=dtype)
before = peak()
summary = bin_to_zarr(Steady(), np.arange(201) * Steady.per_unit, starts, 0.05, 50, group, memory_limit=100_000_000)
assert summary.n_spikes == 20_000 * 50 * 10 * 200, summary.n_spikes
assert group["counts"].nbytes == 200_000_000
assert (group["counts"][::1999] == 10).all()
print(before, peak())
"""


@pytest.mark.slow
def test_peak_memory_is_bounded_by_the_limit(tmp_path):
    """320 MB of spikes and a tensor of 200 MB pass through 100 MB."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "out.zarr")], capture_output=True, text=True, check=True
    )
    before, after = map(int, done.stdout.split())
    assert after - before < 100_000_000


@given(st.integers(0, 2**31), st.integers(1, 6), st.sampled_from([np.uint8, np.uint16, np.uint64]))
@settings(max_examples=50, deadline=None)
def test_rebinning_is_binning_wider(seed, factor, dtype):
    rng = np.random.default_rng(seed)
    spikes = random_spikes(rng, [0, 2000, 30], 8.0)
    starts = rng.integers(0, 64, 7) / 8
    fine = bin_spikes(spikes.times, spikes.offsets, starts, 0.125, 4 * factor, dtype=dtype)
    coarse = bin_spikes(spikes.times, spikes.offsets, starts, 0.125 * factor, 4)
    np.testing.assert_array_equal(rebin(fine, factor), coarse)
    assert rebin(fine, factor).dtype == coarse.dtype


def test_rebinning_promotes_instead_of_wrapping():
    counts = np.full((1, 4, 1), 200, np.uint8)
    assert rebin(counts, 4).tolist() == [[[800]]]
    assert rebin(counts, 4).dtype == np.uint16


def test_window_of_published_counts():
    counts = np.arange(50, dtype=np.uint8).reshape(1, 50, 1)
    last_200_ms = rebin_window(counts, 0.02, -1.0, window=(-0.2, 0.0), new_bin_width=0.1)
    assert last_200_ms[0, :, 0].tolist() == [40 + 41 + 42 + 43 + 44, 45 + 46 + 47 + 48 + 49]
    np.testing.assert_array_equal(
        rebin_window(counts, 0.02, -1.0, window=(-1.0, 0.0), new_bin_width=0.1), rebin(counts, 5)
    )


@pytest.mark.parametrize(
    ("window", "new_bin_width", "message"),
    [
        ((-0.2, 0.0), 0.05, "new bins of 0.05 s are not whole bins of 0.02 s"),
        ((-0.19, 0.01), 0.02, "the edge -0.19 s is not on the grid"),
        ((-0.2, 0.1), 0.02, r"reaches beyond the published bins \[-1.0, 0\) s"),
        ((-1.2, 0.0), 0.02, "reaches beyond"),
        ((-0.2, 0.0), 0.06, "10 bins can't be summed 3 at a time"),
        ((0.0, -0.2), 0.02, "all must be positive"),
        ((-0.2, 0.0), 0.0, "all must be positive"),
    ],
)
def test_windows_off_the_published_grid_are_refused(window, new_bin_width, message):
    with pytest.raises(BadInput, match=message):
        rebin_window(np.zeros((3, 50, 2), np.uint8), 0.02, -1.0, window=window, new_bin_width=new_bin_width)


@pytest.mark.parametrize("counts", [np.zeros((2, 4, 3)), np.zeros((2, 4), np.uint8)])
def test_only_counts_are_rebinned(counts):
    with pytest.raises(BadInput, match="unsigned integers"):
        rebin(counts, 2)
