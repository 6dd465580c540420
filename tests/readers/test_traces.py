"""A user's own dF/F in .npz and .csv files."""

import numpy as np
import pytest

from neuropipe.errors import BadInput
from tests.readers.formats import DFF, FRAME_TIMES, N_FRAMES, changed, read, traces_csv, traces_npz

TRUE = {"spike_times": np.array([2.1, 2.5, 3.0]), "spike_offsets": np.array([0, 2, 2, 3])}


class TestTraces:
    def test_npz_with_frame_times_properties_and_true_spikes(self, tmp_path):
        found = read("traces_npz", traces_npz(tmp_path, **TRUE), truth=True)
        np.testing.assert_array_equal(found.fluorescence.dff, DFF)
        np.testing.assert_array_equal(found.fluorescence.frame_times, FRAME_TIMES)
        assert found.units.to_dict("list") == {"roi": [0, 1, 2], "x": [0, 1, 2]}
        assert found.truth["spike_offsets"].tolist() == [0, 2, 2, 3]

    def test_npz_with_trials_and_behaviour(self, tmp_path):
        decoded = {"trial_start": [2.0, 3.0], "choice": [-1, 1], "time": [2.0, 2.5, 3.0], "behaviour_speed": [0, 1, 2]}
        arrays = {name: np.array(values) for name, values in decoded.items()}
        found = read("traces_npz", traces_npz(tmp_path, **arrays))
        assert found.trials.to_dict("list") == {"start": [2.0, 3.0], "choice": [-1, 1]}
        np.testing.assert_array_equal(found.behaviour["speed"].values, [0, 1, 2])

    @pytest.mark.parametrize("inside", [True, False])
    def test_npz_with_a_frame_rate(self, inside, tmp_path):
        path = traces_npz(tmp_path, frame_times=None, frame_rate=20.0 if inside else None)
        found = read("traces_npz", path, **({} if inside else {"frame_rate": 20.0}))
        np.testing.assert_allclose(found.fluorescence.frame_times, np.arange(N_FRAMES) / 20)

    def test_one_trace_may_be_flat(self, tmp_path):
        assert read("traces_npz", traces_npz(tmp_path, dff=DFF[:, 0], roi_x=None)).fluorescence.dff.shape == (40, 1)

    @pytest.mark.parametrize(
        ("arrays", "parameters", "sentence"),
        [
            ({"frame_times": None}, {}, "does not say when its frames were taken: save frame_times, s, or frame_rate"),
            ({"frame_rate": 30.0}, {}, "frame_times and frame_rate both say when frames were taken"),
            ({}, {"frame_rate": 30.0}, "frame_times and frame_rate in the parameters both say"),
            ({"frame_times": None, "frame_rate": np.ones(2)}, {}, "frame_rate must be one number"),
            ({"frame_times": None, "frame_rate": -3.0}, {}, "frame_rate must be above 0, in Hz, found -3.0"),
            ({"frame_times": FRAME_TIMES[::-1]}, {}, "frame times run backwards"),
            ({"frame_times": FRAME_TIMES[1:]}, {}, "give a time, in s, for each of 40 frames"),
            ({"dff": np.array([["a"]])}, {}, "dF/F is numbers"),
            ({"dff": None}, {}, "must hold dff.*it has frame_times, roi_x"),
            ({"labels": np.zeros(3)}, {}, "has no trial_start, so labels belong to no trial"),
            ({"roi_x": np.zeros(2)}, {}, "roi_x has 2 values, but there are 3 ROIs"),
            (TRUE, {}, "holds spike_offsets, spike_times: say `truth: true`"),
            ({}, {"truth": True}, "must hold spike_offsets, spike_times"),
            (TRUE | {"spike_offsets": np.array([0, 3])}, {"truth": True}, "true spikes of 1 ROIs, and dF/F of 3"),
        ],
    )
    def test_npz_refusals(self, arrays, parameters, sentence, tmp_path):
        with pytest.raises(BadInput, match=sentence):
            read("traces_npz", traces_npz(tmp_path, **arrays), **parameters)

    def test_csv_columns_are_rois(self, tmp_path):
        gappy = changed(DFF, (slice(3, 5), 1), np.nan)
        found = read("traces_csv", traces_csv(tmp_path, **dict(zip("abc", gappy.T, strict=True))))
        np.testing.assert_allclose(found.fluorescence.dff, gappy, rtol=1e-6)
        np.testing.assert_allclose(found.fluorescence.frame_times, FRAME_TIMES)
        assert found.units["roi"].tolist() == ["a", "b", "c"]

    def test_csv_with_a_frame_rate(self, tmp_path):
        found = read("traces_csv", traces_csv(tmp_path, times=None), frame_rate=20.0)
        assert found.fluorescence.frame_rate == pytest.approx(20)

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("a,b\n1,2\n3,4\n", "does not say when its frames were taken: add a column time"),
            ("time\n1\n2\n", "has no column but time"),
            ("time,a,a\n1,2,3\n", "must name each column once"),
            ("time,a\n1,2\n3\n", "line 3: expected 2 numbers between commas, found '3'"),
            ("time,a\n1,2\n3,x\n", "line 3: expected 2 numbers"),
            ("time,a\n1,2\n2,3", "the last line is not ended"),
            ("time,a\n", "holds 1 lines"),
            ("time,a\n2,1\n1,1\n", "frame times run backwards"),
            ("time,a\n1,\n2,\n", "ROI 0 holds no dF/F but NaN"),
        ],
    )
    def test_csv_refusals(self, text, sentence, tmp_path):
        path = tmp_path / "traces.csv"
        path.write_text(text)
        with pytest.raises(BadInput, match=sentence):
            read("traces_csv", path)
