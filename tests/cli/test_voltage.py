"""Voltage through the command: from a raw file to scored and curated units, and what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neuropipe.simulate import voltage
from tests.cli.command import ask, counts, get, show
from tests.installation import make_place

SORTER = "spykingcircus2"
SIMULATED = """\
title: Simulated voltage
citation: "Buccino et al. 2020, eLife 9:e61834"
licence: CC0-1.0
modality: voltage
simulator: voltage
parameters: {probe: tetrode, decisions: {n_trials: 40, n_units: 5}}
task: {label: choice, align: stimulus, window: [0.2, 0.5], bin_width: 0.1, folds: {n_folds: 2}}
sessions:
  one: {parameters: {seed: 5, duration: 40.0}}
"""
OWN = """\
title: Own voltage
citation: unpublished
licence: not stated
modality: voltage
reader: binary_voltage
parameters: {sampling_rate: 20000.0, n_channels: 4, gain: 0.195}
sessions:
  one: {files: {raw.dat: {path: FOLDER/raw.dat}, probe.csv: {path: FOLDER/probe.csv}}}
"""
ONE, MINE = ("--session", "volts.one"), ("--session", "own.one")


@pytest.fixture
def own(tmp_path):
    """A flat file of a tetrode and its probe, 3 s."""
    made = voltage(seed=1, decisions={"n_trials": 16, "n_units": 2}, probe="tetrode", sampling_rate=20000.0).voltage
    (tmp_path / "raw.dat").write_bytes(made.samples[slice(0, 60000)].tobytes())
    made.channels[["x", "y"]].to_csv(tmp_path / "probe.csv", index=False)
    return make_place(tmp_path / "place", own=OWN.replace("FOLDER", str(tmp_path)))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_simulated_voltage_is_sorted_scored_curated_and_decoded(tmp_path):
    place = make_place(tmp_path / "place", volts=SIMULATED)
    summary = get(place, "run", f"evaluation/sorting/{SORTER}", "binned", *ONE)
    assert counts(summary)[2] == 0, summary
    scores = show(place, f"evaluation/sorting/{SORTER}", *ONE)
    assert scores["true units"] == 5
    assert scores["median accuracy"] > 0.8
    assert show(place, "binned", *ONE)["units"] == show(place, f"sorted_spikes/{SORTER}", *ONE)["units"]
    for asset in ("templates", "quality_metrics", "sorted_spikes"):
        assert [name for name in show(place, f"{asset}/{SORTER}", *ONE) if name.startswith("plot.")], asset
    row = next(row for row in get(place, "leaderboard", *ONE) if row["family"] == "sorting")
    assert (row["model"], row["metric"]) == (SORTER, "median_accuracy")
    assert row["score"] == pytest.approx(scores["median accuracy"], abs=1e-4)

    changed = get(place, "run", f"sorted_spikes/{SORTER}", *ONE, "--set", f"sorted_spikes/{SORTER}.min_spikes=40")
    assert counts(changed)[1] == 1, "another threshold reruns curation alone"
    none = ask(place, "run", f"sorted_spikes/{SORTER}", *ONE, "--set", f"sorted_spikes/{SORTER}.min_snr=1000")
    assert none.code == 1
    assert "curation keeps none of" in none.err + none.out
    true = get(place, "run", "binned", "connectivity/correlation", *ONE, "--set", "activity.source=true_spikes")
    assert counts(true)[2] == 0


def test_a_flat_file_is_sorted_where_it_lies(own, tmp_path):
    assert counts(get(own, "run", "recording", *MINE)) == (0, 1, 0)
    found = show(own, "recording", *MINE)
    assert found["channels"] == 4
    assert found["seconds"] == 3.0
    written = sum(path.stat().st_size for path in Path(found["path"]).rglob("*") if path.is_file())
    assert written < (tmp_path / "raw.dat").stat().st_size / 4
    # Another recording in the same file is another recording, though nothing of it is copied.
    raw = np.fromfile(tmp_path / "raw.dat", "<i2")
    raw[::7] += 1
    raw.tofile(tmp_path / "raw.dat")
    assert counts(get(own, "run", "recording", *MINE)) == (0, 1, 0)
    assert show(own, "recording", *MINE)["data_version"] != found["data_version"]


def test_a_cut_file_and_another_probe_are_refused_in_one_sentence(own, tmp_path):
    whole = (tmp_path / "raw.dat").read_bytes()
    (tmp_path / "raw.dat").write_bytes(whole[:-3])
    answer = ask(own, "run", "recording", *MINE)
    assert answer.code != 0
    assert "raw.dat holds 479,997 bytes of samples, which is no multiple of 8" in answer.out + answer.err
    (tmp_path / "raw.dat").write_bytes(whole)
    pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0]}).to_csv(tmp_path / "probe.csv", index=False)
    answer = ask(own, "run", "recording", *MINE)
    assert "probe.csv describes 2 contacts, and the recording has 4 channels" in answer.out + answer.err


def test_scores_need_truth_and_movies_are_not_sorted(own):
    rows = {row["asset"]: row for row in get(own, "plan", *MINE)}
    assert "true spikes are not known" in rows["evaluation/sorting/spykingcircus2"]["reason"]
    assert "true spikes are not known" in rows["true_spikes"]["reason"]
    assert "this is for movies" in rows["fluorescence"]["reason"]
    assert "activity" in rows


def test_too_little_room_for_the_sorter_is_said_before_it_starts(own, tmp_path, monkeypatch):
    import shutil
    from types import SimpleNamespace

    from assets.stages.signals.sorting import STAGES
    from neuropipe.errors import BadInput
    from neuropipe.recording import BinaryFile

    samples = BinaryFile.of(tmp_path / "raw.dat", "<i2", 4)
    recording = SimpleNamespace(raw_voltage=lambda files: SimpleNamespace(samples=samples))
    (sorting,) = [stage for stage in STAGES if stage.name == f"sorting/{SORTER}"]
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    with pytest.raises(BadInput, match=f"what {SORTER} writes needs 960,000 bytes in .*, where 1,000 are free"):
        sorting.function(sorting.config(), recording, None, {}, tmp_path, None)
