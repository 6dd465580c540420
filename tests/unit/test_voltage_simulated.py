"""Simulated voltage: spikes lie where the truth says, units move as they should, and blocks don't matter."""

import numpy as np
import pytest

from neuropipe.errors import BadInput
from neuropipe.simulate import drift_diffusion, voltage

DECISIONS = {"n_trials": 15, "n_units": 3}


@pytest.fixture(scope="module")
def still():
    return voltage(seed=3, decisions=DECISIONS, probe="tetrode", sampling_rate=20000.0)


def test_spikes_are_those_of_the_decisions_without_violations_of_the_refractory_period(still):
    spiking = drift_diffusion(seed=3, **DECISIONS)
    assert len(still.truth["spike_offsets"]) == 4
    assert 0.9 < len(still.truth["spike_times"]) / len(spiking.spikes.times) <= 1
    for low, high in zip(still.truth["spike_offsets"][:-1], still.truth["spike_offsets"][1:], strict=True):
        assert np.diff(still.truth["spike_times"][low:high]).min() >= 0.002 - 1e-9
    assert still.trials["choice"].tolist() == spiking.trials["choice"].tolist()
    assert still.voltage.duration > still.trials["stop"].iloc[-1]


def test_the_mean_voltage_around_true_spikes_is_the_unit_and_the_rest_is_noise(still):
    samples = still.voltage.samples[slice(0, still.voltage.samples.shape[0])] * 0.195
    at = np.round(still.truth["spike_times"] * 20000).astype(int)
    for unit in range(3):
        own = at[still.truth["spike_offsets"][unit] : still.truth["spike_offsets"][unit + 1]]
        mean = samples[own].mean(axis=0)
        assert -mean.min() / 8.0 == pytest.approx(still.truth["peak_snr"][unit], rel=0.1)
    far = np.ones(len(samples), bool)
    far[(at[:, None] + np.arange(-40, 80)).ravel().clip(0, len(samples) - 1)] = False
    np.testing.assert_allclose(samples[far].std(axis=0), 8.0, rtol=0.02)


def test_blocks_and_runs_give_the_same_samples(still):
    samples = still.voltage.samples
    joined = np.concatenate([samples[slice(0, 7777)], samples[slice(7777, 45000)]])
    np.testing.assert_array_equal(joined, samples[slice(0, 45000)])
    again = voltage(seed=3, decisions=DECISIONS, probe="tetrode", sampling_rate=20000.0)
    np.testing.assert_array_equal(again.voltage.samples[slice(0, 45000)], joined)
    other = voltage(seed=4, decisions=DECISIONS, probe="tetrode", sampling_rate=20000.0)
    assert (other.voltage.samples[slice(0, 45000)] != joined).any()


def test_units_move_along_the_probe_by_what_the_truth_says():
    moving = voltage(
        seed=3, decisions=DECISIONS | {"baseline_rate": 40.0}, motion=40.0, motion_period=8.0, duration=8.0, noise=2.0
    )
    times, motion = moving.truth["motion_times"], moving.truth["motion"]
    assert np.ptp(motion) == pytest.approx(40.0, abs=1.5)
    unit = int(np.argmax(moving.truth["peak_snr"]))
    low, high = moving.truth["spike_offsets"][unit : unit + 2]
    spikes = moving.truth["spike_times"][low:high]
    sizes = -moving.voltage.samples[slice(0, 240000)][np.round(spikes * 30000).astype(int)].astype(float)
    weights = np.clip(sizes - 0.3 * sizes.max(axis=1, keepdims=True), 0, None)
    centre = (weights * moving.voltage.channels["y"].to_numpy()).sum(axis=1) / weights.sum(axis=1)
    assert np.corrcoef(centre, np.interp(spikes, times, motion))[0, 1] > 0.8


def test_what_makes_no_voltage_is_refused():
    with pytest.raises(BadInput, match="no simulated probe is called 'utah'; there is tetrode, linear_32"):
        voltage(probe="utah")
    with pytest.raises(BadInput, match="action potentials need 10,000 or more"):
        voltage(sampling_rate=1000.0)
    with pytest.raises(BadInput, match="no trial ends within 0.5 s"):
        voltage(duration=0.5)
    with pytest.raises(BadInput, match="give the smallest and the largest"):
        voltage(amplitude=(200.0, 100.0))
