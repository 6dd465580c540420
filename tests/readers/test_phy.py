"""Folders that Kilosort writes and phy curates: units by label, times in s, and one sentence for each damage."""

import numpy as np
import pytest

from neuropipe import readers
from neuropipe.errors import BadInput
from tests.readers.formats import Trap


@pytest.fixture
def folder(tmp_path):
    np.save(tmp_path / "spike_times.npy", np.array([[300], [100], [200], [400], [500]], np.uint64))
    np.save(tmp_path / "spike_clusters.npy", np.array([7, 2, 7, 2, 9], np.int32))
    (tmp_path / "params.py").write_text("dat_path = 'raw.dat'\nsample_rate = 1000.\nhp_filtered = False\n")
    (tmp_path / "cluster_group.tsv").write_text("cluster_id\tgroup\n2\tgood\n7\tgood\n9\tnoise\n")
    return tmp_path


def read(folder, **parameters):
    return readers.get("phy").load()({path.name: path for path in folder.iterdir()}, **parameters)


def test_good_units_have_their_spikes_in_seconds_and_in_order(folder):
    recording = read(folder)
    assert recording.units["cluster_id"].tolist() == [2, 7]
    np.testing.assert_allclose(recording.spikes.times, [0.1, 0.4, 0.2, 0.3])
    assert recording.spikes.offsets.tolist() == [0, 2, 4]


def test_labels_choose_units_and_an_empty_list_takes_all_but_noise(folder):
    assert read(folder, labels=("noise",)).units["cluster_id"].tolist() == [9]
    assert read(folder, labels=()).units["cluster_id"].tolist() == [2, 7]
    with pytest.raises(BadInput, match=r"no cluster is labelled mua; there are good \(2\), noise \(1\)"):
        read(folder, labels=("mua",))


def test_kilosorts_own_labels_serve_where_nobody_curated(folder):
    (folder / "cluster_group.tsv").unlink()
    (folder / "cluster_KSLabel.tsv").write_text("cluster_id\tKSLabel\n2\tgood\n7\tmua\n9\tmua\n")
    assert read(folder).units["cluster_id"].tolist() == [2]
    (folder / "cluster_KSLabel.tsv").unlink()
    assert read(folder).units["cluster_id"].tolist() == [2, 7, 9]


def test_params_are_read_and_never_run(folder):
    (folder / "params.py").write_text(f"open({str(folder / 'run')!r}, 'w')\nsample_rate = 1000.\n")
    read(folder)
    assert not (folder / "run").exists()
    (folder / "params.py").write_text("sample_rate = compute()\n")
    with pytest.raises(BadInput, match="sample_rate"):
        read(folder)
    assert read(folder, sampling_rate=500.0).spikes.times[0] == pytest.approx(0.2)


def test_files_that_disagree_are_missing_or_are_pickles_are_refused(folder):
    np.save(folder / "spike_clusters.npy", np.array([7, 2]))
    with pytest.raises(BadInput, match="one was cut short"):
        read(folder)
    np.save(folder / "spike_clusters.npy", np.array([Trap(folder / "sprung")] * 5, object), allow_pickle=True)
    with pytest.raises(BadInput, match=r"spike_clusters\.npy"):
        read(folder)
    assert not (folder / "sprung").exists()
    (folder / "spike_clusters.npy").unlink()
    with pytest.raises(BadInput, match=r"there is no spike_clusters\.npy"):
        read(folder)
