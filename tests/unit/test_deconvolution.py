"""Deconvolution gives back the spikes of simulated traces, at any frame rate, and refuses what it can't know."""

import numpy as np
import pytest
from oasis import oasisAR1, oasisAR2

from neuropipe import calcium
from neuropipe.calcium.oasis import put_back
from neuropipe.calcium.oasis_kernel import oasis_ar2
from neuropipe.calcium.preprocessing import fill_gaps, frame_rate_of, noise_level, running_baseline
from neuropipe.calcium.scores import score
from neuropipe.calcium.time_constants import USUAL_DECAY, USUAL_RISE, time_constants
from neuropipe.errors import BadInput

DECAY, RISE = 0.7, 0.07  # s
KNOWN = {"decay": DECAY, "rise": RISE}


def cell(frame_rate: float, *, duration=240.0, rate=0.5, noise=0.05, decay=DECAY, rise=RISE, seed=0):
    """(dff (time, 1), frame_times, spike_times): spikes at any time, transients of peak 1, frames that see an instant.

    Noise is white in time: its SD is `noise` at 30 Hz and grows with the square root of the frame rate.
    """
    rng = np.random.default_rng(seed)
    spikes = np.sort(rng.uniform(1, duration - 1, rng.poisson(rate * (duration - 2))))
    times = np.arange(0, duration, 1 / frame_rate)
    since = times[:, None] - spikes
    peak = np.log(decay / rise) * decay * rise / (decay - rise)
    height = np.exp(-peak / decay) - np.exp(-peak / rise)
    dff = (np.exp(-since.clip(0) / decay) - np.exp(-since.clip(0) / rise)) * (since >= 0)
    dff = dff.sum(1) / height
    return (dff + noise * np.sqrt(frame_rate / 30) * rng.standard_normal(len(times)))[:, None], times, spikes


def scored(events, times, spikes, **parameters):
    table = score(events, times, spikes, np.array([0, len(spikes)]), smoothings=(0.08,), n_resamples=20, **parameters)
    return table.iloc[0]


class TestKnownSpikes:
    @pytest.mark.parametrize("frame_rate", [10.0, 30.0, 100.0, 160.0])
    def test_spikes_come_back_at_their_times_and_in_their_number_at_any_frame_rate(self, frame_rate):
        dff, times, spikes = cell(frame_rate)
        found = scored(calcium.deconvolve(dff, frame_rate, **KNOWN), times, spikes)
        assert found.correlation > (0.9 if frame_rate >= 30 else 0.85)
        assert abs(found.lag) < max(0.01, 0.15 / frame_rate)  # s
        assert abs(found.bias) < 0.05
        assert found.error_rate < 0.1

    def test_time_constants_need_not_be_told(self):
        dff, times, spikes = cell(30.0)
        found = scored(calcium.deconvolve(dff, 30.0), times, spikes)
        assert found.correlation > 0.9
        assert abs(found.lag) < 0.02
        assert abs(found.bias) < 0.15

    def test_order_one_corrects_the_lag_of_the_rise(self):
        dff, times, spikes = cell(30.0)
        assert abs(scored(calcium.deconvolve(dff, 30.0, order=1), times, spikes).lag) < 0.025

    def test_a_jump_needs_no_rise(self):
        dff, times, spikes = cell(30.0, rise=1e-6)
        found = scored(calcium.deconvolve(dff, 30.0, order=1, decay=DECAY, rise=1e-6), times, spikes)
        assert found.correlation > 0.95
        assert abs(found.lag) < 0.005
        assert abs(found.bias) < 0.1

    def test_a_clean_spike_is_one_event(self):
        times = np.arange(0, 60, 1 / 30)
        since = (times - 30.0).clip(0)
        dff = (np.exp(-since / DECAY) - np.exp(-since / RISE))[:, None]
        events = calcium.deconvolve(dff / dff.max(), 30.0, **KNOWN)[:, 0]
        assert np.flatnonzero(events > 1e-3).tolist() == [900]  # the frame of 30 s
        assert events.sum() == pytest.approx(1, abs=0.01)


class TestInvariance:
    def test_scaling_a_trace_scales_its_events_and_moves_none(self):
        dff, _, _ = cell(30.0, duration=120.0)
        events = calcium.deconvolve(dff, 30.0)
        assert calcium.deconvolve(8 * dff, 30.0) == pytest.approx(8 * events, rel=1e-5, abs=1e-7)
        assert calcium.deconvolve(dff, 30.0, unit_amplitude=0.5) == pytest.approx(2 * events, rel=1e-5)

    def test_an_offset_changes_nothing(self):
        dff, _, _ = cell(30.0, duration=120.0)
        assert calcium.deconvolve(dff + 3.0, 30.0) == pytest.approx(calcium.deconvolve(dff, 30.0), abs=1e-6)

    def test_a_slow_drift_changes_the_number_of_spikes_by_little(self):
        dff, times, spikes = cell(30.0)
        drift = 0.5 * np.sin(2 * np.pi * times / 240)[:, None]
        assert abs(scored(calcium.deconvolve(dff + drift, 30.0, **KNOWN), times, spikes).bias) < 0.1

    def test_rois_are_deconvolved_by_themselves_and_by_blocks(self, monkeypatch):
        dff = np.hstack([cell(30.0, duration=60.0, seed=seed)[0] for seed in range(5)])
        together = calcium.deconvolve(dff, 30.0)
        monkeypatch.setattr(calcium, "BLOCK", 2)
        out = np.zeros(dff.shape, np.float32)
        assert calcium.deconvolve(dff, 30.0, out=out) is out
        assert np.array_equal(out, together)
        assert together.dtype == np.float32

    def test_putting_events_back_loses_none(self):
        events = np.random.default_rng(0).poisson(0.3, (40, 2)).astype(float)
        events[:2] = 0
        back = put_back(events, 4, np.array([3.0, 4.5]), 163)
        assert back.shape == (163, 2)
        assert back.sum(0) == pytest.approx(events.sum(0))
        one = np.zeros((10, 1))
        one[5] = 1.0
        assert put_back(one, 4, np.array([4.0]), 40)[:, 0] == pytest.approx(
            np.repeat(np.eye(10)[4] / 4, 4)
        )  # a coarse frame ahead, evenly over its four frames


class TestCore:
    @pytest.mark.parametrize("s_min", [0.0, 0.3])
    @pytest.mark.parametrize(("d", "r"), [(0.95, 0.5), (0.98, 0.9), (0.9, 0.1)])
    @pytest.mark.parametrize("rate", [0.0, 0.01, 0.3])
    def test_ar2_equals_the_library(self, rate, d, r, s_min):
        rng = np.random.default_rng(1)
        trace = 0.3 * rng.standard_normal(2000)
        calcium_level = np.zeros(2000)
        spikes = rng.poisson(rate, 2000)
        for t in range(2, 2000):
            calcium_level[t] = (d + r) * calcium_level[t - 1] - d * r * calcium_level[t - 2] + spikes[t]
        _, theirs = oasisAR2(trace + calcium_level, d + r, -d * r, s_min=s_min)
        theirs[:2] = 0
        assert oasis_ar2(trace + calcium_level, d, r, s_min) == pytest.approx(theirs, abs=1e-9)

    def test_ar1_is_the_library_at_these_parameters(self):
        dff, _, _ = cell(30.0, duration=60.0)
        corrected = dff - running_baseline(dff, 30.0, 60.0, 0.1)
        _, theirs = oasisAR1(corrected[:, 0], np.exp(-1 / (DECAY * 30)), s_min=2 * noise_level(corrected)[0])
        late = np.array([0.5 + 0.5 * RISE * 30])  # frames
        ours = calcium.deconvolve(dff, 30.0, order=1, **KNOWN)
        assert ours == pytest.approx(put_back(np.maximum(theirs, 0)[:, None], 1, late, len(dff)), abs=1e-6)


class TestParameters:
    def test_noise_and_baseline(self):
        dff, times, _ = cell(30.0, noise=0.05, rate=0.1)
        assert noise_level(dff)[0] == pytest.approx(0.05, rel=0.1)
        assert noise_level(np.zeros((100, 2))).tolist() == [0, 0]
        line = 2.0 + 0.001 * times[:, None]
        assert running_baseline(line, 30.0, 60.0, 0.5)[900:-900] == pytest.approx(line[900:-900], abs=0.005)

    @pytest.mark.parametrize("frame_rate", [10.0, 30.0])
    @pytest.mark.parametrize(("decay", "rise"), [(0.3, 0.03), (0.7, 0.07), (1.4, 0.2)])
    def test_time_constants_are_the_geometric_mean_of_the_true_and_the_usual_ones(self, decay, rise, frame_rate):
        cells = [
            cell(frame_rate, decay=decay, rise=rise, noise=0.02, duration=600.0, rate=0.3, seed=seed)[0]
            for seed in range(8)
        ]
        found_decay, found_rise = time_constants(np.hstack(cells), frame_rate)
        assert np.median(found_decay) == pytest.approx(np.sqrt(decay * USUAL_DECAY), rel=0.2)
        assert np.median(found_rise) == pytest.approx(np.sqrt(rise * USUAL_RISE), rel=0.35)

    def test_a_short_recording_takes_the_usual_ones(self):
        decay, rise = time_constants(np.random.default_rng(0).standard_normal((90, 2)), 30.0)
        assert decay.tolist() == [USUAL_DECAY] * 2
        assert rise.tolist() == [USUAL_RISE] * 2


class TestBadInput:
    def test_a_constant_trace_has_no_events(self):
        dff, _, _ = cell(30.0, duration=20.0)
        for order in (1, 2):
            events = calcium.deconvolve(np.hstack([np.full_like(dff, 0.7), dff]), 30.0, order=order)
            assert not events[:, 0].any()
            assert events[:, 1].any()

    @pytest.mark.parametrize("n", [2, 3, 10])
    def test_a_few_frames_are_enough(self, n):
        events = calcium.deconvolve(np.random.default_rng(0).standard_normal((n, 3)), 30.0)
        assert events.shape == (n, 3)
        assert np.isfinite(events).all()

    def test_short_gaps_are_interpolated(self):
        dff, times, spikes = cell(30.0, duration=120.0)
        gappy = dff.copy()
        gappy[1000:1020] = np.nan
        assert scored(calcium.deconvolve(gappy, 30.0, **KNOWN), times, spikes).correlation > 0.85
        filled = fill_gaps(np.array([[np.nan], [1.0], [np.nan], [3.0], [np.nan]]), 1.0, 1.0)
        assert filled[:, 0].tolist() == [1, 1, 2, 3, 3]

    def test_a_long_gap_is_refused_with_its_place(self):
        dff = np.tile(cell(30.0, duration=20.0)[0], 70)
        dff[100:140, 66] = np.nan
        with pytest.raises(BadInput, match=r"ROI 66 has no dF/F for 1\.33 s from frame 100"):
            calcium.deconvolve(dff, 30.0)
        assert np.isfinite(calcium.deconvolve(dff, 30.0, longest_gap=2.0)).all()

    @pytest.mark.parametrize(
        ("traces", "frame_rate", "parameters", "said"),
        [
            (np.zeros((1, 5)), 30.0, {}, "at least two frames"),
            (np.zeros(50), 30.0, {}, r"\(time, roi\)"),
            (np.zeros((50, 1)), None, {}, "needs the frame rate"),
            (np.zeros((50, 1)), 0.0, {}, "positive number of frames"),
            (np.full((50, 1), np.inf), 30.0, {}, "infinite at frame 0"),
            (np.full((50, 1), np.nan), 30.0, {}, r"no dF/F for 1\.67 s"),
            (np.zeros((50, 1)), 30.0, {"order": 3}, "order 1"),
            (np.zeros((50, 1)), 30.0, {"decay": 0.1, "rise": 0.2}, "shorter than the decay"),
            (np.zeros((50, 1)), 30.0, {"decay": -1.0}, "must be positive"),
            (np.zeros((50, 1)), 30.0, {"ordre": 2}, "order"),
            (np.zeros((50, 1)), 30.0, {"method": "oases"}, "oasis"),
        ],
    )
    def test_what_cannot_be_deconvolved_is_refused(self, traces, frame_rate, parameters, said):
        with pytest.raises(BadInput, match=said):
            calcium.deconvolve(traces, frame_rate, **parameters)

    @pytest.mark.parametrize(
        ("times", "said"),
        [
            ([0, 1, 2, 1.5, 3], "frame 3 at 1.5 s comes after frame 2"),
            ([0, 1, 2, 4, 5, 6], "between frames 2 and 3 lie 2 s where 1 s are usual"),
            ([0, 1, np.nan], "frame 2 has no finite time"),
            ([0.0], "at least two frames"),
        ],
    )
    def test_frame_times_that_run_backwards_or_skip_are_refused(self, times, said):
        with pytest.raises(BadInput, match=said):
            frame_rate_of(np.array(times, float))

    def test_frames_with_a_little_jitter_have_a_rate(self):
        times = np.arange(100) / 25 + np.random.default_rng(0).uniform(-0.001, 0.001, 100)
        assert frame_rate_of(times) == pytest.approx(25, rel=0.02)
