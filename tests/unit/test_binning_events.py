"""Events of frames in bins of trials: shares, sums, and what was not recorded."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuropipe.binning.events import bin_events, events_in_windows, frame_edges, imaged
from neuropipe.errors import BadInput


def test_a_frame_lasts_from_midway_to_midway():
    np.testing.assert_allclose(frame_edges(np.array([0.0, 0.1, 0.2, 0.4])), [-0.05, 0.05, 0.15, 0.3, 0.45])


def test_bins_of_whole_frames_hold_their_events():
    frame_times = 0.05 + np.arange(10) * 0.1  # frame k lasts from k / 10 to (k + 1) / 10 s
    events = np.arange(20.0).reshape(10, 2)
    found = bin_events(events, frame_times, np.array([0.2, 0.6]), 0.2, 2)
    expected = [[events[2:4].sum(0), events[4:6].sum(0)], [events[6:8].sum(0), events[8:10].sum(0)]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found.dtype == np.float32


def test_a_frame_that_straddles_an_edge_is_shared_out():
    frame_times = np.array([0.5, 1.5, 2.5])
    found = bin_events(np.array([[0.0], [8.0], [0.0]]), frame_times, np.array([0.25]), 1.0, 2)
    np.testing.assert_allclose(found[0, :, 0], [2.0, 6.0])  # 1.25 s is a quarter into the frame


@given(
    seed=st.integers(0, 2**16),
    n_bins=st.integers(1, 7),
    bin_width=st.floats(0.02, 0.4),
)
def test_bins_add_up_to_their_window_and_never_go_below_zero(seed, n_bins, bin_width):
    rng = np.random.default_rng(seed)
    frame_times = np.cumsum(rng.uniform(0.02, 0.05, 200))
    events = rng.exponential(1.0, (200, 3)) * (rng.random((200, 3)) < 0.3)
    edges = frame_edges(frame_times)
    starts = rng.uniform(edges[0], edges[-1] - n_bins * bin_width, 5)
    found = bin_events(events, frame_times, starts, bin_width, n_bins)
    assert found.shape == (5, n_bins, 3)
    assert found.min() >= 0
    whole = bin_events(events, frame_times, starts, n_bins * bin_width, 1)[:, 0]
    np.testing.assert_allclose(found.sum(axis=1), whole, rtol=1e-4, atol=1e-5)
    by_hand = [
        (np.clip(np.minimum(edges[1:], t + n_bins * bin_width) - np.maximum(edges[:-1], t), 0, None) / np.diff(edges))
        @ events
        for t in starts
    ]
    np.testing.assert_allclose(whole, by_hand, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(events_in_windows(events, frame_times, starts, n_bins * bin_width), by_hand, rtol=1e-9)


def test_what_was_not_recorded_is_not_zero():
    frame_times = 0.05 + np.arange(10) * 0.1
    events = np.ones((10, 2))
    events[:4, 1] = np.nan  # this ROI was first recorded at 0.4 s
    found = bin_events(events, frame_times, np.array([0.2, 0.4, 0.9]), 0.2, 2)
    assert np.isnan(found[0, 0, 1])  # before it
    assert found[0, 1, 1] == pytest.approx(2)
    assert np.isfinite(found[1]).all()
    assert np.isnan(found[2, 1]).all()  # the movie ended at 1 s


def test_windows_that_were_imaged():
    frame_times = 0.05 + np.arange(10) * 0.1
    seen = imaged(frame_times, np.array([-0.1, 0.0, 0.5, 0.6, np.nan]), 0.5)
    assert seen.tolist() == [False, True, True, False, False]


def test_frames_without_times():
    with pytest.raises(BadInput, match="events of 3 frames, but 2 frame times"):
        bin_events(np.zeros((3, 1)), np.array([0.0, 1.0]), np.array([0.0]), 1.0, 1)
    with pytest.raises(BadInput, match="it takes two to know how long a frame lasts"):
        frame_edges(np.array([1.0]))
