"""EEGLAB's files: samples, channels with places, events as trials; what is damaged is refused in one sentence."""

import numpy as np
import pytest

from neuropipe import readers
from neuropipe.errors import BadInput
from tests.readers.signal_files import EVENTS, POTENTIALS, eeglab


def read(path, **parameters):
    files = {name: path.parent / name for name in ("sample.set", "sample.fdt")}
    return readers.get("eeglab").load()(files, **parameters)


@pytest.mark.parametrize("layout", [{}, {"inside": True}, {"top": True}, {"inside": True, "top": True}])
def test_every_layout_gives_the_same_recording(layout, tmp_path):
    recording = read(eeglab(tmp_path, **layout))
    np.testing.assert_array_equal(recording.signals.values, POTENTIALS)
    assert (recording.signals.sampling_rate, recording.signals.unit) == (100.0, "uV")
    assert recording.units["channel"].tolist() == ["Fz", "Cz", "EOG"]
    np.testing.assert_array_equal(recording.units["theta"], [0, np.nan, 23])
    trials = recording.trials
    np.testing.assert_allclose(trials["onset"], [1.0, 1.495, 3.0])  # latencies count from 1
    assert trials["type"].tolist() == ["square", "rt", "square"]
    np.testing.assert_array_equal(trials["position"], [2, np.nan, 1])


def test_events_are_put_in_time_order_and_numbers_become_words(tmp_path):
    events = {"type": [2, 1, 2], "latency": [301.0, 101.0, 102.0]}
    trials = read(eeglab(tmp_path, events=events)).trials
    assert trials["type"].tolist() == ["1", "2", "2"]
    np.testing.assert_allclose(trials["onset"], [1.0, 1.01, 3.0])


def test_boundaries_cut_the_recording_and_are_no_trials(tmp_path):
    events = {"type": ["square", "boundary", "rt"], "latency": [101.0, 200.5, 301.0]}
    recording = read(eeglab(tmp_path, events=events))
    assert recording.signals.segments.tolist() == [[0, 200], [200, 500]]
    assert recording.trials["type"].tolist() == ["square", "rt"]
    np.testing.assert_allclose(recording.trials["onset"], [1.0, 3.0])


def test_channels_can_be_left_out(tmp_path):
    recording = read(eeglab(tmp_path), exclude=("EOG",))
    assert recording.units["channel"].tolist() == ["Fz", "Cz"]
    np.testing.assert_array_equal(recording.signals.values, POTENTIALS[:, :2])


def broken(channel):
    values = POTENTIALS.copy()
    values[7, channel] = np.nan
    return values.T


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"srate": np.empty((0, 0))}, r"sampling rate is not known: give `sampling_rate` in Hz in sample.set"),
        ({"srate": 0.0}, "sampling rate is not known"),
        ({"srate": -5.0}, "must be a number of Hz above 0"),
        ({"nbchan": 4.0}, "holds 6,000 bytes; 4 channels of 500 samples, as sample.set says, are 8,000"),
        ({"pnts": 499.0}, "holds 6,000 bytes; 3 channels of 499 samples"),
        ({"nbchan": 4.0, "inside": True}, r"shape \(3, 500\), but its header says 4 channels"),
        ({"trials": 80.0}, "is cut into 80 epochs"),
        ({"pnts": 0.5}, "EEG.pnts is no whole number"),
        ({"data": broken(1)}, "sample.set: channel Cz hold NaN.*exclude: .Cz."),
        ({"events": EVENTS | {"latency": [101.0, 150.5, 501.0]}}, r"event 3 \(square\) is at sample 501.*has 500"),
        ({"events": EVENTS | {"latency": [0.0, 150.5, 300.0]}}, r"event 1 \(square\) is at sample 0"),
    ],
)
def test_what_contradicts_itself_is_refused_in_one_sentence(changed, message, tmp_path):
    with pytest.raises(BadInput, match=message):
        read(eeglab(tmp_path, **changed))


def test_header_with_more_or_fewer_names_than_channels(tmp_path):
    path = eeglab(tmp_path, nbchan=2.0, data=POTENTIALS[:, :2].T)
    with pytest.raises(BadInput, match="names 3 channels, but its header says 2"):
        read(path)


def test_samples_cut_short_or_absent(tmp_path):
    path = eeglab(tmp_path)
    samples = tmp_path / "sample.fdt"
    samples.write_bytes(samples.read_bytes()[:-100])
    with pytest.raises(BadInput, match="sample.fdt holds 5,900 bytes; .* are 6,000: the file is cut short"):
        read(path)
    with pytest.raises(BadInput, match="keeps its samples in sample.fdt; give that file beside it"):
        readers.get("eeglab").load()({"sample.set": path})


@pytest.mark.parametrize(
    ("exclude", "message"), [(("Oz",), "Oz, which is no channel"), (("Fz", "Cz", "EOG"), "leaves no")]
)
def test_channels_that_cannot_be_left_out(exclude, message, tmp_path):
    with pytest.raises(BadInput, match=message):
        read(eeglab(tmp_path), exclude=exclude)


def test_a_matlab_file_that_is_no_eeglab_set(tmp_path):
    from scipy.io import savemat

    savemat(tmp_path / "sample.set", {"spikes": np.zeros(3)})
    with pytest.raises(BadInput, match="is no whole EEGLAB data set: it lacks chanlocs, data, event"):
        read(tmp_path / "sample.set")
