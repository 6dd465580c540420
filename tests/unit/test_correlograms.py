"""Cross-correlograms of all pairs: exact, whatever the ties, gaps and rates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuropipe.connectivity import correlograms as module
from neuropipe.connectivity.correlograms import correlograms, merged_ticks
from neuropipe.errors import BadInput
from neuropipe.recording import SpikeTrains

BIN = 0.001  # s


def trains_of(milliseconds) -> SpikeTrains:
    return SpikeTrains.from_list([np.sort(np.asarray(train, float)) / 1000 for train in milliseconds])


def by_definition(spikes: SpikeTrains, n_lags: int, ticks_per_bin: int) -> np.ndarray:
    """(source, target, lag) from all differences, in ticks, with np.histogram; a spike is no pair with itself."""
    ticks = [np.floor(train / (BIN / ticks_per_bin) + 1e-6) for train in np.split(spikes.times, spikes.offsets[1:-1])]
    edges = (np.arange(-n_lags, n_lags + 2) - 0.5) * ticks_per_bin
    counts = np.empty((len(ticks), len(ticks), 2 * n_lags + 1))
    for i, source in enumerate(ticks):
        for j, target in enumerate(ticks):
            differences = (target[None] - source[:, None]).ravel()
            counts[i, j] = np.histogram(differences, edges)[0]
            if i == j:
                counts[i, j, n_lags] -= len(source)
    return counts


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 4000), max_size=25), min_size=1, max_size=4),
    st.integers(0, 6),
    st.sampled_from([1, 3, 31]),
)
def test_counts_are_the_histogram_of_all_differences(quarters, n_lags, ticks_per_bin):
    spikes = trains_of([np.array(train) / 40 for train in quarters])
    found = correlograms(spikes, longest_lag=n_lags * BIN, bin_width=BIN, ticks_per_bin=ticks_per_bin)
    np.testing.assert_array_equal(found.both_sides(), by_definition(spikes, n_lags, ticks_per_bin))
    assert found.n_lags == n_lags


def test_a_shifted_copy_peaks_at_its_shift_in_one_direction_only():
    rng = np.random.default_rng(0)
    train = np.sort(rng.random(500)) * 1000
    found = correlograms(SpikeTrains.from_list([train, train + 0.0072]), longest_lag=0.02)
    assert found.counts[0, 1].argmax() == 7
    assert found.counts[0, 1, 7] >= 500
    assert found.counts[1, 0].sum() < 40


def test_times_count_from_the_start_and_long_recordings_take_wider_integers():
    spikes = SpikeTrains.from_list([np.array([5000.0, 9000.0]), np.array([5000.004, 9000.004])])
    late = correlograms(spikes, start=5000.0, longest_lag=0.01)
    assert late.counts[0, 1, 4] == 2
    assert merged_ticks(spikes, 0.0, 1e-6)[0].dtype == np.int64
    assert merged_ticks(spikes, 0.0, 0.001)[0].dtype == np.int32


def test_counts_are_the_same_for_any_number_of_threads(monkeypatch):
    rng = np.random.default_rng(1)
    spikes = SpikeTrains.from_list([np.sort(rng.random(n)) * 30 for n in (300, 5, 900, 0, 200)])
    counts = []
    for cores in (1, 3):
        monkeypatch.setattr(module.os, "cpu_count", lambda cores=cores: cores)
        counts.append(correlograms(spikes).counts)
    np.testing.assert_array_equal(*counts)
    assert counts[0][3].sum() == 0


def test_merged_times_are_sorted_and_ties_keep_the_order_of_units():
    rng = np.random.default_rng(2)
    spikes = SpikeTrains.from_list([np.sort(rng.integers(0, 200_000, 300)) / 1000 for _ in range(4)])
    merged, place = merged_ticks(spikes, 0.0, 0.001)
    order = np.argsort(np.floor(spikes.times / 0.001 + 1e-6), kind="stable")
    np.testing.assert_array_equal(merged, np.floor(spikes.times[order] / 0.001 + 1e-6))
    np.testing.assert_array_equal(np.argsort(place), order)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"ticks_per_bin": 4}, "ticks_per_bin must be odd"),
        ({"longest_lag": 0.0255}, "multiple of bin_width"),
        ({"start": 1.0}, "before the start of the recording"),
    ],
)
def test_what_cannot_be_counted_is_refused(settings, words):
    with pytest.raises(BadInput, match=words):
        correlograms(trains_of([[1, 2], [3]]), **settings)


def test_equal_to_elephant():
    import elephant.spike_train_correlation as elephant
    import neo
    import quantities as pq
    from elephant.conversion import BinnedSpikeTrain

    rng = np.random.default_rng(3)
    spikes = SpikeTrains.from_list([np.sort(rng.random(400)) * 20 for _ in range(3)])
    found = correlograms(spikes, longest_lag=0.025, ticks_per_bin=1).both_sides()
    binned = [
        BinnedSpikeTrain(neo.SpikeTrain(train * pq.s, t_start=0 * pq.s, t_stop=20 * pq.s), bin_size=1 * pq.ms)
        for train in np.split(spikes.times, spikes.offsets[1:-1])
    ]
    for i, j in ((0, 1), (1, 0), (2, 1)):
        theirs, lags = elephant.cross_correlation_histogram(binned[i], binned[j], window=[-25, 25])
        np.testing.assert_array_equal(lags, np.arange(-25, 26))
        np.testing.assert_array_equal(theirs.magnitude.ravel(), found[i, j])
