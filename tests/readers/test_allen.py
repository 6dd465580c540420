"""Sessions and experiments of the Allen Brain Observatory, read without allensdk. Equality with it: tests/allen."""

import numpy as np
import pytest

from neuropipe import readers
from neuropipe.errors import BadInput
from tests.readers import allen_files


def read(kind, folder, *, parameters=None, **changed):
    path = getattr(allen_files, kind)(folder, **changed)
    return readers.get(kind).load()({path.name: path}, **(parameters or {}))


class TestSession:
    def test_good_units_by_probe_and_depth_with_their_spikes(self, tmp_path):
        found = read("allen_ecephys", tmp_path)
        assert found.units["unit"].tolist() == [9, 7]
        assert found.units["probe"].tolist() == ["probeA", "probeC"]
        assert found.units["brain_area"].tolist() == ["LGd", "VISp"]
        assert found.units["L_ratio"].tolist() == [0.1, 0.3]
        assert found.units["anterior_posterior_ccf_coordinate"].tolist() == [8000, 7000]
        assert found.spikes.offsets.tolist() == [0, 3, 6]
        np.testing.assert_array_equal(found.spikes.times, [*allen_files.TRAINS[2], *allen_files.TRAINS[0]])
        assert found.notes["units_in_file"] == 4
        assert found.notes["why_units_left_out"] == "amplitude cutoff: 1, outside the brain: 1"

    def test_scenes_are_trials_without_blanks_and_what_is_invalid(self, tmp_path):
        found = read("allen_ecephys", tmp_path)
        # 11.05 to 11.1 s are invalid: the fifth scene; missing optotagging (12 s on) harms none.
        assert found.trials["frame"].tolist() == [4, 0, 2, 0, 4, 1, 1, 3, 3]
        assert found.trials["frame"].dtype == np.int64
        assert found.trials["start"].tolist() == [10, 10.5, 10.75, 11.25, 11.5, 11.75, 12.25, 12.5, 12.75]
        np.testing.assert_allclose(found.trials["stop"] - found.trials["start"], 0.25)
        assert found.trials["stimulus_block"].tolist() == [2] * 4 + [4] * 5
        wanted = {"trials_in_invalid_times": 1, "blank_trials_left_out": 2, "spikes_in_invalid_times": 2}
        assert wanted.items() <= dict(found.notes).items()

    def test_blocks_and_invalid_times_are_epochs(self, tmp_path):
        epochs = read("allen_ecephys", tmp_path).epochs
        assert epochs["name"].tolist() == [
            "static_gratings",
            "natural_scenes",
            "natural_scenes",
            "invalid: EcephysSession, 1, all_probes",
            "invalid: EcephysSession, 1, optotagging",
        ]
        assert epochs["start"].tolist() == [2, 10, 11.5, 11.05, 12]
        assert epochs["stop"].tolist() == [2.5, 11.5, 13, 11.1, 13]

    def test_labels_of_another_stimulus_by_the_names_of_allensdk(self, tmp_path):
        found = read("allen_ecephys", tmp_path, parameters={"stimulus": "static_gratings"})
        assert found.trials.drop(columns="stimulus_name").to_dict("list") == {
            "start": [2.0],
            "stop": [2.25],
            "orientation": [30],
            "phase": [0.25],
        }
        both = read("allen_ecephys", tmp_path, parameters={"stimulus": "static_gratings", "blank": True})
        np.testing.assert_array_equal(both.trials["orientation"], [30, np.nan])

    def test_all_units(self, tmp_path):
        relaxed = {"good_units": False, "amplitude_cutoff_maximum": 1.0}
        found = read("allen_ecephys", tmp_path, parameters=relaxed)
        assert found.units["unit"].tolist() == [9, 6, 7, 8]
        assert found.notes["units_left_out"] == 0

    def test_running_speed(self, tmp_path):
        series = read("allen_ecephys", tmp_path).behaviour["running_speed"]
        assert (series.times.tolist(), series.values.tolist()) == ([0, 1], [3, 4])

    @pytest.mark.parametrize(
        ("changed", "parameters", "sentence"),
        [
            (
                {},
                {"stimulus": "gabors"},
                "no valid presentation .*'gabors'; this session has natural_scenes, stat",
            ),
            ({}, {"amplitude_cutoff_maximum": 0.01}, "none of 4 units passes the filters .amplitude cutoff: 3"),
            ({"units/peak_channel_id": np.array([31, 30, 10, 99])}, {}, "units name the channel 99"),
            ({"units/spike_times_index": np.array([3, 4, 9, 5])}, {}, "does not cut 8 spike times"),
            ({"units/quality": None}, {}, "session_1.nwb has no /units/quality; there is amplitude_cutoff"),
            ({"units/spike_times": np.array([np.nan] * 8)}, {}, "not finite"),
        ],
    )
    def test_refusals(self, changed, parameters, sentence, tmp_path):
        with pytest.raises(BadInput, match=sentence):
            read("allen_ecephys", tmp_path, parameters=parameters, **changed)


def test_what_allensdk_masked_is_counted_with_its_stimulus(tmp_path):
    found = read("allensdk_session", tmp_path)
    assert found.units["unit"].tolist() == [4, 5]
    assert found.units["snr"].tolist() == [3, 2]
    np.testing.assert_array_equal(found.spikes.times, [10.2, 1.0, 10.1])
    assert found.trials["frame"].tolist() == [3, 1]
    assert found.notes["trials_in_invalid_times"] == 1
    assert found.notes["units_left_out"] == 7


class TestExperiment:
    def test_traces_cells_and_scenes(self, tmp_path):
        found = read("allen_ophys", tmp_path)
        assert found.fluorescence.dff.shape == (900, 5)
        assert found.units.iloc[2].to_dict() == {"cell_specimen_id": 502, "roi_id": 702}
        assert len(found.trials) == 35  # 40 of which 5 show nothing
        assert found.notes == {"blank_trials_left_out": 5}
        starts = found.trials["start"].to_numpy()
        assert np.all(np.diff(starts) > 0)
        np.testing.assert_allclose((found.trials["stop"] - starts), 8 / 30)
        assert sorted(set(found.trials["frame"])) == list(range(7))
        assert found.behaviour["running_speed"].times[0] == pytest.approx(3 + 10 / 30)

    def test_gratings_without_their_blank_sweep(self, tmp_path):
        found = read("allen_ophys", tmp_path, parameters={"stimulus": "drifting_gratings"})
        assert found.trials["orientation"].tolist() == [0, 45, 90, 0, 45, 90, 135, 0, 45]
        np.testing.assert_allclose(found.trials["start"][0], 3 + 500 / 30)

    def test_spontaneous_activity_is_one_trial(self, tmp_path):
        found = read("allen_ophys", tmp_path, parameters={"stimulus": "spontaneous"})
        np.testing.assert_allclose(found.trials[["start", "stop"]], [[3.0, 3 + 91 / 30]])

    def test_an_unknown_stimulus_is_refused_with_those_that_there_are(self, tmp_path):
        with pytest.raises(BadInput, match="'gabors'; this experiment has drifting_gratings, natural_movie_one, nat"):
            read("allen_ophys", tmp_path, parameters={"stimulus": "gabors"})

    def test_a_stimulus_beyond_the_traces_is_refused(self, tmp_path):
        import h5py

        path = allen_files.allen_ophys(tmp_path)
        with h5py.File(path, "r+") as file:
            file["stimulus/presentation/natural_scenes_stimulus/frame_duration"][0] = [950, 957]
        with pytest.raises(BadInput, match="shown in frame 950, and the traces have 900 frames"):
            readers.get("allen_ophys").load()({"a.nwb": path})

    def test_what_allensdk_read(self, tmp_path):
        found = read("allensdk_experiment", tmp_path)
        assert found.trials["frame"].tolist() == [1, 0]
        np.testing.assert_allclose(found.trials["start"], [1 + 8 / 30, 1 + 24 / 30])
