"""Public data sets in their authors' formats: values, clocks and labels as published, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from neuropipe import readers
from neuropipe.errors import BadInput
from tests.readers import public_sets as sets
from tests.readers.formats import CHOICE, COUNTS, N_TRIALS, read, steinmetz_neuromatch


class TestSpikefinder:
    def test_traces_and_spikes_are_those_of_the_tables(self, tmp_path):
        calcium, spikes = sets.spikefinder_tables(10)
        found = read("spikefinder", sets.spikefinder(tmp_path), dataset=10)
        np.testing.assert_allclose(found.fluorescence.dff, calcium, rtol=1e-6)
        np.testing.assert_allclose(found.fluorescence.frame_times[:3], [0, 0.01, 0.02])
        assert found.fluorescence.frame_rate == pytest.approx(100.0)
        assert list(found.units["neuron"]) == ["0", "1"]
        np.testing.assert_allclose(found.units["seconds"], [4.0, 3.6])
        assert list(found.units["true_spikes"]) == np.nansum(spikes, axis=0).astype(int).tolist()
        offsets = found.truth["spike_offsets"]
        for neuron in range(2):
            counts, _ = np.histogram(
                found.truth["spike_times"][offsets[neuron] : offsets[neuron + 1]], np.arange(401) / 100 - 0.005
            )
            np.testing.assert_array_equal(counts, np.nan_to_num(spikes[:, neuron]))

    def test_test_data_have_no_truth(self, tmp_path):
        calcium, _ = sets.spikefinder_tables(3)
        path = sets.spikefinder(tmp_path, **{"3.test.calcium.csv": sets.spikefinder_csv(calcium)})
        found = read("spikefinder", path, dataset=3, part="test", truth=False)
        assert not found.truth
        assert found.fluorescence.dff.shape == (400, 2)

    def test_spikes_where_no_calcium_was_recorded_are_left_out(self, tmp_path):
        calcium, spikes = sets.spikefinder_tables(1)
        spikes[390:, 1] = 5.0
        found = read("spikefinder", sets.spikefinder(tmp_path, **{"1.train.spikes.csv": sets.spikefinder_csv(spikes)}))
        assert found.truth["spike_times"].max() < 4.0
        assert found.units["true_spikes"][1] == np.nansum(spikes[:360, 1])
        shorter = sets.spikefinder_csv(spikes[:300])
        cut = read("spikefinder", sets.spikefinder(tmp_path, **{"1.train.spikes.csv": shorter}))
        assert cut.units["true_spikes"].sum() == np.nansum(spikes[:300])
        assert len(calcium) == len(cut.fluorescence.dff)

    @pytest.mark.parametrize(
        ("changed", "given", "said"),
        [
            ({}, {"dataset": None}, "give `dataset: `"),
            ({}, {"dataset": 4}, "has no 4.train.calcium.csv; it has files that begin with 1, 10"),
            ({}, {"part": "all"}, "`part: ` train or test"),
            ({"1.train.spikes.csv": None}, {}, "no 1.train.spikes.csv"),
            ({"1.train.calcium.csv": "0,1\n1,2\n"}, {}, "two samples or more"),
            ({"1.train.calcium.csv": "0,0\n1,2\n1,2\n"}, {}, "name each neuron once"),
            ({"1.train.calcium.csv": "0,1\n1,2\n1,x\n"}, {}, "line 3: expected 2 numbers"),
            ({"1.train.calcium.csv": "0,1\n1,\n1,\n"}, {}, "a neuron without any value"),
            ({"1.train.spikes.csv": "0,1\n1,0\n0.5,0\n"}, {}, "whole numbers"),
            ({"1.train.spikes.csv": "0,1\n1,0\n-1,0\n"}, {}, "whole numbers"),
            ({"1.train.spikes.csv": "0,7\n1,0\n1,0\n"}, {}, "calcium of the neurons 0, 1 and spikes of 0, 7"),
        ],
    )
    def test_refusals_say_what_is_wrong(self, tmp_path, changed, given, said):
        with pytest.raises(BadInput, match=said):
            read("spikefinder", sets.spikefinder(tmp_path, **changed), **given)


class TestStringer:
    def test_orientations_are_samples_with_their_direction(self, tmp_path):
        truth = sets.orientations()
        found = read("stringer_orientations", sets.stringer_orientations(tmp_path))
        np.testing.assert_allclose(found.signals.values, truth["sresp"].T, rtol=1e-6)
        np.testing.assert_allclose(found.units[["x", "y", "z"]], truth["xyz"].T)
        np.testing.assert_allclose(found.trials["direction"], truth["istim"])
        np.testing.assert_allclose(found.trials["run"], truth["run"])
        np.testing.assert_array_equal(found.trials["stimulus"], np.arange(40))
        doubled = found.behaviour["twice_orientation"].values
        np.testing.assert_allclose(np.exp(1j * doubled), np.exp(2j * truth["istim"]))
        assert list(found.epochs.iloc[0]) == ["stimuli", 0.0, 40.0]

    def test_spontaneous_activity_has_behaviour_in_the_same_bins(self, tmp_path):
        truth = sets.spontaneous()
        found = read("stringer_spontaneous", sets.stringer_spontaneous(tmp_path), n_face=4)
        np.testing.assert_allclose(found.signals.values, truth["sresp"].T)
        np.testing.assert_allclose(found.signals.times, 1.2 * np.arange(80))
        np.testing.assert_allclose(found.behaviour["run"].values, truth["run"][:, 0])
        np.testing.assert_allclose(found.behaviour["face"].values, truth["beh_svd_time"][:, :4])
        np.testing.assert_array_equal(np.isnan(found.behaviour["pupil_area"].values), np.arange(80) == 3)
        assert found.behaviour["pupil_position"].columns == ("x", "y")
        for series in found.behaviour.values():
            np.testing.assert_allclose(series.times, found.signals.times)

    def test_the_authors_matlab_files_hold_the_same(self, tmp_path):
        truth = sets.spontaneous()
        from_npy = read("stringer_spontaneous", sets.stringer_spontaneous(tmp_path))
        found = read("stringer_spontaneous", sets.stringer_spontaneous_mat(tmp_path), bin_width=0.4)
        np.testing.assert_allclose(found.signals.values, truth["sresp"].T)
        np.testing.assert_allclose(found.signals.times, 0.4 * np.arange(80))
        pd.testing.assert_frame_equal(found.units, from_npy.units)
        for name, series in from_npy.behaviour.items():
            np.testing.assert_allclose(found.behaviour[name].values, series.values)

    def test_the_width_of_the_bins_and_missing_parts_are_asked_for(self, tmp_path):
        path = sets.stringer_spontaneous_mat(tmp_path, leave_out="face")
        with pytest.raises(BadInput, match="give `bin_width: ` in s"):
            read("stringer_spontaneous", path, bin_width=None)
        with pytest.raises(BadInput, match="beh lacks face; it has pupil, runSpeed"):
            read("stringer_spontaneous", path)
        with pytest.raises(BadInput, match="above 0"):
            read("stringer_spontaneous", path, bin_width=0)

    def test_blank_screens_are_left_out_and_showings_numbered(self, tmp_path):
        found = read("stringer_images", sets.stringer_images(tmp_path))
        assert found.trials["image"].tolist() == [3, 1, 2, 3, 2, 1]
        assert found.trials["repeat"].tolist() == [1, 1, 1, 2, 2, 2]
        expected = np.arange(21.0).reshape(7, 3)[[0, 1, 3, 4, 5, 6]]
        expected[1, 2] = 0  # missing, and 0 in the authors' analysis
        np.testing.assert_allclose(found.signals.values, expected)
        np.testing.assert_allclose(found.units["z"], [2, 5, 8])

    @pytest.mark.parametrize("name", ["sresp", "istim", "run", "xyz"])
    def test_a_missing_field_is_named(self, tmp_path, name):
        path = sets.pickled(tmp_path / "stringer_orientations.npy", sets.orientations(), leave_out=name)
        with pytest.raises(BadInput, match=f"stringer_orientations.npy lacks {name}"):
            read("stringer_orientations", path)

    @pytest.mark.parametrize(
        ("changed", "said"),
        [
            ({"sresp": np.zeros(4)}, "sresp"),
            ({"istim": np.zeros(3)}, "istim is float64 .3,.; expected 40 numbers"),
            ({"run": np.array(["a"] * 40)}, "run is"),
            ({"xyz": np.zeros((2, 5))}, "expected x, y and z of 5 neurons"),
            ({"sresp": np.full((5, 40), np.nan)}, r"sresp holds nan at \[0, 0\]"),
        ],
    )
    def test_other_shapes_are_refused(self, tmp_path, changed, said):
        path = sets.pickled(tmp_path / "stringer_orientations.npy", sets.orientations(), **changed)
        with pytest.raises(BadInput, match=said):
            read("stringer_orientations", path)

    def test_images_without_number_are_refused(self, tmp_path):
        with pytest.raises(BadInput, match="numbers of images, counted from 1"):
            read("stringer_images", sets.stringer_images(tmp_path, istim=np.full((7, 1), 0.5)))
        with pytest.raises(BadInput, match="no image has a number up to n_images, 0"):
            read("stringer_images", sets.stringer_images(tmp_path), n_images=0)


class TestSteinmetzOfNeuromatch:
    def test_counts_choices_and_areas(self, tmp_path):
        found = read("steinmetz_neuromatch", steinmetz_neuromatch(tmp_path))
        np.testing.assert_array_equal(found.counts.counts, COUNTS)
        assert (found.counts.bin_width, found.counts.start) == (0.01, -0.5)
        assert found.trials["response"].tolist() == CHOICE.tolist()
        assert found.trials["feedback"].tolist() == [1, 1, -1, 1, 1, 1]
        np.testing.assert_allclose(found.trials["contrast_difference"], [-0.5, 0.25, 0.5, 0.0, -0.25, 1.0])
        np.testing.assert_allclose(found.trials["gocue_after"], np.linspace(0.5, 0.8, N_TRIALS))
        np.testing.assert_allclose(found.trials["response_after"], 0.9)
        assert found.units["brain_area"].tolist() == ["VISp", "CA1", "root"]
        assert found.units["trough_to_peak"].tolist() == [0, 1, 2]

    @pytest.mark.parametrize(
        ("changed", "given", "said"),
        [
            ({}, {"session": 2}, "holds 2 sessions; give `session: ` from 0 on, found 2"),
            ({}, {"session": None}, "found None"),
            ({}, {"session": 0}, "lacks brain_area"),
            ({"spks": np.zeros((3, 6))}, {}, "three axes: neuron, trial, bin"),
            ({"spks": np.full((3, 6, 4), -1)}, {}, "spike counts are whole numbers"),
            ({"response": np.zeros(5)}, {}, "5 values, but there are 6 trials"),
            ({"bin_size": "fast"}, {}, "bin_size must be one number of seconds"),
        ],
    )
    def test_refusals_say_what_is_wrong(self, tmp_path, changed, given, said):
        session = sets.steinmetz_session(COUNTS, CHOICE, **changed)
        path = sets.steinmetz_part(tmp_path / "steinmetz_part0.npz", {"spks": np.zeros((1, 1, 1))}, session)
        with pytest.raises(BadInput, match=said):
            read("steinmetz_neuromatch", path, **given)


class TestKay:
    def test_amplitudes_labels_and_regions(self, tmp_path):
        truth = sets.kay()
        found = read("kay_images", sets.kay_images(tmp_path))
        np.testing.assert_allclose(found.signals.values, np.vstack([truth["responses"], truth["responses_test"]]))
        assert found.signals.unit == "s.d."
        assert found.units["roi"].tolist() == ["V1", "V4", "V1", "V4", "V1"]
        assert found.trials["category"].tolist() == ["artifact", "animal"] * 8
        assert found.trials["object"].tolist()[:2] == ["d 3", "other 3"]
        assert found.trials["part"].tolist() == ["training"] * 12 + ["validation"] * 4

    def test_parts_and_regions_are_chosen(self, tmp_path):
        found = read("kay_images", sets.kay_images(tmp_path), parts=["validation"], regions=["V4"])
        np.testing.assert_allclose(found.signals.values, sets.kay()["responses_test"][:, [1, 3]])
        assert len(found.trials) == 4

    @pytest.mark.parametrize(
        ("changed", "given", "said"),
        [
            ({}, {"parts": ["both"]}, "parts are training and validation, found both"),
            ({}, {"regions": ["V9"]}, "no voxel of V9; it has V1, V4"),
            ({"roi": None}, {}, "no member 'roi.npy'"),
            ({"roi": np.full(5, 9)}, {}, "roi must be numbers of the 2 entries"),
            ({"kay_labels": np.array([["a"]])}, {}, "kay_labels.npy is <U1"),
            ({"responses_test": np.zeros((4, 2))}, {}, "other numbers of voxels"),
        ],
    )
    def test_refusals_say_what_is_wrong(self, tmp_path, changed, given, said):
        with pytest.raises(BadInput, match=said):
            read("kay_images", sets.kay_images(tmp_path, **changed), **given)


class TestNeuroscope:
    def test_clusters_of_all_groups_are_units(self, tmp_path):
        found = read("neuroscope", sets.neuroscope(tmp_path))
        assert found.units.to_dict("list") == {"group": [1, 1, 2], "cluster": [2, 3, 2], "spikes": [2, 1, 3]}
        assert found.spikes.offsets.tolist() == [0, 2, 3, 6]
        np.testing.assert_allclose(found.spikes.times, [0.01, 0.25, 0.05, 0.005, 0.005, 2.0])
        position = found.behaviour["position"]
        assert position.columns == ("x", "y", "x_2", "y_2")
        np.testing.assert_allclose(position.times, [0, 0.0256, 0.0512])
        np.testing.assert_array_equal(position.values, [[1, 2, 3, 4], [np.nan, np.nan, 5, 6], [7, 8, np.nan, np.nan]])

    def test_clusters_that_are_no_units_are_named(self, tmp_path):
        found = read("neuroscope", sets.neuroscope(tmp_path), left_out=[0])
        assert found.units["cluster"].tolist() == [1, 2, 3, 2]

    def test_names_with_the_group_first_and_a_given_rate(self, tmp_path):
        for old, new in (("res.1", "1.res"), ("clu.1", "1.clu")):
            (tmp_path / f"s.{new}").write_bytes((sets.neuroscope(tmp_path).parent / f"ec013.527.{old}").read_bytes())
        files = {name: tmp_path / name for name in ("s.1.res", "s.1.clu")}
        found = readers.get("neuroscope").load()(files, sampling_rate=10000.0)
        np.testing.assert_allclose(found.spikes.times, [0.02, 0.5, 0.1])
        assert not found.behaviour

    @pytest.mark.parametrize(
        ("file", "text", "said"),
        [
            ("ec013.527.clu.1", "4\n2\n1\n", "has 3 lines for 5 spikes"),
            ("ec013.527.clu.1", "4\n2\n1\n3\n2\nx\n", "clu.1 must hold one whole number a line"),
            ("ec013.527.res.1", "200\n100\n1000\n5000\n20000\n", "must be 0 or more and ascend"),
            ("ec013.527.res.1", "-2\n100\n1000\n5000\n20000\n", "must be 0 or more and ascend"),
            ("ec013.527.res.1", "200\n400\n1000\n5000\n200", "the last line is not ended"),
            ("ec013.527.xml", "<parameters/>", "states no samplingRate"),
            ("ec013.527.xml", "<acquisitionSystem><samplingRate>0</samplingRate></acquisitionSystem>", "above 0"),
            ("ec013.527.whl", "1 2\n3\n", "whl"),
            ("ec013.527.whl", "1 2 3\n", "expected x and y"),
            ("ec013.527.whl", "a b\n", "must hold numbers"),
        ],
    )
    def test_refusals_say_what_is_wrong(self, tmp_path, file, text, said):
        with pytest.raises(BadInput, match=said):
            read("neuroscope", sets.neuroscope(tmp_path, **{file: text}))

    def test_half_a_group_and_several_sessions_are_refused(self, tmp_path):
        path = sets.neuroscope(tmp_path)
        load = readers.get("neuroscope").load()
        with pytest.raises(BadInput, match=r"group 1 has ec013.527.res.1 alone"):
            load({path.name: path})
        with pytest.raises(BadInput, match="several sessions, a, b"):
            load({"a.res.1": path, "b.clu.1": path})
        with pytest.raises(BadInput, match="hold no cluster but 0, 1, 2, 3"):
            read("neuroscope", path, left_out=[0, 1, 2, 3])


class TestPvc11:
    @pytest.mark.parametrize("scale", [1.0, 1000.0])
    def test_spikes_lie_in_the_gratings_that_evoked_them(self, tmp_path, scale):
        truth = sets.pvc11_spikes()
        found = read("pvc11", sets.pvc11(tmp_path, scale), time_unit=1 / scale)
        assert found.trials["direction"].tolist() == [0, 90, 180, 270] * 3
        assert found.trials["repeat"].tolist() == [1] * 4 + [2] * 4 + [3] * 4
        offsets = found.spikes.offsets
        for unit in range(2):
            times = found.spikes.times[offsets[unit] : offsets[unit + 1]]
            for trial, row in found.trials.iterrows():
                inside = times[(times >= row["start"]) & (times <= row["stop"])] - row["start"]
                np.testing.assert_allclose(inside, truth[unit][trial % 4][trial // 4], atol=1e-9)
        assert len(found.spikes.times) == sum(len(t) for unit in truth for g in unit for t in g)

    def test_refusals_say_what_is_wrong(self, tmp_path):
        with pytest.raises(BadInput, match="`time_unit`"):
            read("pvc11", sets.pvc11(tmp_path, 1000.0))
        with pytest.raises(BadInput, match="EVENTS must be a cell array"):
            read("pvc11", sets.pvc11(tmp_path, EVENTS=np.zeros((2, 4, 3))))
        with pytest.raises(BadInput, match="must be seconds above 0"):
            read("pvc11", sets.pvc11(tmp_path), duration=0)
