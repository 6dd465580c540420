"""Fluorescence: what a recording of it must hold, how it lies in an artifact, and what each format can get wrong."""

import numpy as np
import pandas as pd
import pytest

from neuropipe import readers
from neuropipe.calcium.baseline import delta_f_over_f, subtract_neuropil
from neuropipe.calcium.recorded import recorded_spans, standardized_noise
from neuropipe.errors import BadInput
from neuropipe.recording import Fluorescence, Recording, SpikeTrains
from resources.store.artifact import Artifact, Draft
from resources.store.recording_format import roi_blocks, roi_chunks, write_recording
from tests.unit.test_readers import (
    DFF,
    FRAME_TIMES,
    N_FRAMES,
    N_ROI,
    Trap,
    cell,
    calcium_ground_truth,
    read,
    suite2p,
    traces_csv,
    traces_npz,
)


def imaged(dff=DFF, frame_times=FRAME_TIMES, **more) -> Recording:
    units = pd.DataFrame({"roi": np.arange(dff.shape[-1])})
    return Recording(units=units, fluorescence=Fluorescence(dff, frame_times), **more)


def changed(values, at, to):
    copy = values.copy()
    copy[at] = to
    return copy


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


class TestArtifact:
    def test_holds_what_was_recorded(self, tmp_path):
        draft = Draft(tmp_path)
        write_recording(draft, imaged())
        found = Artifact(tmp_path, {}).arrays
        np.testing.assert_array_equal(found["dff"][:], DFF)
        np.testing.assert_array_equal(found["frame_times"][:], FRAME_TIMES)
        assert draft.metadata["frame_rate"] == 30
        assert (draft.metadata["frames"], draft.metadata["n_units"], draft.metadata["not_recorded"]) == (40, 3, 0)

    @pytest.mark.parametrize(
        ("shape", "chunks"),
        [((40, 3), (40, 3)), ((54_000, 1000), (54_000, 19)), ((3_000_000, 5), (1 << 20, 1)), ((2, 1), (2, 1))],
    )
    def test_lies_in_chunks_of_whole_rois(self, shape, chunks):
        assert roi_chunks(shape) == chunks

    def test_is_read_chunk_by_chunk(self):
        class Stored:
            shape, chunks = (54_000, 50), (54_000, 19)

        assert list(roi_blocks(Stored())) == [slice(0, 19), slice(19, 38), slice(38, 50)]


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


class TestGroundTruth:
    def test_a_recording_of_the_neuron_is_an_roi_with_its_true_spikes(self, tmp_path):
        later = {"fluo_time": cell()["fluo_time"] + 0.002, "fluo_mean": DFF[:30, 1].astype(float)}
        later["fluo_time"] = later["fluo_time"][:30]
        found = read("calcium_ground_truth", calcium_ground_truth(tmp_path, cell(), cell(**later)))
        assert found.fluorescence.dff.shape == (40, 2)
        np.testing.assert_array_equal(found.fluorescence.dff[:30, 1], DFF[:30, 1])
        assert np.isnan(found.fluorescence.dff[30:, 1]).all()
        assert found.truth["spike_offsets"].tolist() == [0, 3, 6]
        # spikes of the second move with its clock: they stay where they were relative to its frames
        np.testing.assert_allclose(found.truth["spike_times"], [0.1, 0.25, 0.26, 0.098, 0.248, 0.258])
        assert found.units["true_spikes"].tolist() == [3, 3]

    @pytest.mark.parametrize(
        ("cells", "sentence"),
        [
            ([{"fluo_time": np.arange(3.0), "fluo_mean": np.zeros(3)}], "lacks events_AP; it has fluo_mean, fluo_time"),
            ([cell(fluo_mean=np.zeros(5))], "has 5 values of fluo_mean at 40 times"),
            ([cell(fluo_mean="text")], "fluo_mean is no array of numbers"),
            ([cell(), cell(fluo_time=cell()["fluo_time"] * 1.1)], "save recordings of one frame rate together"),
            ([cell(), cell(fluo_time=cell()["fluo_time"] + 1)], "starts at 1.008 s"),
            ([cell(fluo_time=cell()["fluo_time"][::-1])], "frame times run backwards"),
        ],
    )
    def test_refusals(self, cells, sentence, tmp_path):
        with pytest.raises(BadInput, match=sentence):
            read("calcium_ground_truth", calcium_ground_truth(tmp_path, *cells))

    def test_a_variable_that_is_no_cell_is_refused(self, tmp_path):
        from scipy.io import savemat

        path = tmp_path / "neuron.mat"
        savemat(path, {"CAttached": np.zeros(3)})
        with pytest.raises(BadInput, match="no cell array of structs"):
            read("calcium_ground_truth", path)


class TestSuite2p:
    def test_gives_the_cells_their_dff(self, tmp_path):
        bright = changed(np.full((N_ROI, N_FRAMES), 100.0), (2, slice(20, 23)), 113.0)
        found = read("suite2p", suite2p(tmp_path, F=bright))
        assert found.units.to_dict("list") == {"roi": [0, 2], "is_cell": [True, True], "probability": [0.9, 0.8]}
        expected = np.zeros((N_FRAMES, 2))
        expected[20:23, 1] = 13 / 65
        np.testing.assert_allclose(found.fluorescence.dff, expected, atol=1e-5)
        assert found.fluorescence.frame_times[-1] == pytest.approx(3.9)

    def test_all_rois_are_given_when_asked_for(self, tmp_path):
        assert read("suite2p", suite2p(tmp_path), only_cells=False).units["roi"].tolist() == [0, 1, 2]

    def test_rois_dimmer_than_their_surroundings_are_left_out(self, tmp_path):
        surround = np.full((N_ROI, N_FRAMES), 50.0)
        path = suite2p(tmp_path, Fneu=changed(surround, 0, 200.0))
        assert read("suite2p", path).units["roi"].tolist() == [2]
        with pytest.raises(BadInput, match="no ROI is brighter than 0.7 x its neuropil"):
            read("suite2p", suite2p(tmp_path, Fneu=surround * 4))

    @pytest.mark.parametrize("name", ["F", "Fneu", "iscell"])
    def test_pickled_objects_are_refused_and_never_made(self, name, tmp_path):
        sprung = tmp_path / "sprung"
        path = suite2p(tmp_path, **{name: np.array([Trap(sprung)] * N_ROI, dtype=object)})
        with pytest.raises(BadInput, match=rf"{name}.npy holds pickled Python objects .* refused"):
            read("suite2p", path)
        assert not sprung.exists()

    def test_pickles_beside_are_never_opened(self, tmp_path):
        sprung = tmp_path / "sprung"
        files = {"F.npy": suite2p(tmp_path)}
        for name in ("stat", "ops"):
            np.save(tmp_path / f"{name}.npy", np.array([Trap(sprung)], dtype=object))
        files |= {name: tmp_path / name for name in ("Fneu.npy", "stat.npy", "ops.npy")}
        found = readers.get("suite2p").load()(files, frame_rate=10.0)
        assert len(found.units) == N_ROI
        assert not sprung.exists()

    @pytest.mark.parametrize(
        ("frame_rate", "sentence"),
        [(None, r"the frame rate is not known: .* a pickle, which is never opened; give `frame_rate: ` in Hz"),
         (0, "must be above 0, in Hz, found 0"), ("30", "must be one number, in Hz, found '30'"),
         (float("nan"), "above 0, in Hz, found nan")],
    )  # fmt: skip
    def test_a_frame_rate_is_needed(self, frame_rate, sentence, tmp_path):
        with pytest.raises(BadInput, match=sentence):
            read("suite2p", suite2p(tmp_path), frame_rate=frame_rate)

    @pytest.mark.parametrize(
        ("arrays", "sentence"),
        [
            ({"Fneu": np.zeros((N_ROI, 5))}, r"F.npy is \(3, 40\) and Fneu.npy \(3, 5\)"),
            ({"F": changed(DFF.T, (1, 4), np.nan)}, "F.npy holds nan in ROI 1 at frame 4"),
            ({"F": np.zeros(4)}, r"F.npy holds float64 \(4,\); fluorescence is numbers, \(roi, time\)"),
            ({"iscell": np.zeros((2, 2))}, r"iscell.npy is float64 \(2, 2\); expected \(3, 2\)"),
            ({"iscell": np.zeros((3, 2))}, "calls none of 3 ROIs a cell"),
        ],
    )
    def test_refusals(self, arrays, sentence, tmp_path):
        with pytest.raises(BadInput, match=sentence):
            read("suite2p", suite2p(tmp_path, **arrays))


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


class TestNwb:
    def imaged(self, folder, **changed):
        import h5py

        path = folder / "mouse.nwb"
        arrays = {"data": DFF.astype(float), "timestamps": FRAME_TIMES, "rois": np.array([4, 5, 9])} | changed
        with h5py.File(path, "w") as file:
            series = file.create_group("processing/ophys/DfOverF/RoiResponseSeries")
            series.attrs["neurodata_type"] = "RoiResponseSeries"
            for name, values in arrays.items():
                if values is not None:
                    series[name] = values
        return path

    WHERE = {"fluorescence": "processing/ophys/DfOverF/RoiResponseSeries", "behaviour": None}

    def test_a_series_of_rois(self, tmp_path):
        found = read("nwb", self.imaged(tmp_path), **self.WHERE)
        np.testing.assert_array_equal(found.fluorescence.dff, DFF)
        np.testing.assert_array_equal(found.fluorescence.frame_times, FRAME_TIMES)
        assert found.units["roi"].tolist() == [4, 5, 9]

    def test_a_file_without_units_is_told_of_its_fluorescence(self, tmp_path):
        with pytest.raises(BadInput, match="say `fluorescence: processing/ophys/DfOverF/RoiResponseSeries` in its"):
            read("nwb", self.imaged(tmp_path), behaviour=None)

    @pytest.mark.parametrize(
        ("changed", "sentence"),
        [
            ({"timestamps": FRAME_TIMES[::-1]}, "frame times run backwards"),
            ({"timestamps": FRAME_TIMES[1:]}, "has 40 values at 39 times"),
            ({"timestamps": None}, "has no .*starting_time; there is data, rois"),
            ({"rois": np.arange(2)}, "has 3 columns for 2 ROIs"),
            ({"data": np.zeros((40, 2, 2))}, "fluorescence is \\(time, roi\\)"),
        ],
    )
    def test_refusals(self, changed, sentence, tmp_path):
        with pytest.raises(BadInput, match=sentence):
            read("nwb", self.imaged(tmp_path, **changed), **self.WHERE)
