"""Signals in .npy files: one channel a file, or several in one."""

import numpy as np
import pytest

from neuropipe import readers
from neuropipe.errors import BadInput
from tests.readers.signal_files import POTENTIALS, RATE


def read(folder, files, **parameters):
    for name, values in files.items():
        np.save(folder / name, values)
    paths = {name: folder / name for name in files}
    return readers.get("signals_npy").load()(paths, **{"sampling_rate": RATE, **parameters})


def test_a_channel_per_file_is_named_after_it(tmp_path):
    files = {"ca1.npy": POTENTIALS[:, 0].astype(float), "ec3.npy": POTENTIALS[:, 1]}
    recording = read(tmp_path, files, unit="mV", start=2.0)
    assert recording.units["channel"].tolist() == ["ca1", "ec3"]
    np.testing.assert_array_equal(recording.signals.values, POTENTIALS[:, :2])
    assert (recording.signals.unit, recording.signals.times[1]) == ("mV", 2.01)


@pytest.mark.parametrize(("axes", "turned"), [(("time", "channel"), False), (("channel", "time"), True)])
def test_several_channels_in_a_file(axes, turned, tmp_path):
    values = POTENTIALS.T if turned else POTENTIALS
    recording = read(tmp_path, {"lfp.npy": values}, axes=axes)
    np.testing.assert_array_equal(recording.signals.values, POTENTIALS)
    assert recording.units["channel"].tolist() == ["lfp-0", "lfp-1", "lfp-2"]
    named = read(tmp_path, {"lfp.npy": values}, axes=axes, names=("x", "y", "z"), exclude=("y",))
    assert named.units["channel"].tolist() == ["x", "z"]


@pytest.mark.parametrize(
    ("files", "parameters", "message"),
    [
        ({"a.npy": POTENTIALS}, {"sampling_rate": None}, "sampling rate is not known: give `sampling_rate` in Hz"),
        ({"a.npy": POTENTIALS}, {"sampling_rate": 0.0}, "must be a number of Hz above 0"),
        ({"a.npy": POTENTIALS}, {"names": ("x",)}, "names gives 1 channels, the files hold 3"),
        ({"a.npy": POTENTIALS}, {"names": ("x", "x", "y")}, "2 channels are called 'x'"),
        ({"a.npy": POTENTIALS}, {"axes": ("time", "unit")}, "axes must be time and channel"),
        ({"a.npy": np.zeros(5), "b.npy": np.zeros(6)}, {}, "one length; found a.npy 5, b.npy 6"),
        ({"a.npy": np.zeros((2, 2, 2))}, {}, r"a.npy holds float64 \(2, 2, 2\)"),
        ({"a.npy": np.array(["x"])}, {}, "a.npy holds <U1"),
        ({"a.npy": np.array([1.0, np.nan, 2.0])}, {}, "channel a hold NaN"),
    ],
)
def test_what_is_no_signal_is_refused(files, parameters, message, tmp_path):
    with pytest.raises(BadInput, match=message):
        read(tmp_path, files, **parameters)
