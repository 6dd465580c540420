"""What every deconvolver promises that needs no training, whichever it is."""

import numpy as np
import pytest

from neuropipe import calcium
from neuropipe.calcium.scores import score
from neuropipe.errors import BadInput

RATE = 30.0
READY = [name for name, plugin in calcium.available().items() if not plugin.facts.get("needs_training")]
every = pytest.mark.parametrize("method", READY)


def traces(n_roi=3, duration=120.0, noise=0.05, seed=0):
    """(dff (time, roi), frame_times, trains): half a spike a second, transients of 1 dF/F that decay in 0.8 s."""
    rng = np.random.default_rng(seed)
    frame_times = np.arange(0, duration, 1 / RATE)
    trains = [np.sort(rng.uniform(1, duration - 1, rng.poisson(duration / 2))) for _ in range(n_roi)]
    since = [frame_times[:, None] - spikes for spikes in trains]
    dff = np.stack([(np.exp(-s.clip(0) / 0.8) * (s >= 0)).sum(1) for s in since], axis=1)
    return dff + noise * rng.standard_normal(dff.shape), frame_times, trains


@every
def test_it_says_in_what_its_events_are_counted(method):
    plugin = calcium.available()[method]
    assert plugin.facts["units"]
    assert plugin.summary


@every
def test_events_follow_the_true_spikes(method):
    dff, frame_times, trains = traces()
    events = calcium.deconvolve(dff, RATE, method=method)
    assert events.shape == dff.shape
    assert events.dtype == np.float32
    assert (events >= 0).all()
    offsets = np.cumsum([0, *map(len, trains)])
    table = score(
        events, frame_times, np.concatenate(trains), offsets, in_spikes=False, smoothings=(0.1,), n_resamples=2
    )
    assert (table["correlation"] > 0.85).all()
    assert (table["lag"].abs() < 0.05).all()


@every
def test_the_same_traces_give_the_same_events_and_blocks_what_all_at_once_gives(method, monkeypatch):
    dff, _, _ = traces(n_roi=5, duration=40.0)
    together = calcium.deconvolve(dff, RATE, method=method)
    assert np.array_equal(calcium.deconvolve(dff, RATE, method=method), together)
    monkeypatch.setattr(calcium, "BLOCK", 2)
    np.testing.assert_allclose(calcium.deconvolve(dff, RATE, method=method), together, atol=1e-6)


@every
def test_scaling_and_offset(method):
    dff, _, _ = traces(duration=40.0)
    events = calcium.deconvolve(dff, RATE, method=method)
    np.testing.assert_allclose(calcium.deconvolve(4 * dff, RATE, method=method), 4 * events, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(calcium.deconvolve(dff + 2, RATE, method=method), events, atol=1e-4)


@every
def test_a_constant_trace_has_no_events_and_changes_none_of_its_neighbours(method):
    dff, _, _ = traces(n_roi=2, duration=40.0)
    events = calcium.deconvolve(np.hstack([np.full_like(dff[:, :1], 0.7), dff]), RATE, method=method)
    assert not events[:, 0].any()
    np.testing.assert_allclose(events[:, 1:], calcium.deconvolve(dff, RATE, method=method), atol=1e-6)


@every
@pytest.mark.parametrize("n_frames", [2, 3, 10])
def test_a_few_frames_are_enough(method, n_frames):
    dff = np.random.default_rng(0).standard_normal((n_frames, 3))
    events = calcium.deconvolve(dff, RATE, method=method)
    assert events.shape == (n_frames, 3)
    assert np.isfinite(events).all()


@every
@pytest.mark.parametrize(
    ("dff", "frame_rate", "said"),
    [
        (np.zeros((1, 5)), RATE, "at least two frames"),
        (np.zeros((50, 1)), None, "needs the frame rate"),
        (np.full((50, 1), np.inf), RATE, "infinite at frame 0"),
        (np.full((50, 1), np.nan), RATE, "no dF/F"),
    ],
)
def test_bad_input_is_refused(method, dff, frame_rate, said):
    with pytest.raises(BadInput, match=said):
        calcium.deconvolve(dff, frame_rate, method=method)


@every
def test_unknown_and_impossible_parameters_are_refused(method):
    with pytest.raises(BadInput, match="has no parameter 'decays'"):
        calcium.deconvolve(np.zeros((50, 1)), RATE, method=method, decays=1.0)
    with pytest.raises(BadInput, match="decay must be positive"):
        calcium.deconvolve(np.zeros((50, 1)), RATE, method=method, decay=-1.0)


def test_suite2p_takes_the_decay_of_the_indicator():
    dff, _, _ = traces(duration=40.0)
    by_name = calcium.deconvolve(dff, RATE, method="suite2p", indicator="GCaMP6s")
    assert np.array_equal(by_name, calcium.deconvolve(dff, RATE, method="suite2p", decay=1.25))
    with pytest.raises(BadInput, match="indicator 'GCaMP7' is none of GCaMP6f, GCaMP6m, GCaMP6s"):
        calcium.deconvolve(dff, RATE, method="suite2p", indicator="GCaMP7")


def test_a_noiseless_jump_is_one_event_of_its_size_to_suite2p():
    frame_times = np.arange(0, 60, 1 / RATE)
    dff = (0.5 * np.exp(-(frame_times - 30).clip(0)) * (frame_times >= 30))[:, None]
    events = calcium.deconvolve(dff, RATE, method="suite2p", decay=1.0)[:, 0]
    assert events[900] == pytest.approx(0.5, rel=0.01)
    assert events.sum() == pytest.approx(0.5, rel=0.02)
