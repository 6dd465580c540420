"""Sessions of the International Brain Lab: tables, good units, areas, several probes, events and labels."""

import numpy as np
import pandas as pd
import pytest

from neuropipe import readers
from neuropipe.errors import BadInput
from tests.cli.recording_folders import decisions, ibl_arrays, ibl_trials, trains, write_table


@pytest.fixture(scope="module")
def made():
    return decisions(n_trials=12, n_units=6)


def written(folder, made, *, probes=("probe00",), trials=None, **changed):
    """The files of a session by name; a name without extension changes or (None) leaves out a file of every probe."""
    files = {}
    for at, probe in enumerate(probes):
        for name, values in ibl_arrays(*trains(made), 6, at).items():
            kept = changed.get(name.rpartition(".")[0].replace(".", "_"), values)
            if kept is not None:
                files[f"{probe}.{name}"] = folder / f"{probe}.{name}"
                write_table(files[f"{probe}.{name}"], kept)
    files["_ibl_trials.table.pqt"] = folder / "_ibl_trials.table.pqt"
    write_table(files["_ibl_trials.table.pqt"], ibl_trials(made) if trials is None else trials)
    return files


def read(files, **parameters):
    return readers.get("alf").load()(files, **parameters)


def test_good_units_have_label_1_and_carry_their_metrics_areas_and_ids(tmp_path, made):
    found = read(written(tmp_path, made))
    assert found.units["cluster"].tolist() == [0, 1, 3, 4]
    assert found.units["brain_area"].tolist() == ["385", "385", "672", "385"]  # channels 0, 1, 3 and 4 % 4 = 0
    assert found.units["label"].tolist() == [1.0] * 4
    assert found.units["uuids"].str.len().tolist() == [36] * 4
    for at, unit in enumerate((0, 1, 3, 4)):
        offsets = made.spikes.offsets
        expected = np.sort(made.spikes.times[offsets[unit] : offsets[unit + 1]])
        np.testing.assert_array_equal(
            found.spikes.times[found.spikes.offsets[at] : found.spikes.offsets[at + 1]], expected
        )
    assert read(written(tmp_path, made), good_units=False).spikes.n_units == 6


def test_probes_become_one_table_of_units(tmp_path, made):
    units = read(written(tmp_path, made, probes=("probe00", "probe01"))).units
    assert units["probe"].tolist() == ["probe00"] * 4 + ["probe01"] * 4
    assert units["uuids"].is_unique


def test_events_and_labels_of_the_table_of_trials(tmp_path, made):
    trials = read(written(tmp_path, made)).trials
    np.testing.assert_array_equal(trials["stimOn"], made.trials["stimulus"])
    np.testing.assert_array_equal(trials["start"], made.trials["start"])
    np.testing.assert_allclose(trials["stop"] - trials["start"], 1.0)
    assert trials["choice"].tolist() == made.trials["choice"].tolist()
    assert {"feedbackType", "probabilityLeft"} <= set(trials)
    np.testing.assert_allclose(trials["contrast_difference"], np.linspace(-1, 1, 12))


def test_acronyms_are_taken_where_a_file_gives_them(tmp_path, made):
    files = written(tmp_path, made)
    name = "probe00.channels.brainLocationAcronyms_ccf_2017.npy"
    np.save(tmp_path / name, np.array(["VISp1", "VISp2/3", "CP", "CP"]))
    assert read(files | {name: tmp_path / name}).units["brain_area"].tolist() == ["VISp1", "VISp2/3", "CP", "VISp1"]


def test_metrics_of_some_clusters_are_joined_by_their_number(tmp_path, made):
    some = pd.DataFrame({"cluster_id": [5, 0, 3], "label": [1.0, 1.0, 0.0], "firing_rate": [5.0, 0.5, 3.0]})
    units = read(written(tmp_path, made, clusters_metrics=some)).units
    assert units["cluster"].tolist() == [0, 5]
    assert units["firing_rate"].tolist() == [0.5, 5.0]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"clusters_metrics": pd.DataFrame({"label": [1.0, 1.0]})}, "don't have 6 rows each|rows each"),
        ({"clusters_metrics": pd.DataFrame({"label": np.zeros(6)})}, r"no unit was called good .* clusters\.metrics"),
        ({"spikes_clusters": np.array([0, 1])}, r"probe00\.spikes\.times has .* spikes, spikes\.clusters 2"),
        ({"spikes_times": None}, r"needs spikes\.times\.npy"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path, made, changed, message):
    with pytest.raises(BadInput, match=message):
        read(written(tmp_path, made, **changed))


def test_a_table_that_was_cut_short_is_named(tmp_path, made):
    files = written(tmp_path, made)
    content = files["_ibl_trials.table.pqt"].read_bytes()
    files["_ibl_trials.table.pqt"].write_bytes(content[:-20])
    with pytest.raises(BadInput, match=r"_ibl_trials\.table\.pqt can't be read as a table"):
        read(files)
