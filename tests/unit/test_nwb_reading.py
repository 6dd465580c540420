"""Spike times of NWB files are read in one bulk read, and memory holds them once."""

import h5py
import numpy as np
import pytest

from benchmarks.nwb_reading import read_once, write_spikes
from neuropipe.errors import BadInput
from neuropipe.readers.nwb import read


@pytest.fixture
def path(tmp_path):
    write_spikes(tmp_path / "spikes.nwb", n_units=200, n_spikes=100_000)
    return tmp_path / "spikes.nwb"


def test_the_number_of_reads_does_not_grow_with_the_number_of_units(path, monkeypatch):
    calls = dict.fromkeys(("read_direct", "__getitem__"), 0)

    def counted(name):
        original = getattr(h5py.Dataset, name)

        def call(*arguments):
            calls[name] += 1
            return original(*arguments)

        return call

    for name in calls:
        monkeypatch.setattr(h5py.Dataset, name, counted(name))
    assert read({"spikes.nwb": path}).spikes.n_units == 200
    assert calls == {"read_direct": 1, "__getitem__": 2}  # spike times; ids, and where units end


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_what_is_read_is_what_h5py_reads(tmp_path, compression):
    path = tmp_path / "spikes.nwb"
    write_spikes(path, n_units=50, n_spikes=20_000, compression=compression)
    found = read({"spikes.nwb": path}).spikes
    with h5py.File(path) as file:
        np.testing.assert_array_equal(found.times, file["units/spike_times"][:])
        np.testing.assert_array_equal(found.offsets[1:], file["units/spike_times_index"][:])


def test_units_out_of_order_are_sorted_and_times_that_are_not_finite_refused(path):
    with h5py.File(path, "r+") as file:
        first = file["units/spike_times"][:100]
        file["units/spike_times"][:100] = first[::-1]
    np.testing.assert_array_equal(read({"spikes.nwb": path}).spikes.times[:100], first)
    for bad in (np.nan, np.inf, -np.inf):
        with h5py.File(path, "r+") as file:
            file["units/spike_times"][50] = bad
        with pytest.raises(BadInput, match="unit 0 has spike times that are not finite"):
            read({"spikes.nwb": path})


def test_single_precision_becomes_double(path):
    with h5py.File(path, "r+") as file:
        times = file["units/spike_times"][:].astype(np.float32)
        del file["units/spike_times"]
        file["units/spike_times"] = times
    np.testing.assert_array_equal(read({"spikes.nwb": path}).spikes.times, times.astype(np.float64))


@pytest.mark.slow
def test_memory_is_bounded_by_the_result(tmp_path):
    write_spikes(tmp_path / "spikes.nwb", n_units=100, n_spikes=12_500_000)  # 100 MB
    assert read_once(tmp_path / "spikes.nwb", "neuropipe")["beyond"] < 30e6
