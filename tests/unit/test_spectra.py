"""Spectra and coherence: equal to scipy's, and right where the answer is known."""

import numpy as np
import pytest
from scipy import signal

from neuropipe.errors import BadInput
from neuropipe.fields.spectra import cross_spectra, peak_in_band, power_in_band

RATE, N = 100.0, 6000
RNG = np.random.default_rng(3)
SHARED = RNG.normal(size=N)
VALUES = np.stack([SHARED + RNG.normal(size=N), SHARED + RNG.normal(size=N), RNG.normal(size=N)], axis=1)
WHOLE, PAIRS = np.array([[0, N]]), np.array([[0, 1], [0, 2]])


def test_power_and_coherence_are_those_of_scipy():
    found = cross_spectra(VALUES, WHOLE, RATE, seconds=1.0, pairs=PAIRS)
    frequencies, power = signal.welch(VALUES, RATE, nperseg=100, axis=0)
    np.testing.assert_allclose(found.frequencies, frequencies)
    np.testing.assert_allclose(found.power, power, rtol=1e-9)
    for pair, (a, b) in enumerate(PAIRS):
        expected = signal.coherence(VALUES[:, a], VALUES[:, b], RATE, nperseg=100)[1]
        np.testing.assert_allclose(found.coherence[1:, pair], expected[1:], rtol=1e-6)


@pytest.mark.parametrize("method", ["welch", "multitaper"])
def test_white_noise_has_its_variance_spread_over_all_frequencies(method):
    found = cross_spectra(VALUES, WHOLE, RATE, seconds=2.0, method=method, pairs=PAIRS)
    assert found.power[2:-2, 2].mean() == pytest.approx(1.0 / (RATE / 2), rel=0.05)
    # Half of the variance of either signal is shared: coherence .25. That of independent signals is below chance.
    assert found.coherence[2:-2, 0].mean() == pytest.approx(0.25, abs=0.04)
    assert (found.coherence[2:-2, 1] < found.chance).mean() == pytest.approx(0.95, abs=0.05)


def test_no_window_crosses_a_pause():
    jump = np.concatenate([np.zeros(300), np.full(300, 1000.0)])[:, None] + VALUES[:600, :1]
    halves = cross_spectra(jump, np.array([[0, 300], [300, 600]]), RATE, seconds=1.0)
    assert halves.windows == 10
    assert halves.power[1, 0] < 0.2  # a jump of 1000 in a window would make this huge


def test_power_of_a_sine_is_half_its_squared_amplitude():
    rhythm = 3 * np.sin(2 * np.pi * 8 * np.arange(N) / RATE)[:, None]
    found = cross_spectra(rhythm, WHOLE, RATE)
    assert power_in_band(found.frequencies, found.power[:, 0], 4, 12) == pytest.approx(4.5, rel=1e-6)


def test_a_rhythm_is_a_peak_above_the_background_and_a_slope_is_none():
    frequencies = np.arange(0, 50.5, 0.5)
    slope = 1 / np.maximum(frequencies, 0.5)
    rhythm = slope + 0.5 * np.exp(-((frequencies - 8) ** 2) / 2)
    assert peak_in_band(frequencies, rhythm, 4, 10) == 8.0
    assert np.isnan(peak_in_band(frequencies, slope, 4, 10))
    assert np.isnan(peak_in_band(frequencies, slope * (1 + 0.2 * np.cos(frequencies)), 4, 10))  # ripples
    assert np.isnan(peak_in_band(frequencies, rhythm, 13, 30))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seconds": 100.0}, "holds a window of 100 s"),
        ({"seconds": 0.01}, "holds 1 samples"),
        ({"method": "burg"}, "take welch or multitaper"),
        ({"method": "multitaper", "bandwidth": 0.1}, "take 0.5 Hz or more"),
    ],
)
def test_settings_that_give_no_spectrum_are_refused(settings, message):
    with pytest.raises(BadInput, match=message):
        cross_spectra(VALUES, WHOLE, RATE, **settings)
