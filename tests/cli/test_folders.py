"""Folders through the command: from `add` to the leaderboard in three commands, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import yaml

from neuropipe.catalog import Catalog
from tests.cli.command import ask, counts, get, show
from tests.cli.recording_folders import TASK, decisions, ibl, open_ephys, phy, tetrode, trials_csv
from tests.installation import Place, make_place
from tests.readers.formats import suite2p
from tests.readers.signal_files import alf

RATES = "evaluation/decoder/rate_logistic"
FEW = pd.DataFrame({"start": [0.1, 0.5, 1.0, 2.0], "choice": [1, -1, 1, -1]})


@pytest.fixture
def empty(tmp_path) -> Place:
    return make_place(tmp_path / "place")


@pytest.fixture(scope="module")
def short():
    """Four channels, 3 s: for what is refused before anything is sorted."""
    return tetrode(duration=None, decisions={"n_trials": 16, "n_units": 2})


def refused(place: Place, *arguments: object) -> str:
    answer = ask(place, "add", *map(str, arguments))
    assert answer.code == 2, answer
    (line,) = answer.err.splitlines()
    assert not (place.root / "catalog" / "local.yaml").exists()
    return line.removeprefix("neuropipe: ")


def leader(place: Place, key: str) -> dict:
    """The only model of a session, in blocked folds."""
    rows = [row for row in get(place, "leaderboard", "--session", key) if row["scheme"] == "blocked"]
    (row,) = [row for row in rows if row["model"] == "rate_logistic"]
    return row


# -- from add to leaderboard -------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_open_ephys_folder_is_sorted_and_decoded_in_three_commands(empty, tmp_path):
    made = tetrode()
    folder = open_ephys(tmp_path / "Ephys 2024", made)
    (row,) = get(empty, "add", str(folder), "--trials", str(trials_csv(tmp_path / "t.csv", made)), *TASK)
    assert row == {
        "session": "mine.ephys-2024", "file": str(folder), "reader": "open_ephys", "modality": "voltage"
    }  # fmt: skip
    summary = get(empty, "run", RATES, "--session", "mine.ephys-2024", "--set", "folds.n_folds=3")
    assert counts(summary)[2] == 0, summary
    shown = show(empty, "sorted_spikes/spykingcircus2", "--session", "mine.ephys-2024")
    assert 3 <= shown["units"] <= 7
    assert leader(empty, "mine.ephys-2024")["score"] > 0.6


def test_a_phy_folder_is_decoded_in_three_commands(empty, tmp_path):
    made = decisions()
    folder = phy(tmp_path / "Mouse 7" / "kilosort4", made)
    get(empty, "add", str(folder), "--trials", str(trials_csv(tmp_path / "t.csv", made)), *TASK)
    assert counts(get(empty, "run", RATES, "--session", "mine.kilosort4"))[2] == 0
    assert leader(empty, "mine.kilosort4")["score"] > 0.65
    assert show(empty, "binned", "--session", "mine.kilosort4")["units"] == 11, "the cluster of noise is left out"


@pytest.mark.slow
def test_a_session_of_the_ibl_is_decoded_in_three_commands(empty, tmp_path):
    folder = ibl(tmp_path / "lab" / "Subjects" / "SWC_043" / "2020-09-21" / "001", decisions())
    task = ["stimOn" if word == "stimulus" else word for word in TASK]
    (row,) = get(empty, "add", str(folder), *task)
    assert row["session"] == "mine.swc_043-2020-09-21-001"
    assert counts(get(empty, "run", RATES, "--session", row["session"]))[2] == 0
    assert leader(empty, row["session"])["score"] > 0.65
    assert show(empty, "binned", "--session", row["session"])["units"] == 16, "eight good units of each probe"


def test_a_folder_without_trials_is_a_session_with_nothing_to_decode(empty, tmp_path, short):
    folder = open_ephys(tmp_path / "raw", short)
    get(empty, "add", str(folder))
    session = Catalog.load(empty.root / "catalog").session("mine.raw")
    assert (session.modality, session.task) == ("voltage", None)
    rows = {row["asset"]: row["state"] for row in get(empty, "plan", "--session", "mine.raw")}
    assert rows["sorted_spikes/spykingcircus2"] != "n/a"
    assert rows["binned"] == "n/a"
    # A session with trials may join it; the one without has still nothing to decode.
    other = open_ephys(tmp_path / "other", short)
    get(empty, "add", str(other), "--trials", str(trials_csv(tmp_path / "t.csv", short)), *TASK)
    catalog = Catalog.load(empty.root / "catalog")
    assert catalog.session("mine.raw").task is None
    assert catalog.session("mine.other").task.label == "choice"


def test_a_stream_is_chosen_by_a_parameter_that_the_catalogue_keeps(empty, tmp_path, short):
    folder = open_ephys(tmp_path / "raw", short, streams=2)
    assert "name one with `stream: ` in the parameters" in refused(empty, folder)
    get(empty, "add", str(folder), "--parameter", "stream=Acquisition_Board-101.Rhythm Data")
    entry = yaml.safe_load((empty.root / "catalog" / "local.yaml").read_text())["mine"]["sessions"]["raw"]
    assert entry["parameters"] == {"stream": "Acquisition_Board-101.Rhythm Data"}
    assert "Board-101" in entry["files"]["continuous.dat"]["path"]


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_a_folder_of_nothing_known_is_told_what_would_be_recognised(empty, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "day1.txt").write_text("all well")
    said = refused(empty, tmp_path / "notes")
    assert "holds no recording that is recognised" in said
    for kind in ("open_ephys", "spikeglx", "phy", "alf", "suite2p"):
        assert f"({kind})" in said
    (tmp_path / "nothing" / "in").mkdir(parents=True)
    assert refused(empty, tmp_path / "nothing").endswith("nothing holds no file; give the folder of a recording")


def test_two_recordings_in_a_folder_are_named(empty, tmp_path, short):
    open_ephys(tmp_path / "both", short)
    phy(tmp_path / "both" / "ks4", decisions())
    said = refused(empty, tmp_path / "both")
    assert "holds 2 recordings; add one of them at a time: " in said
    assert "recording1 (open_ephys)" in said
    assert "ks4 (phy)" in said


def test_a_file_cut_in_mid_sample_and_another_probe_are_refused(empty, tmp_path, short):
    folder = open_ephys(tmp_path / "raw", short)
    wrong = tmp_path / "wrong.csv"
    pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0]}).to_csv(wrong, index=False)
    said = refused(empty, folder, "--probe", wrong)
    assert said.startswith("probe.csv describes 2 contacts, and the recording has 4 channels")
    (samples,) = folder.rglob("continuous.dat")
    samples.write_bytes(samples.read_bytes()[:-3])
    assert "continuous.dat holds" in refused(empty, folder)
    assert "cut short" in refused(empty, folder)


def test_trials_beyond_the_recording_or_of_another_kind_are_refused(empty, tmp_path):
    made = decisions()
    folder = phy(tmp_path / "ks", made)
    late = made.trials.assign(start=made.trials["start"] + 3600, stimulus=made.trials["stimulus"] + 3600)
    late.to_csv(tmp_path / "late.csv", index=False)
    said = refused(empty, folder, "--trials", tmp_path / "late.csv", *TASK)
    assert "trials.csv: 60 of 60 trials lie beyond the recording" in said
    assert "(the first is trial 0, stimulus at 3601.01 s)" in said
    within = folder / "trials.csv"
    late.to_csv(within, index=False)
    assert refused(empty, folder, *TASK) == said, "a table in the folder is looked at in the same way"
    within.unlink()
    assert f"has trials; say what to decode with --label (its trial table has {', '.join(made.trials)})" in refused(
        empty, folder, "--trials", trials_csv(tmp_path / "t.csv", made)
    )
    assert "has no labels called 'choice'; its trial table has no trials" in refused(empty, folder, *TASK)
    assert "--label needs --window" in refused(empty, folder, "--label", "choice")
    assert "there is no such file" in refused(empty, folder, "--trials", tmp_path / "none.csv", *TASK)
    assert "phy has no parameter 'rate'; it has" in refused(empty, folder, "--parameter", "rate=3")


def test_a_window_that_ends_after_the_voltage_is_refused(empty, tmp_path, short):
    folder = open_ephys(tmp_path / "raw", short)
    last = short.voltage.duration
    table = pd.DataFrame({"start": [0.5, 1.0, 1.5, last - 0.4], "choice": [1, -1, 1, -1]})
    task = ("--label", "choice", "--window", "0.2", "0.5", "--bin-width", "0.1")
    said = refused(empty, folder, "--trials", trials_csv(tmp_path / "t.csv", table), *task)
    assert f"1 of 4 trials lie beyond the recording, which goes from 0 to {last:g} s (the first is trial 3" in said
    words = trials_csv(tmp_path / "words.csv", table.assign(cue="soon"))
    assert "trials.csv: cue holds words" in refused(empty, folder, "--trials", words, *task, "--align", "cue")


def test_suite2p_is_told_its_frame_rate(empty, tmp_path):
    traces = suite2p(tmp_path)
    assert "give `frame_rate: ` in Hz" in refused(empty, traces.parent)
    (row,) = get(empty, "add", str(traces.parent), "--name", "plane", "--parameter", "frame_rate=30")
    assert (row["reader"], row["modality"]) == ("suite2p", "fluorescence")


def test_links_that_lead_out_are_refused_and_those_within_are_taken(empty, tmp_path):
    made = decisions()
    folder, elsewhere = phy(tmp_path / "ks", made), tmp_path / "elsewhere.npy"
    (folder / "spike_times.npy").rename(elsewhere)
    (folder / "spike_times.npy").symlink_to(elsewhere)
    assert "spike_times.npy is a link that leads out of" in refused(empty, folder)
    (folder / "deep").mkdir()
    (folder / "spike_times.npy").unlink()
    elsewhere.rename(folder / "deep" / "times.npy")
    (folder / "spike_times.npy").symlink_to("deep/times.npy")
    get(empty, "add", str(folder))


def test_a_folder_of_the_steinmetz_release_is_one_session(empty, tmp_path):
    folder = tmp_path / "Cori_2016-12-14"
    folder.mkdir()
    alf(folder)
    np.save(folder / "eye.area.npy", np.zeros(3))
    task = ("--window", "0", "0.4", "--bin-width", "0.1")
    assert "it has 2 in 3 trials: 1 (2), -1 (1)" in refused(empty, folder, "--label", "feedbackType", *task)
    get(empty, "add", str(folder), "--trials", str(trials_csv(tmp_path / "t.csv", FEW)), "--label", "choice", *task)
    entry = Catalog.load(empty.root / "catalog").session("mine.cori_2016-12-14").entry
    assert "eye.area.npy" not in entry.files
    assert {"channels.brainLocation.tsv", "clusters._phy_annotation.npy", "trials.csv"} < entry.files.keys()
