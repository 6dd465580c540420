"""Fluorescence: what a recording must hold, baselines, and stretches without data."""

import numpy as np
import pandas as pd
import pytest

from neuropipe.calcium.baseline import delta_f_over_f, subtract_neuropil
from neuropipe.calcium.recorded import recorded_spans, standardized_noise
from neuropipe.errors import BadInput
from neuropipe.recording import Fluorescence, Recording, SpikeTrains
from tests.readers.formats import DFF, FRAME_TIMES, N_FRAMES, N_ROI, changed


def imaged(dff=DFF, frame_times=FRAME_TIMES, **more) -> Recording:
    units = pd.DataFrame({"roi": np.arange(dff.shape[-1])})
    return Recording(units=units, fluorescence=Fluorescence(dff, frame_times), **more)


class TestRecording:
    def test_frame_rate_and_skipped_frames_follow_from_the_frame_times(self):
        assert imaged().fluorescence.frame_rate == pytest.approx(30)
        assert imaged().fluorescence.n_skipped == 0
        kept = np.delete(np.arange(N_FRAMES), [7, 20, 21])
        assert imaged(DFF[kept], FRAME_TIMES[kept]).fluorescence.n_skipped == 3

    def test_gaps_are_kept_as_they_are(self):
        gappy = changed(DFF, (slice(3, 9), 1), np.nan)
        np.testing.assert_array_equal(imaged(gappy).fluorescence.dff, gappy)

    @pytest.mark.parametrize(
        ("dff", "times", "sentence"),
        [
            (
                DFF,
                FRAME_TIMES[::-1],
                "run backwards: frame 1 is at 3.26666667 s, the one before it at 3.3 s",
            ),
            (DFF, changed(FRAME_TIMES, 5, FRAME_TIMES[4]), "frame 5 is at 2.13333333 s"),
            (DFF, changed(FRAME_TIMES, 5, np.nan), "the time of frame 5 is nan"),
            (DFF, FRAME_TIMES[1:], r"\(40, 3\) and \(39,\) frame times"),
            (DFF[:1], FRAME_TIMES[:1], "the recording has 1 frame"),
            (DFF[:, :0], FRAME_TIMES, "at least one ROI"),
            (DFF.astype(float), FRAME_TIMES, "must be float32"),
            (changed(DFF, (7, 2), np.inf), FRAME_TIMES, "dF/F of ROI 2 is infinite at frame 7"),
            (changed(DFF, (slice(None), 1), np.nan), FRAME_TIMES, r"ROI 1 holds no dF/F but NaN \(1 such of 3\)"),
        ],
    )
    def test_refusals(self, dff, times, sentence):
        with pytest.raises(BadInput, match=sentence):
            imaged(dff, times)

    def test_holds_one_kind_of_activity(self):
        with pytest.raises(BadInput, match="one, not 2"):
            imaged(spikes=SpikeTrains.from_list([np.zeros(1)] * N_ROI))
        with pytest.raises(BadInput, match="one, not 0"):
            Recording(units=pd.DataFrame({"roi": [0]}))

    def test_true_spikes_belong_to_the_rois(self):
        with pytest.raises(BadInput, match="true spikes of 1 ROIs, and dF/F of 3"):
            imaged(truth={"spike_times": np.zeros(1), "spike_offsets": np.array([0, 1])})
        with pytest.raises(BadInput, match="unit 1 are not sorted"):
            imaged(truth={"spike_times": np.array([1.0, 5, 2]), "spike_offsets": np.array([0, 1, 3, 3])})


class TestBaseline:
    def test_neuropil_is_taken_off_by_its_coefficient(self):
        np.testing.assert_allclose(subtract_neuropil(np.full((2, 1), 100.0), np.full((2, 1), 50.0)), 65)

    def test_a_trace_on_a_slope_is_told_relative_to_the_slope(self):
        time = np.arange(6000) / 10
        level = 100 - time / 50  # bleaching, by 12 %
        transients = np.zeros(6000)
        transients[::400] = 0.5
        dff = delta_f_over_f((level * (1 + transients)).astype(np.float32)[:, None], 10.0)[:, 0]
        inside = slice(400, -400)
        assert np.abs(dff[inside] - transients[inside]).max() < 0.015

    @pytest.mark.parametrize("n_frames", [2, 3, 17, 601])
    def test_any_length_has_a_baseline(self, n_frames):
        np.testing.assert_allclose(delta_f_over_f(np.full((n_frames, 2), 7.0), 10.0), 0, atol=1e-6)

    def test_relative_to_nothing_is_no_number(self):
        assert np.isnan(delta_f_over_f(np.full((50, 1), -1.0, np.float32), 10.0)).all()


def test_spans_begin_and_end_with_recorded_frames():
    dff = np.zeros((10, 4), np.float32)
    dff[6:, 1] = dff[:2, 2] = dff[4, 0] = np.nan
    spans = [((frames.start, frames.stop), rois.tolist()) for frames, rois in recorded_spans(dff)]
    assert spans == [((0, 6), [1]), ((0, 10), [0, 3]), ((2, 10), [2])]


def test_standardized_noise_of_white_noise_is_its_size_over_the_root_of_the_rate():
    noise = np.random.default_rng(0).normal(0, 0.1, (20_000, 1))
    # the median of |x - y| of two normals is 0.6745 x sqrt(2) x sd
    assert standardized_noise(noise, 25.0)[0] == pytest.approx(100 * 0.1 * 0.954 / 5, rel=0.03)
