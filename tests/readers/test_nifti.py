"""fMRI in NIfTI: voxels of a mask, runs as segments, blocks of conditions as trials."""

import gzip

import numpy as np
import pytest

from neuropipe import readers
from neuropipe.errors import BadInput
from tests.readers.signal_files import BOLD, CONDITIONS, LABELS, MASK, N_VOLUMES, nifti

pytest.importorskip("nibabel")


def read(path, *, beside=("mask.nii.gz", "labels.txt"), **parameters):
    files = {name: path.parent / name for name in (path.name, *beside)}
    return readers.get("nifti").load()(files, **{"mask": "mask.nii.gz", "labels": "labels.txt", **parameters})


def test_voxels_runs_and_blocks(tmp_path):
    recording = read(nifti(tmp_path))
    signals = recording.signals
    np.testing.assert_array_equal(signals.values, BOLD[MASK].T)
    assert signals.sampling_rate == pytest.approx(0.4)
    assert signals.segments.tolist() == [[0, 12], [12, 24]]
    np.testing.assert_allclose(signals.starts, [0, 30])
    units = recording.units
    assert units[["i", "j", "k"]].to_numpy().tolist() == np.argwhere(MASK).tolist()
    np.testing.assert_allclose(units["x"], 3 * units["i"] - 10)
    np.testing.assert_allclose(units["z"], 4 * units["k"] + 5)
    trials = recording.trials
    assert trials["condition"].tolist() == ["a", "b", "b", "a"]
    assert trials["run"].tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(trials["start"], [5.0, 17.5, 35.0, 47.5])
    np.testing.assert_allclose(trials["stop"] - trials["start"], 7.5)
    assert recording.epochs["name"].tolist() == ["run 0", "run 1"]


def test_a_header_in_milliseconds_and_a_header_line(tmp_path):
    recording = read(nifti(tmp_path, interval=2500.0, unit="msec", labels=["labels chunks", *LABELS]))
    assert recording.signals.sampling_rate == pytest.approx(0.4)
    assert len(recording.trials) == 4


def test_without_mask_voxels_that_vary_and_without_labels_no_trials(tmp_path):
    data = BOLD.copy()
    data[0, 0, 0] = 0
    recording = read(nifti(tmp_path, data=data), mask="", labels="")
    assert recording.signals.n_units == BOLD[..., 0].size - 1
    assert recording.trials is None


def test_a_run_can_be_left_out(tmp_path):
    recording = read(nifti(tmp_path), exclude_runs=(0,))
    assert recording.trials["run"].tolist() == [1, 1]
    np.testing.assert_array_equal(recording.signals.values, BOLD[MASK].T[12:])


def nan_voxel():
    values = BOLD.astype(np.float32)
    values[0, 0, 0, 3] = np.nan
    return values


ONE_CATEGORY = [line.replace("b", "a") if line.endswith("1") else line for line in LABELS]


@pytest.mark.parametrize(
    ("written", "parameters", "message"),
    [
        ({"interval": 0.0}, {}, "doesn't say how long a volume takes .*give `volume_interval` in s"),
        ({"unit": "unknown"}, {}, "doesn't say how long a volume takes"),
        ({}, {"volume_interval": -1.0}, "must be a number of Hz above 0"),
        ({"labels": LABELS[:-1]}, {}, "labels.txt has 23 rows for 24 volumes"),
        ({"labels": [*LABELS[:-1], "rest"]}, {}, "row 24 is 'rest'"),
        ({"labels": ONE_CATEGORY}, {}, "run 1 holds blocks of 'a' only.*exclude_runs: .1."),
        ({"labels": ["rest 0"] * N_VOLUMES}, {}, "no condition but 'rest'"),
        ({"mask": MASK[:3]}, {}, r"mask.nii.gz is \(3, 3, 2\), but the volumes are \(4, 3, 2\)"),
        ({"mask": np.zeros_like(MASK)}, {}, "leaves no voxel"),
        ({"data": nan_voxel()}, {}, "1 of 8 voxels hold NaN"),
        ({"data": BOLD[..., 0]}, {}, "has 3 axes"),
        ({}, {"exclude_runs": (0, 1)}, "leaves no run of 2"),
        ({}, {"mask": "brain.nii"}, "no file brain.nii among bold.nii.gz"),
    ],
)
def test_what_contradicts_itself_is_refused_in_one_sentence(written, parameters, message, tmp_path):
    with pytest.raises(BadInput, match=message):
        read(nifti(tmp_path, **written), **parameters)


def test_a_header_that_claims_more_than_the_file_holds(tmp_path):
    path = nifti(tmp_path)
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[42:50] = np.array([20000, 20000, 2000, 20000], "<i2").tobytes()
    path.write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(BadInput, match="claims 32,000,000,000,000,000 bytes of voxels"):
        read(path)


def test_an_uncompressed_file_reads_the_same(tmp_path):
    path = nifti(tmp_path)
    plain = tmp_path / "bold.nii"
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    np.testing.assert_array_equal(read(plain, bold="bold.nii").signals.values, BOLD[MASK].T)
    assert CONDITIONS[0] != CONDITIONS[1]
