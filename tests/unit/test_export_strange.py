"""Export of sessions that nobody expects: silent units, single spikes, names that are paths, text that files refuse."""

import numpy as np
import pandas as pd
import pytest

from neuropipe.export import available, to_pynapple
from neuropipe.export.values import plain, safe_names
from neuropipe.recording import Recording, SpikeTrains, TimeSeries
from neuropipe.schemas import Recording as Stored
from tests.unit import exported

AREAS = pd.DataFrame({"brain_area": ["CA1", "V1", "?"]})


def recording(trains=exported.TRAINS, units=AREAS, **parts) -> Stored:
    return Stored.of(Recording(units=units, spikes=SpikeTrains.from_list(trains), **parts))


def written(form: str, made: Stored, folder):
    """The session as one format writes it."""
    path = folder / "out" / f"session{available()[form].facts['suffix']}"
    path.parent.mkdir()
    available()[form].load()(exported.content(made), path)
    assert [file.name for file in folder.iterdir()] == ["out"]
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    return path


def test_names_of_files_stay_in_their_folder_and_apart():
    assert safe_names(["a/b", "a_b", "..", "", "x:y\n", "rate"], taken={"rate"}) == [
        "a_b", "a_b_", "__", "_", "x_y_", "rate_"
    ]  # fmt: skip
    assert plain(pd.Series(["a\0b", None])).tolist() == ["ab", ""]


@pytest.mark.parametrize(
    "trains",
    [[[], [], []], [[1.0], [1.0], [1.0, 1.0]], [[-2.0, 3.0], [9.0], []]],
    ids=["silent", "at one time", "single spikes beside others"],
)
def test_no_spike_and_no_unit_is_lost(trains, tmp_path):
    made = recording([np.array(train, float) for train in trains])
    found = to_pynapple(made)["units"]
    assert [found[unit].t.tolist() for unit in range(3)] == trains
    written("nwb", made, tmp_path)


def test_a_session_of_which_no_unit_was_sorted(tmp_path):
    import h5py

    made = recording([], AREAS[:0])
    assert len(to_pynapple(made)["units"]) == 0
    with h5py.File(written("nwb", made, tmp_path)) as file:
        assert len(file["units/id"]) == 0


@pytest.mark.parametrize("form", ["nwb", "pynapple", "spikeinterface"])
def test_columns_and_signals_whose_names_are_paths(form, tmp_path):
    units = AREAS.assign(**{"a/b": 1, "a_b": 2, ".": 3, "": 4, "text": ["a\0b", "c\nd", "é"]})
    series = TimeSeries(np.arange(5.0), np.arange(5.0))
    made = recording(units=units, behaviour={"../../x": series, "eye/left": series})
    path = written(form, made, tmp_path)
    if form == "pynapple":
        assert {"eye_left.npz", ".._.._x.npz"} <= {file.name for file in path.iterdir()}
    elif form == "spikeinterface":
        import spikeinterface

        sorting = spikeinterface.load(path)
        assert sorting.get_property("a_b").tolist() == [1, 1, 1]
        assert sorting.get_property("a_b_").tolist() == [2, 2, 2]
    else:
        from pynwb import validate

        assert validate(path=str(path)) == []


def test_a_full_disk_is_an_error_of_the_disk_and_no_crash(tmp_path, monkeypatch):
    import errno

    from neuropipe.export import nwb

    class Full:
        """A file that takes 3,000 bytes."""

        def __init__(self, path):
            self.file = path.open("w+b", buffering=0)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, data):
            if self.file.tell() + len(data) > 3000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return self.file.write(data)

    class Place:
        def open(self, *_, **__):
            return Full(tmp_path / "x.nwb")

    with pytest.raises(OSError, match="No space left"):
        nwb.write(exported.full(), Place())
