"""Promises that every reader of raw voltage keeps: samples, gains, places, and one sentence for each damage."""

import numpy as np
import pandas as pd
import pytest

from neuropipe import readers
from neuropipe.errors import BadInput
from neuropipe.recording import BinaryFile
from tests.readers.voltage_formats import N_CHANNELS, PROBE, STEPS, VOLTAGE_EXAMPLES, binary_voltage, with_probe


def read(kind, files, **changed):
    return readers.get(kind).load()(files, **VOLTAGE_EXAMPLES[kind].parameters | changed)


@pytest.mark.parametrize("kind", VOLTAGE_EXAMPLES)
class TestEveryReaderOfVoltage:
    def test_gives_all_samples_in_microvolts_at_the_contacts_of_the_probe(self, kind, tmp_path):
        example = VOLTAGE_EXAMPLES[kind]
        recording = read(kind, example.write(tmp_path))
        voltage = recording.voltage
        assert voltage.sampling_rate == example.rate
        assert voltage.start == example.start
        assert len(recording.units) == 0
        samples = np.asarray(voltage.samples[slice(0, len(STEPS))], float)
        gain, offset = (voltage.channels[name].to_numpy() for name in ("gain", "offset"))
        np.testing.assert_allclose(samples * gain + offset, STEPS * example.gain * example.scale, rtol=1e-5, atol=1e-3)
        np.testing.assert_array_equal(voltage.samples[slice(10, 20)], voltage.samples[slice(0, 30)][10:20])
        if kind not in ("spikeglx", "locust_tetrode"):
            pd.testing.assert_frame_equal(voltage.channels[["x", "y"]], PROBE)

    def test_addresses_a_flat_file_where_it_lies(self, kind, tmp_path):
        files = VOLTAGE_EXAMPLES[kind].write(tmp_path)
        samples = read(kind, files).voltage.samples
        assert isinstance(samples, BinaryFile) == VOLTAGE_EXAMPLES[kind].addressed
        if isinstance(samples, BinaryFile):
            assert samples.path == files[VOLTAGE_EXAMPLES[kind].data]

    def test_refuses_a_file_that_was_cut_in_the_middle_of_a_sample(self, kind, tmp_path):
        files = VOLTAGE_EXAMPLES[kind].write(tmp_path)
        path = files[VOLTAGE_EXAMPLES[kind].data]
        path.write_bytes(path.read_bytes()[:-3])
        with pytest.raises(BadInput, match=VOLTAGE_EXAMPLES[kind].data.replace(".", r"\.")):
            read(kind, files)

    def test_refuses_a_probe_with_other_contacts(self, kind, tmp_path):
        if kind == "locust_tetrode":
            return  # it brings its own
        files = with_probe(VOLTAGE_EXAMPLES[kind].write(tmp_path), tmp_path, pd.concat([PROBE, PROBE + 100]))
        with pytest.raises(BadInput, match=r"probe\.csv describes 8 contacts, and the recording has 4 channels"):
            read(kind, files)

    def test_reads_the_trials_beside_it(self, kind, tmp_path):
        if kind == "locust_tetrode":
            return
        files = VOLTAGE_EXAMPLES[kind].write(tmp_path)
        files["trials.csv"] = tmp_path / "trials.csv"
        files["trials.csv"].write_text("start,stimulus,choice\n0.001,0.002,left\n0.01,0.011,right\n")
        assert read(kind, files).trials["choice"].tolist() == ["left", "right"]
        files["trials.csv"].write_text("start,choice\n0.5,left\n0.01,right\n")
        with pytest.raises(BadInput, match="sort its rows by start"):
            read(kind, files)


def test_a_probe_of_probeinterface_is_ordered_as_the_channels_are(tmp_path):
    from probeinterface import Probe, write_probeinterface

    files = binary_voltage(tmp_path)
    del files["probe.csv"]
    with pytest.raises(BadInput, match=r"no probe file: add probe\.csv"):
        read("binary_voltage", files)
    probe = Probe(ndim=2, si_units="um")
    probe.set_contacts(PROBE.to_numpy()[::-1], shapes="circle", shape_params={"radius": 5})
    probe.set_device_channel_indices(np.arange(N_CHANNELS)[::-1])
    write_probeinterface(tmp_path / "my-probe.json", probe)
    channels = read("binary_voltage", files | {"my-probe.json": tmp_path / "my-probe.json"}).voltage.channels
    pd.testing.assert_frame_equal(channels[["x", "y"]], PROBE)


def test_plain_binary_says_what_it_needs(tmp_path):
    files = binary_voltage(tmp_path)
    with pytest.raises(BadInput, match=r"doesn't say its sampling_rate \(Hz\), n_channels, gain"):
        readers.get("binary_voltage").load()(files)
    with pytest.raises(BadInput, match="no multiple of 14"):
        read("binary_voltage", files, n_channels=7)


def test_channels_at_one_place_are_refused(tmp_path):
    files = with_probe(binary_voltage(tmp_path), tmp_path, PROBE.assign(x=0.0))
    with pytest.raises(BadInput, match="lies where another one does"):
        read("binary_voltage", files).voltage.check()


def test_hybrid_voltage_holds_the_units_that_were_put_into_it(tmp_path):
    files = VOLTAGE_EXAMPLES["locust_tetrode"].write(tmp_path)
    real, hybrid = read("locust_tetrode", files), read("locust_tetrode", files, hybrid={"n_units": 2, "rate": 200.0})
    added = hybrid.voltage.samples - real.voltage.samples
    spikes = np.round(hybrid.truth["spike_times"] * 15000).astype(int)
    assert len(spikes) > 5
    assert added[spikes].min(axis=1).max() < -0.5  # SDs: a trough where each spike was put
    far = np.min(np.abs(np.arange(len(added))[:, None] - spikes), axis=1) > 60
    assert np.abs(added[far]).max() < 1e-5
