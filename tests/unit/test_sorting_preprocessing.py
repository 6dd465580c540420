"""Channels that can't be sorted are found, the probe must match, and nothing is filtered that can't be."""

import numpy as np
import pandas as pd
import pytest

from neuropipe.errors import BadInput
from neuropipe.recording import BinaryFile, Voltage
from neuropipe.sorting.binary import in_one_binary
from neuropipe.sorting.preprocessing import Prepared, Preprocessing, prepare, preprocessed

RATE, N = 20000.0, 30000


def recorded(folder, samples, **columns):
    n_channels = samples.shape[1]
    table = {"x": np.zeros(n_channels), "y": 20.0 * np.arange(n_channels), "gain": 0.2, "offset": 0.0}
    return in_one_binary(Voltage(samples, RATE, pd.DataFrame(table | columns)), folder)


@pytest.fixture
def noise():
    return np.random.default_rng(1).normal(0, 50, (N, 6)).astype(np.int16)


def test_dead_noisy_and_saturated_channels_are_left_out_with_the_reason(noise, tmp_path):
    noise[:, 1] = 3
    noise[:, 3] = np.clip(noise[:, 3].astype(int) * 40, -32768, 32767)
    noise[::20, 4] = 32767
    found = prepare(recorded(tmp_path, noise), Preprocessing())
    assert found.bad.tolist() == ["", "dead", "", "noisy", "saturated", ""]
    np.testing.assert_allclose(found.noise[[0, 2, 5]], 10, rtol=0.05)
    assert found.clipped[4] == pytest.approx(0.05, abs=0.002)
    assert preprocessed(recorded_again(tmp_path, noise), found).get_num_channels() == 3


def recorded_again(folder, samples):
    table = {"x": np.zeros(6), "y": 20.0 * np.arange(6), "gain": 0.2, "offset": 0.0}
    return Voltage(BinaryFile.of(folder / "voltage.raw", "<i2", 6), RATE, pd.DataFrame(table))


def test_a_recording_without_a_channel_to_sort_is_refused(noise, tmp_path):
    noise[:] = 7
    with pytest.raises(BadInput, match=r"none of 6 channels can be sorted \(6 dead\): look at the raw voltage"):
        prepare(recorded(tmp_path, noise), Preprocessing())


def test_values_that_are_not_finite_and_filters_beyond_the_sampling_rate_are_refused(noise, tmp_path):
    broken = noise.astype(np.float32)
    broken[100, 2] = np.nan
    (tmp_path / "a").mkdir()
    with pytest.raises(BadInput, match="not finite"):
        prepare(recorded(tmp_path / "a", broken), Preprocessing())
    with pytest.raises(BadInput, match="150 to 12000 Hz of a recording at 20000 Hz; both must ascend"):
        prepare(recorded(tmp_path, noise), Preprocessing(freq_max=12000.0))


def test_the_filter_passes_spikes_and_takes_slow_waves_away_in_microvolts(noise, tmp_path):
    times = np.arange(N) / RATE
    waves = 2000 * np.sin(2 * np.pi * 5 * times) + 1000 * np.sin(2 * np.pi * 1000 * times)
    noise[:] = 0
    noise += waves.astype(np.int16)[:, None]
    noise += np.random.default_rng(2).normal(0, 5, noise.shape).astype(np.int16)
    voltage = recorded(tmp_path, noise)
    filtered = preprocessed(voltage, prepare(voltage, Preprocessing())).get_traces()[5000:-5000, 0]
    assert np.std(filtered) == pytest.approx(0.2 * 1000 / np.sqrt(2), rel=0.05)


def test_a_file_has_its_samples_addressed_column_by_column(tmp_path):
    whole = np.arange(60, dtype="<i2").reshape(12, 5)
    (tmp_path / "raw.bin").write_bytes(b"head" + whole.tobytes())
    file = BinaryFile.of(tmp_path / "raw.bin", "<i2", 5, skip=4, columns=(3, 0))
    assert file.shape == (12, 2)
    np.testing.assert_array_equal(file[slice(2, 5)], whole[2:5][:, [3, 0]])
    assert BinaryFile.at(tmp_path / "raw.bin", file.address()) == file
    with pytest.raises(BadInput, match=r"raw\.bin holds 124 bytes of samples, which is no multiple of 10"):
        BinaryFile.of(tmp_path / "raw.bin", "<i2", 5)


def test_what_was_found_survives_json(noise, tmp_path):
    import json

    noise[:, 1] = 3
    found = prepare(recorded(tmp_path, noise), Preprocessing(freq_min=300.0))
    back = Prepared.of(json.loads(json.dumps(found.document())))
    assert back.settings == found.settings
    for name in ("bad", "noise", "clipped", "motion", "motion_times", "motion_depths"):
        np.testing.assert_array_equal(getattr(back, name), getattr(found, name))
