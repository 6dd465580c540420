"""Field potentials: filters, references, features and epochs, on signals whose answer is known."""

import numpy as np
import pytest

from neuropipe import fields
from neuropipe.errors import BadInput
from neuropipe.fields.evoked import average, cut_epochs
from neuropipe.fields.extraction import extract
from neuropipe.fields.filtering import band_pass, notch
from neuropipe.fields.reference import reference_weights

RATE = 200.0
TIME = np.arange(2000) / RATE
INSIDE = slice(400, 1600)  # away from the edges of the recording


def sine(frequency: float, amplitude: float = 1.0) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * frequency * TIME)[:, None]


def size(values: np.ndarray) -> float:
    """Amplitude of a sine."""
    return float(np.sqrt(2) * values[INSIDE].std())


class TestFilters:
    def test_a_band_passes_what_is_in_it_without_shift(self):
        np.testing.assert_allclose(band_pass(sine(10), RATE, 5, 20)[INSIDE], sine(10)[INSIDE], atol=0.01)

    @pytest.mark.parametrize(("low", "high"), [(5, 20), (5, None), (None, 80)])
    def test_a_band_removes_what_is_outside(self, low, high):
        outside = sine(1) if low else sine(98)
        assert size(band_pass(outside, RATE, low, high)) < 0.01

    def test_a_notch_removes_one_frequency_only(self):
        left = notch(sine(50, 3.0) + sine(40), RATE, 50)
        assert size(left - sine(40)) < 0.03

    def test_no_edges_change_nothing(self):
        assert band_pass(sine(10), RATE, None, None) is not None
        np.testing.assert_array_equal(band_pass(sine(10), RATE, None, None), sine(10))

    @pytest.mark.parametrize(("low", "high"), [(0.0, 10), (20, 10), (10, 100), (10, 300)])
    def test_edges_that_are_no_band_are_refused(self, low, high):
        with pytest.raises(BadInput, match=r"Hz"):
            band_pass(sine(10), RATE, low, high)

    def test_a_stretch_that_is_too_short_is_refused(self):
        with pytest.raises(BadInput, match="too short for a filter"):
            band_pass(sine(10)[:20], RATE, 5, 20)


class TestReference:
    def test_weights(self):
        assert reference_weights("none", "abcd") is None
        np.testing.assert_array_equal(reference_weights("average", list("abcd")), [0.25] * 4)
        np.testing.assert_array_equal(reference_weights("b, d", list("abcd")), [0, 0.5, 0, 0.5])
        with pytest.raises(BadInput, match="'z' is no channel"):
            reference_weights("a,z", list("abcd"))

    def test_what_channels_share_is_gone_whatever_the_blocks(self):
        own = np.random.default_rng(0).normal(size=(2000, 3))
        values = own - own.mean(axis=1, keepdims=True) + sine(7, 50)
        feature, spans = fields.make("voltage"), np.array([[0, 2000]])
        weights = reference_weights("average", list("abc"))
        whole, parts = (
            np.hstack([v for _, v in extract(values, spans, RATE, feature, iter(blocks), weights)])
            for blocks in ([slice(0, 3)], [slice(0, 2), slice(2, 3)])
        )
        np.testing.assert_allclose(whole, own - own.mean(axis=1, keepdims=True), atol=1e-5)
        np.testing.assert_array_equal(whole, parts)


class TestBandPower:
    def test_a_rhythm_has_the_power_of_its_amplitude_in_its_band_and_little_in_others(self):
        feature = fields.make("band_power")
        power = feature.transform(sine(10, 4.0), RATE)[INSIDE, 0]
        assert feature.names == ("delta", "theta", "alpha", "beta", "gamma")
        np.testing.assert_allclose(power[:, 2], 10 * np.log10(16), atol=0.1)  # |analytic signal|^2 = amplitude^2
        assert power[:, [0, 3, 4]].max() < power[:, 2].min() - 20
        assert feature.quantity("uV") == "dB (uV²)"

    def test_small_units_lose_nothing(self):
        large, small = (fields.make("band_power").transform(sine(10, scale), RATE) for scale in (1.0, 1e-6))
        np.testing.assert_allclose(large - small, 120, atol=1e-6)

    def test_a_silent_channel_is_finite(self):
        assert np.isfinite(fields.make("band_power").transform(np.zeros((2000, 1)), RATE)).all()

    def test_each_stretch_is_filtered_by_itself(self):
        values = np.concatenate([sine(10), sine(35)])
        spans = np.array([[0, 2000], [2000, 4000]])
        ((_, found),) = extract(values, spans, RATE, fields.make("band_power"), iter([slice(0, 1)]))
        alone = fields.make("band_power").transform(sine(35), RATE)[:, 0]
        np.testing.assert_allclose(found[2000:], alone, rtol=1e-5)

    @pytest.mark.parametrize(
        ("bands", "message"),
        [(("theta",), "list of"), ((), "at least one"), ((("a", 1, 2), ("a", 3, 4)), "a name of its own")],
    )
    def test_bands_that_are_none_are_refused(self, bands, message):
        with pytest.raises(BadInput, match=message):
            fields.make("band_power", bands=bands)

    def test_a_band_beyond_half_the_sampling_rate_is_refused(self):
        with pytest.raises(BadInput, match="30 Hz|45 Hz"):
            fields.make("band_power").transform(np.zeros((2000, 1)), 64.0)


class TestStandardized:
    def test_drift_is_removed_and_variance_is_one(self):
        own = np.random.default_rng(0).normal(size=(100, 2))
        drifting = own * [3.0, 0.1] + np.arange(100)[:, None] * 0.7 + 1000
        found = fields.make("standardized").transform(drifting, 0.4)[..., 0]
        np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-9)
        np.testing.assert_allclose(found.std(axis=0), 1)
        residual = own[:, 0] - np.polyval(np.polyfit(np.arange(100), own[:, 0], 1), np.arange(100))
        np.testing.assert_allclose(found[:, 0], residual / residual.std(), atol=1e-9)

    def test_a_voxel_that_does_not_vary_is_zero(self):
        assert not fields.make("standardized").transform(np.full((100, 1), 812.0), 0.4).any()

    def test_bad_runs_and_degrees_are_refused(self):
        with pytest.raises(BadInput, match="a run of 2 volumes is too short"):
            fields.make("standardized").transform(np.zeros((2, 1)), 0.4)
        with pytest.raises(BadInput, match="degree of the drift is -1"):
            fields.make("standardized", degree=-1)


class TestEpochs:
    SEGMENTS, STARTS = np.array([[0, 1000], [1000, 2000]]), np.array([0.0, 100.0])
    RAMP = np.arange(2000.0)[:, None]

    def cut(self, events, window=(-0.05, 0.05), baseline=None):
        return cut_epochs(self.RAMP, self.SEGMENTS, self.STARTS, RATE, np.array(events), window, baseline=baseline)

    def test_an_epoch_begins_with_the_sample_nearest_to_its_start(self):
        epochs = self.cut([1.0, 1.001, 101.0])
        np.testing.assert_array_equal(epochs.values[0, :, 0], np.arange(190, 210))
        np.testing.assert_array_equal(epochs.values[1], epochs.values[0])
        np.testing.assert_array_equal(epochs.values[2, :, 0], np.arange(1190, 1210))
        np.testing.assert_allclose(epochs.times[[0, 10, 19]], [-0.05, 0, 0.045])

    def test_events_that_a_stretch_does_not_cover_are_left_out(self):
        assert self.cut([0.0, 0.05, np.nan, 4.95, 4.96, 99.99, 100.05]).kept.tolist() == [1, 3, 6]

    def test_the_baseline_is_zero(self):
        epochs = self.cut([1.0], baseline=(-0.05, 0.0))
        np.testing.assert_allclose(epochs.values[0, :, 0], np.arange(190, 210) - 194.5)

    @pytest.mark.parametrize("baseline", [(-0.2, 0.0), (0.01, 0.2), (0.0, 0.0)])
    def test_a_baseline_outside_the_window_is_refused(self, baseline):
        with pytest.raises(BadInput, match="must lie in the window"):
            self.cut([1.0], baseline=baseline)

    def test_mean_and_standard_error(self):
        mean, error = average(np.array([1.0, 2.0, 6.0]).reshape(3, 1, 1))
        assert mean.item() == 3
        assert error.item() == pytest.approx(np.sqrt(7 / 3))
        assert average(np.ones((1, 2, 2)))[1].tolist() == [[0, 0], [0, 0]]


def test_an_evoked_response_is_found_in_noise():
    rng = np.random.default_rng(0)
    events = np.arange(1, 181, 1.0)
    values = rng.normal(0, 5.0, (int(182 * RATE), 1))
    response = np.hanning(40)[:, None] * 10
    for event in events:
        values[int(event * RATE) + 20 : int(event * RATE) + 60] += response
    epochs = cut_epochs(
        values, np.array([[0, len(values)]]), np.zeros(1), RATE, events, (-0.2, 0.6), baseline=(-0.2, 0)
    )
    mean, error = average(epochs.values)
    assert epochs.times[np.argmax(mean[:, 0])] == pytest.approx(0.2, abs=0.03)  # 20 samples and half of 40
    assert mean.max() == pytest.approx(10, abs=4 * error.mean())
