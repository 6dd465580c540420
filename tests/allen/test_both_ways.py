"""Both ways to the Allen Brain Observatory through the command: the bucket by our download, the warehouse by allensdk.

A session that allensdk's own writers wrote, and an experiment in the layout that allensdk reads, served on loopback.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from neuropipe.schemas import Recording
from resources.store.store import ArtifactStore
from tests.allen import write_experiment
from tests.allen.environment import written_by_allensdk
from tests.allen.warehouse_server import BUCKET, IMAGED, Warehouse
from tests.cli.command import ask, counts, get, show
from tests.installation import Place, make_place

SESSION, EXPERIMENT = 900000001, write_experiment.EXPERIMENT
NOT_THERE = 900000404
DATASET = """\
title: Made up
citation: none
licence: CC0-1.0
modality: {modality}
reader: {reader}
task: {{label: frame, align: start, window: [0.0, 0.25], bin_width: 0.05, folds: {{n_folds: 2}}}}
sessions:
  one: {{files: {{{one}}}}}
  missing: {{files: {{{missing}}}}}
"""


def dataset(modality: str, reader: str, address: str, ending: str, number: int) -> str:
    """address : with ID where the number goes"""
    one, missing = (f"{at}.{ending}: {{url: {address.replace('ID', str(at))}}}" for at in (number, NOT_THERE))
    return DATASET.format(modality=modality, reader=reader, one=one, missing=missing)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    folder = tmp_path_factory.mktemp("warehouse")
    files = {("EcephysNwb", SESSION): written_by_allensdk(folder)}
    files["NWBOphys", EXPERIMENT] = write_experiment.write(folder / "experiment.nwb")
    rows = json.loads((folder / "warehouse.json").read_text())
    with Warehouse(rows, files) as server:
        yield server


@pytest.fixture(scope="module")
def place(warehouse, tmp_path_factory):
    bucket = f"http://{warehouse.host}{BUCKET}/session_ID/session_ID.nwb"
    imaged = f"http://{warehouse.host}{IMAGED}/ID.nwb"
    by_sdk = f"allensdk://{warehouse.host}"
    return make_place(
        tmp_path_factory.mktemp("both") / "place",
        direct=dataset("spikes", "allen_ecephys", bucket, "nwb", SESSION),
        sdk=dataset("spikes", "allensdk_session", f"{by_sdk}/ecephys/ID", "npz", SESSION),
        direct2p=dataset("fluorescence", "allen_ophys", imaged, "nwb", EXPERIMENT),
        sdk2p=dataset("fluorescence", "allensdk_experiment", f"{by_sdk}/ophys/ID", "npz", EXPERIMENT),
    )


def recording(place: Place, key: str) -> tuple[str, Recording]:
    """Data version and content of a session's recording."""
    artifact = ArtifactStore(place.root / "artifacts").latest("recording", key)
    return artifact.data_version, Recording.read(artifact)


@pytest.mark.slow
def test_both_ways_give_the_same_session_spike_for_spike(place):
    run = get(place, "run", "binned", "--session", "direct.one", "--session", "sdk.one", NEUROPIPE_MIRROR=None)
    assert counts(run)[2] == 0, run
    (version, direct), (version_sdk, sdk) = (recording(place, f"{name}.one") for name in ("direct", "sdk"))
    np.testing.assert_array_equal(direct.times[:], sdk.times[:])
    np.testing.assert_array_equal(direct.offsets[:], sdk.offsets[:])
    assert direct.units.equals(sdk.units)
    assert direct.trials.equals(sdk.trials)
    assert direct.epochs.equals(sdk.epochs)
    assert version == version_sdk, "every byte, running speed too"
    # What write_session.py says: four units pass all filters; four scenes touch invalid times.
    assert direct.units["unit"].tolist() == [22, 21, 11, 12]
    assert direct.units["brain_area"].tolist() == ["LGd", "CA1", "VISp", "VISp"]
    said, said_sdk = (show(place, "recording", "--session", f"{name}.one") for name in ("direct", "sdk"))
    for fact, value in {"units_in_file": 11, "units_left_out": 7, "trials_in_invalid_times": 4}.items():
        assert (said[fact], said_sdk[fact]) == (value, value)
    assert said["n_trials"] + said["blank_trials_left_out"] == 76
    again = get(place, "run", "binned", "--session", "sdk.one", NEUROPIPE_MIRROR=None)
    assert counts(again)[1] == 0


@pytest.mark.slow
def test_both_ways_give_the_same_experiment(place):
    run = get(place, "run", "recording", "--session", "direct2p.one", "--session", "sdk2p.one", NEUROPIPE_MIRROR=None)
    assert counts(run) == (0, 2, 0)
    (version, direct), (version_sdk, sdk) = (recording(place, f"{name}.one") for name in ("direct2p", "sdk2p"))
    np.testing.assert_array_equal(direct.dff[:], sdk.dff[:])
    assert direct.trials.equals(sdk.trials)
    assert version == version_sdk
    assert len(direct.trials) == 35


@pytest.mark.slow
def test_an_id_that_neither_archive_has_is_named(place):
    answer = ask(place, "run", "recording", "--session", "*.missing", NEUROPIPE_MIRROR=None)
    assert answer.code == 1
    assert f"session_{NOT_THERE}.nwb does not exist (404)" in answer.said
    assert f"has no Neuropixels session {NOT_THERE}: correct the id" in answer.said
    assert f"has no two-photon experiment {NOT_THERE}: correct the id" in answer.said
    assert not list(Path(place.root / "raw" / "partial").glob("*"))
