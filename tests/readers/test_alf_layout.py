"""Which files of an ALF session are read: sessions, probes, sorters, revisions, ids in names."""

import pytest

from neuropipe.readers.alf_layout import files_to_read, sessions_among

UUID = "bc74f49f-33ec-4f75-9ebc-03f0490bdf60"
SESSION = "lab/Subjects/KS055/2021-05-10/001"


def test_the_latest_revision_of_each_file_and_one_sorting_per_probe():
    found = files_to_read(
        [
            "alf/probe00/spikes.times.npy",
            "alf/probe00/pykilosort/spikes.times.npy",
            "alf/probe00/pykilosort/#2024-03-22#/spikes.times.npy",
            "alf/probe00/pykilosort/#2024-05-06#/spikes.times.npy",
            "alf/probe00/pykilosort/clusters.channels.npy",
            "alf/probe00/clusters.channels.npy",
            "alf/probe01/spikes.times.npy",
            "alf/probe01/other_sorter/spikes.times.npy",
            "alf/_ibl_trials.table.pqt",
            "alf/#2025-03-03#/_ibl_trials.table.pqt",
        ]
    )
    assert found == {
        "probe00.spikes.times.npy": "alf/probe00/pykilosort/#2024-05-06#/spikes.times.npy",
        "probe00.clusters.channels.npy": "alf/probe00/pykilosort/clusters.channels.npy",
        "probe01.spikes.times.npy": "alf/probe01/spikes.times.npy",
        "_ibl_trials.table.pqt": "alf/#2025-03-03#/_ibl_trials.table.pqt",
    }


def test_ibls_own_sorter_comes_first_and_channels_may_lie_beside_the_probe():
    paths = [f"alf/probe00/{sorter}/spikes.times.npy" for sorter in ("pykilosort", "iblsorter")]
    found = files_to_read([*paths, "alf/probe00/channels.brainLocationIds_ccf_2017.npy"])
    assert found["probe00.spikes.times.npy"] == "alf/probe00/iblsorter/spikes.times.npy"
    assert "probe00.channels.brainLocationIds_ccf_2017.npy" in found


def test_trials_are_those_of_the_first_task():
    tasks = [f"alf/task_0{at}/_ibl_trials.table.pqt" for at in (1, 0)]
    assert files_to_read(tasks) == {"_ibl_trials.table.pqt": tasks[1]}
    both = ["alf/_ibl_trials.table.pqt", *tasks]
    assert files_to_read(both) == {"_ibl_trials.table.pqt": both[0]}
    assert files_to_read(["spikes.times.npy", "trials.choice.npy"], "/data/Cori").keys() == {
        "spikes.times.npy", "trials.choice.npy"
    }  # fmt: skip


def test_what_the_reader_has_no_use_for_is_left_alone():
    names = ("spikes.amps.npy", "clusters.waveforms.npy", "_ibl_wheel.position.npy", "templates.waveforms.npy")
    paths = [f"alf/probe00/{name}" for name in names] + ["alf/_ibl_trials.intervals_bpod.npy", "notes.txt"]
    assert files_to_read(paths) == {}


def test_a_dataset_id_in_a_name_is_no_part_of_it():
    path = f"alf/probe00/spikes.times.{UUID}.npy"
    assert files_to_read([path]) == {"probe00.spikes.times.npy": path}
    assert files_to_read([f"alf/_ibl_trials.table.{UUID}.pqt"]).keys() == {"_ibl_trials.table.pqt"}


ONE_SESSION = [f"{SESSION}/alf/probe00/pykilosort/spikes.times.npy", f"{SESSION}/alf/probe01/spikes.times.npy"]
RELEASE = ["Cori_2016-12-14/spikes.times.npy", "Moniz_2017-05-16/spikes.times.npy"]


@pytest.mark.parametrize(
    ("paths", "root", "sessions"),
    [
        (ONE_SESSION, "", [SESSION]),
        (RELEASE, "", ["Cori_2016-12-14", "Moniz_2017-05-16"]),
        (["probe00/pykilosort/#2024-05-06#/spikes.times.npy", "probe01/spikes.times.npy"], "/data/mouse", ["."]),
        (["pykilosort/spikes.times.npy", "spikes.times.npy"], "/data/001/alf/probe00", ["."]),
        (["probe00/spikes.clusters.npy"], "", []),
    ],
)
def test_sessions_are_where_times_of_spikes_lie(paths, root, sessions):
    assert sorted(sessions_among(paths, root)) == sessions


def test_a_folder_below_alf_says_where_it_lies():
    found = files_to_read(["pykilosort/spikes.times.npy", "spikes.times.npy"], "/data/001/alf/probe00")
    assert found == {"probe00.spikes.times.npy": "pykilosort/spikes.times.npy"}
