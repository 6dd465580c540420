"""ALF folders as Steinmetz et al. (2019) and the International Brain Lab publish them."""

import numpy as np
import pytest

from neuropipe import readers
from neuropipe.errors import BadInput
from tests.readers.signal_files import STEINMETZ, alf


def read(folder, *, probes=("",), parameters=None, **changed):
    return readers.get("alf").load()(alf(folder, probes=probes, **changed), **(parameters or {}))


def test_good_units_their_areas_and_their_spikes_in_order(tmp_path):
    found = read(tmp_path)
    assert found.units["cluster"].tolist() == [0, 2]
    assert found.units["brain_area"].tolist() == ["CA1", "VISp"]  # peak channels 1 and 3, counted from 1
    assert found.units["phy_annotation"].tolist() == [2, 3]
    assert found.spikes.offsets.tolist() == [0, 2, 3]
    np.testing.assert_array_equal(found.spikes.times, [0.5, 2.5, 2.0])


def test_all_units(tmp_path):
    found = read(tmp_path, parameters={"good_units": False})
    assert found.units["cluster"].tolist() == [0, 1, 2]
    np.testing.assert_array_equal(found.spikes.times, [0.5, 2.5, 1.0, 1.5, 2.0])


def test_every_event_and_label_is_a_column_of_trials(tmp_path):
    trials = read(tmp_path).trials
    assert sorted(trials) == ["feedback", "feedbackType", "response", "response_choice", "start", "stop"]
    np.testing.assert_array_equal(trials["response"], [1.5, np.nan, 5.5])
    assert trials["feedbackType"].tolist() == [1, -1, 1]
    np.testing.assert_array_equal(trials[["start", "stop"]], [[0, 2], [2, 4], [4, 6]])


def test_probes_become_one_table_and_namespaces_say_nothing(tmp_path):
    found = read(tmp_path, probes=("probe00", "probe01"), namespace="_ibl_")
    assert found.units["probe"].tolist() == ["probe00"] * 2 + ["probe01"] * 2
    assert found.spikes.n_units == 4
    assert len(found.trials) == 3


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"spikes.clusters": np.array([0, 1, 1, 2, 3])[:, None]}, "spikes belong to clusters 0 to 3"),
        ({"spikes.clusters": np.array([0, 1])}, "has 5 spikes, spikes.clusters 2"),
        ({"spikes.times": np.array([0.5, np.nan, 1, 2, 3])}, "spikes.times is not finite"),
        ({"spikes.times": None}, "needs spikes.times.npy"),
        ({"clusters._phy_annotation": np.zeros((3, 1))}, "no unit was called good"),
        ({"clusters.depths": np.zeros(4)}, "don't have 3 rows each|rows each"),
        ({"trials.feedbackType": np.ones(2)}, "files of trials differ in length: feedbackType 2"),
    ],
)
def test_what_contradicts_itself_is_refused(changed, message, tmp_path):
    with pytest.raises(BadInput, match=message):
        read(tmp_path, **changed)


def test_files_of_another_kind_are_named(tmp_path):
    with pytest.raises(BadInput, match="notes.txt is no ALF file"):
        readers.get("alf").load()({**alf(tmp_path), "notes.txt": tmp_path})
    assert "spikes.times" in STEINMETZ
