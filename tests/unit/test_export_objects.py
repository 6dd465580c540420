"""Export as objects of xarray, pynapple and SpikeInterface, and as their files."""

import json

import numpy as np
import pandas as pd
import pytest

from neuropipe.errors import BadInput
from neuropipe.export import available, pynapple, spikeinterface, to_pynapple, to_spikeinterface, to_xarray, xarray
from neuropipe.recording import Recording, SpikeTrains
from neuropipe.schemas import Recording as Stored
from tests.unit import exported


class TestXarray:
    def test_trials_with_their_tables(self):
        recording = exported.spiking()
        found = to_xarray(exported.trial_bins(), units=recording.units, trials=recording.trials)
        assert found["activity"].dims == ("trial", "time", "unit")
        np.testing.assert_array_equal(found["activity"], np.arange(28).reshape(7, 2, 2))
        np.testing.assert_allclose(found["time"], [0.0, 0.2])
        assert found["unit"].values.tolist() == [0, 2]
        assert found["unit_brain_area"].values.tolist() == ["CA1", "VISp"]
        assert found["trial"].values.tolist() == list(range(1, 8))
        assert found["trial_choice"].values.tolist() == [1, -1, 1, -1, 1, -1, 1]
        assert found.sel(trial=3)["trial_picture"] == "house"
        assert found.attrs["classes"] == ["face", "house"]

    def test_a_continuous_session_has_times(self):
        found = to_xarray(exported.time_bins())
        assert found["activity"].dims == ("time", "unit")
        np.testing.assert_allclose(found["time"], [0.25, 0.75, 1.25, 10.25, 10.75, 11.25])
        np.testing.assert_array_equal(found["targets"].sel(target="speed"), np.arange(6.0))

    def test_tables_of_another_length_are_refused(self):
        recording = exported.spiking()
        with pytest.raises(BadInput, match="refers to unit 2, and the unit table has 2 rows"):
            to_xarray(exported.trial_bins(), units=recording.units[:2])
        with pytest.raises(BadInput, match="refers to trial 7, and the trial table has 5 rows"):
            to_xarray(exported.trial_bins(), trials=recording.trials[:5])

    def test_zarr_is_read_back_equal(self, tmp_path, recwarn):
        import xarray as xr

        session = exported.asking(exported.full(), "binned")
        xarray.write(session, tmp_path / "binned.zarr")
        assert [str(each.message) for each in recwarn if "neuropipe" in str(each.filename)] == []
        found = xr.open_zarr(tmp_path / "binned.zarr", consolidated=False).load()
        recording = exported.spiking()
        expected = to_xarray(exported.trial_bins(), units=recording.units, trials=recording.trials)
        xr.testing.assert_equal(found, expected)
        assert found.attrs["session"] == "mine.one"
        assert found.attrs["identifier"] == session.identifier
        assert json.loads((tmp_path / "binned.zarr" / "zarr.json").read_text())["zarr_format"] == 3


class TestPynapple:
    def test_units_trials_epochs_and_behaviour(self):
        found = to_pynapple(exported.spiking())
        assert sorted(found) == ["epochs", "position", "speed", "trials", "units"]
        for unit, train in enumerate(exported.TRAINS):
            np.testing.assert_array_equal(found["units"][unit].t, train)
        assert found["units"]["brain_area"].tolist() == ["CA1", "", "VISp"]
        assert found["units"]["unit_rate"].tolist() == [1, 2, 3]
        np.testing.assert_array_equal(found["trials"].start, np.arange(8.0))
        np.testing.assert_array_equal(found["trials"].end, np.arange(8) + 0.9)
        assert found["trials"]["picture"].tolist() == exported.trials()["picture"].tolist()
        assert found["epochs"]["name"].tolist() == ["sleep", "wake"]
        np.testing.assert_array_equal(found["epochs"].start, [0, 4])
        np.testing.assert_array_equal(found["position"].loc["y"].values, [1, 3, 5])
        np.testing.assert_array_equal(found["speed"].t, 1 + np.arange(5) / 4)

    def test_signals_stand_where_there_are_no_spikes(self):
        before = exported.field_potentials()
        found = to_pynapple(before)["signals"]
        np.testing.assert_array_equal(found.values, before.signals)
        assert found.t[[29, 30]].tolist() == [0.79, 2.0]

    def test_the_folder_is_read_back_by_pynapple(self, tmp_path):
        import pynapple as nap

        folder = tmp_path / "mine"
        pynapple.write(exported.asking(exported.full(), "recording"), folder)
        units, trials = (nap.load_file(str(folder / f"{name}.npz")) for name in ("units", "trials"))
        for unit, train in enumerate(exported.TRAINS):
            np.testing.assert_array_equal(units[unit].t, train)
        assert units["depth"].to_numpy()[[0, 2]].tolist() == [10, 30]
        assert trials["choice"].tolist() == exported.trials()["choice"].tolist()
        said = json.loads((folder / "session.json").read_text())
        assert said["objects"] == ["epochs", "position", "speed", "trials", "units"]
        assert said["left_out"] == {}

    def test_intervals_that_overlap_are_left_out_and_named(self, tmp_path):
        made = exported.trials().assign(stop=5.0)
        recording = Stored.of(
            Recording(units=pd.DataFrame(index=range(3)), spikes=SpikeTrains.from_list(exported.TRAINS), trials=made)
        )
        assert sorted(to_pynapple(recording)) == ["units"]
        pynapple.write(exported.content(recording), tmp_path / "mine")
        said = json.loads((tmp_path / "mine" / "session.json").read_text())
        assert "overlap" in said["left_out"]["trials"]

    def test_voltage_has_nothing_for_pynapple(self):
        with pytest.raises(BadInput, match="nothing that pynapple holds"):
            to_pynapple(exported.voltage())


class TestSpikeInterface:
    def test_spikes_and_properties(self):
        found = to_spikeinterface(exported.spiking(), 1000.0)
        assert found.get_sampling_frequency() == 1000
        assert found.get_unit_spike_train(0).tolist() == [250, 1500, 7125]
        assert found.get_unit_spike_train(1).tolist() == []
        assert found.get_property("brain_area").tolist() == ["CA1", "", "VISp"]

    def test_the_folder_is_read_back_by_spikeinterface(self, tmp_path):
        import spikeinterface as si

        session = exported.asking(exported.full(), "recording")
        spikeinterface.write(session, tmp_path / "sorting")
        found = si.load(tmp_path / "sorting")
        assert found.get_sampling_frequency() == 30_000
        assert (tmp_path / "sorting" / available()["spikeinterface"].facts["marker"]).is_file()
        for unit, train in enumerate(exported.TRAINS):
            np.testing.assert_array_equal(found.get_unit_spike_train(unit, return_times=True), train)
        np.testing.assert_array_equal(found.get_property("depth"), [10, np.nan, 30])

    @pytest.mark.parametrize(
        ("recording", "rate", "said"),
        [
            (exported.field_potentials(), 30_000, "no spike times"),
            (exported.spiking(), 0.0, "above 0"),
            (Stored.of(Recording(units=pd.DataFrame(index=[0]), spikes=SpikeTrains.from_list([np.array([-1.0])]))),
             30_000, "a spike is at -1 s"),
        ],
    )  # fmt: skip
    def test_refusals(self, recording, rate, said):
        with pytest.raises(BadInput, match=said):
            to_spikeinterface(recording, rate)
