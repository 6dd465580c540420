"""Folders of recordings that contradict themselves: one sentence that says what and what to do."""

import numpy as np
import pandas as pd
import pytest

from neuropipe import readers
from neuropipe.errors import BadInput
from neuropipe.readers.folders import recording_in
from tests.cli import recording_folders

SPIKES = np.sort(np.random.default_rng(0).uniform(0, 9, 40))
OWNERS = np.tile([0, 1], 20).astype(np.uint32)


def look(root):
    reader, files = recording_in(root, readers.registry, {})
    return reader.load()(files)


@pytest.fixture
def alf(tmp_path):
    np.save(tmp_path / "spikes.times.npy", SPIKES)
    np.save(tmp_path / "spikes.clusters.npy", OWNERS)
    return tmp_path


@pytest.fixture
def phy(tmp_path):
    return recording_folders.phy(tmp_path / "phy", recording_folders.decisions(n_trials=4, n_units=4))


def test_alf_without_spikes_or_with_absurd_clusters(alf):
    np.save(alf / "spikes.clusters.npy", np.where(np.arange(40) == 3, 10**15, OWNERS.astype(np.int64)))
    with pytest.raises(BadInput, match=r"1,000,000,000,000,001 clusters, more than any sorting finds"):
        look(alf)
    np.save(alf / "spikes.times.npy", SPIKES[:0])
    np.save(alf / "spikes.clusters.npy", OWNERS[:0])
    with pytest.raises(BadInput, match=r"spikes.times holds no spikes"):
        look(alf)


def test_lists_in_a_table_of_trials_are_left_out(alf):
    table = pd.DataFrame({"stimOn_times": [1.0, 2.0], "choice": [1, -1], "path": [[1, 2], [3]]})
    table.to_parquet(alf / "_ibl_trials.table.pqt")
    assert sorted(look(alf).trials) == ["choice", "stimOn"]


@pytest.mark.parametrize("start", ["x", "2024-01-01"])
def test_words_in_place_of_times_of_trials_are_named(phy, start):
    (phy / "trials.csv").write_text(f"start,choice\n{start},a\n2,b\n")
    with pytest.raises(BadInput, match=rf"trials.csv: start holds words, such as '{start}'; give times in s"):
        look(phy)


def test_params_with_a_path_of_windows_in_latin_1_and_an_infinite_rate(phy):
    (phy / "params.py").write_bytes(b"dat_path = r'D:\\M\xfcller\\x.dat'\nsample_rate = 20000.\n")
    assert look(phy).spikes.times.max() > 1
    (phy / "params.py").write_text("sample_rate = 1e999\n")
    with pytest.raises(BadInput, match="doesn't say its sample_rate"):
        look(phy)


@pytest.mark.parametrize(
    ("rows", "said"), [("a\t1", "cluster_id must hold the whole number"), ("0\t1\n0\t2", "of each cluster, once")]
)
def test_clusters_without_a_number_of_their_own(phy, rows, said):
    (phy / "cluster_info.tsv").write_text(f"cluster_id\tdepth\n{rows}\n")
    with pytest.raises(BadInput, match=said):
        look(phy)


@pytest.fixture(scope="module")
def tetrode():
    return recording_folders.tetrode(duration=8.0, decisions={"n_trials": 4, "n_units": 3})


def test_open_ephys_samples_that_were_cut_short_or_lost(tetrode, tmp_path):
    root = recording_folders.open_ephys(tmp_path / "oe", tetrode)
    (samples,) = root.rglob("continuous.dat")
    numbers, whole = samples.with_name("sample_numbers.npy"), samples.read_bytes()
    samples.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match="one of them was cut short"):
        look(root)
    samples.write_bytes(whole)
    held = np.load(numbers)
    np.save(numbers, np.where(held >= 1000, held + 7, held))
    with pytest.raises(BadInput, match="7 samples were lost while recording"):
        look(root)
    np.save(numbers, held + 123)
    assert look(root).voltage.samples.shape == (len(held), 4)
    (structure,) = root.rglob("structure.oebin")
    structure.write_text("[" * 100_000)
    with pytest.raises(BadInput, match=r"structure.oebin can't be read"):
        look(root)


def test_a_table_of_a_probe_with_words_names_the_row(tetrode, tmp_path):
    root = recording_folders.open_ephys(tmp_path / "oe", tetrode)
    next(root.rglob("probe.csv")).write_text("x,y\n0,0\n20,0\n0,2O\n20,20\n")
    with pytest.raises(BadInput, match=r"probe.csv: y of row 3 is '2O'; give every place in um"):
        look(root)
