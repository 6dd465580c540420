"""Bins of continuous sessions: what is counted, what behaviour a bin has, and what a sample may hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuropipe.binning.continuous import Grid, average_in_bins, count_spikes, histories, rebin_published, sample_bins
from neuropipe.errors import BadInput
from neuropipe.folds import check_leakage, make_folds
from neuropipe.recording import SpikeTrains, TimeCounts, TimeSeries


def test_a_grid_holds_whole_bins_of_each_stretch_in_time_order():
    grid = Grid.of([(10.0, 10.35), (0.0, 0.3), (5.0, 5.05)], 0.1)
    np.testing.assert_array_equal(grid.segments, [[0, 3], [3, 6]])
    np.testing.assert_allclose(grid.edges, [0, 0.1, 0.2, 10, 10.1, 10.2])


def test_stretches_that_overlap_or_hold_no_bin_are_refused():
    with pytest.raises(BadInput, match="overlap"):
        Grid.of([(0, 2), (1, 3)], 0.1)
    with pytest.raises(BadInput, match=r"hold no bin of 0\.1 s"):
        Grid.of([(0, 0.05)], 0.1)


def test_spikes_fall_into_their_bins_and_segments():
    spikes = SpikeTrains.from_list([np.array([0.0, 0.05, 0.1, 0.39, 0.4, 1.01]), np.array([0.25])])
    counts = count_spikes(spikes, Grid.of([(0.0, 0.4), (1.0, 1.1)], 0.1))
    np.testing.assert_array_equal(counts, [[2, 0], [1, 0], [0, 1], [1, 0], [1, 0]])
    assert counts.dtype == np.uint8


def test_published_bins_are_summed_within_stretches():
    published = TimeCounts(np.arange(20, dtype=np.uint8).reshape(10, 2), 0.05, 2.0)
    grid, counts = rebin_published(published, None, 0.1)
    np.testing.assert_array_equal(counts, published.counts.reshape(5, 2, 2).sum(axis=1))
    grid, counts = rebin_published(published, [(2.07, 2.27), (2.3, 2.5)], 0.1)
    np.testing.assert_allclose(grid.starts, [2.1, 2.3])
    np.testing.assert_array_equal(counts[:, 0], [4 + 6, 12 + 14, 16 + 18])
    with pytest.raises(BadInput, match="no whole number"):
        rebin_published(published, None, 0.07)


def test_behaviour_of_a_bin_is_the_mean_of_what_was_observed_in_it():
    series = TimeSeries(np.array([0.0, 0.05, 0.1, 0.15, 0.25]), np.array([1.0, 3.0, 5.0, np.nan, 7.0]))
    found = average_in_bins(series, Grid.of([(0.0, 0.3)], 0.1))
    np.testing.assert_allclose(found[:, 0], [2, 5, 7])


def test_behaviour_is_interpolated_over_short_gaps_only():
    times = np.concatenate([np.arange(0, 1, 0.2), np.arange(3, 4, 0.2)])
    found = average_in_bins(TimeSeries(times, 2 * times), Grid.of([(0.0, 4.0)], 0.1))[:, 0]
    middles = 0.05 + 0.1 * np.arange(40)
    np.testing.assert_allclose(found[1:8:2], 2 * middles[1:8:2])
    np.testing.assert_allclose(found[0:9:2], 2 * times[:5])
    assert np.isnan(found[9:30]).all()


def test_angles_are_averaged_on_the_circle():
    series = TimeSeries(np.array([0.0, 0.05, 0.1, 0.15]), np.array([0.1, 2 * np.pi - 0.1, np.pi - 0.2, -np.pi + 0.4]))
    found = average_in_bins(series, Grid.of([(0.0, 0.2)], 0.1), circular=True)[:, 0]
    np.testing.assert_allclose(np.cos(found - [0, np.pi + 0.1]), 1, atol=1e-12)


@given(
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    history=st.integers(1, 5),
    seed=st.integers(0, 100),
)
def test_histories_are_the_bins_before_and_never_cross_a_segment(lengths, history, seed):
    stops = np.cumsum(lengths)
    segments = np.stack([stops - lengths, stops], axis=1)
    usable = np.random.default_rng(seed).random(stops[-1]) < 0.8
    bins = sample_bins(segments, history, usable)
    if len(bins) == 0:
        return
    segment_of = np.repeat(np.arange(len(lengths)), lengths)
    counts = np.stack([np.arange(stops[-1]), segment_of], axis=1)
    windows = histories(counts, bins, history)
    assert windows.shape == (len(bins), history, 2)
    np.testing.assert_array_equal(windows[:, :, 0], bins[:, None] - np.arange(history)[::-1])
    assert np.all(windows[:, :, 1] == windows[:, -1:, 1])
    assert usable[bins].all()


def test_histories_of_neighbouring_samples_are_a_view():
    counts = np.zeros((1000, 50), np.uint8)
    assert np.shares_memory(histories(counts, np.arange(13, 1000), 14), counts)


def test_a_planted_leak_of_shared_history_is_refused():
    """Folds without a gap: the first training sample after a test block holds bins of its last test samples."""
    stop = 0.1 * np.arange(1, 101)
    start = stop - 0.5
    folds = make_folds(n_samples=100, scheme="blocked", n_folds=5, gap=5)
    check_leakage(folds, starts=start, stops=stop)
    with pytest.raises(BadInput, match="overlaps test sample"):
        check_leakage(make_folds(n_samples=100, scheme="blocked", n_folds=5, gap=3), starts=start, stops=stop)
