"""Contract of every decoder of continuous targets."""

import functools

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import r2_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from neuropipe import decoders
from neuropipe.binning.continuous import histories
from neuropipe.errors import BadInput
from tests.contract.decoder_settings import REGRESSORS, brief, one_per_family, quick

HISTORY = 4


def movement(n_bins=600, n_units=12, n_targets=2, seed=0):
    """Smooth targets and Poisson counts whose log rate is linear in them: X (sample, bin, unit), y (sample, target)."""
    generator = np.random.default_rng(seed)
    targets = np.zeros((n_bins, n_targets))
    for step, noise in enumerate(generator.normal(0, 0.3, (n_bins - 1, n_targets))):
        targets[step + 1] = 0.95 * targets[step] + noise
    rates = np.exp(0.5 + targets @ generator.normal(0, 0.5, (n_targets, n_units)))
    counts = np.minimum(generator.poisson(rates), 250).astype(np.uint8)
    bins = np.arange(HISTORY - 1, n_bins)
    return histories(counts, bins, HISTORY), targets[bins]


@functools.cache
def fitted(name):
    """The brief decoder fitted to a movement, shared by tests, which leave it as it is."""
    return brief(name).fit(*movement(200))


@parametrize_with_checks([quick(name) for name in one_per_family(REGRESSORS)])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", REGRESSORS)
class TestEveryRegressor:
    def test_decodes_an_easy_movement(self, name):
        X, y = movement()
        decoder = quick(name).fit(X[:400], y[:400])
        assert r2_score(y[410:], decoder.predict(X[410:])) > 0.6

    def test_is_at_chance_on_the_movement_of_another_recording(self, name):
        X, _ = movement()
        _, y = movement(seed=1)
        decoder = quick(name).fit(X[:400], y[:400])
        assert r2_score(y[410:], decoder.predict(X[410:])) < 0.1

    @pytest.mark.parametrize("n_targets", [1, 2, 3])
    def test_predictions_have_the_shape_of_the_targets(self, name, n_targets):
        X, y = movement(200, n_targets=n_targets)
        assert brief(name).fit(X, y).predict(X).shape == y.shape
        assert brief(name).fit(X, y[:, 0]).predict(X).shape == (len(y),)

    def test_the_same_data_give_the_same_bytes(self, name):
        X, y = movement(200)
        assert brief(name).fit(X, y).predict(X).tobytes() == fitted(name).predict(X).tobytes()

    def test_predictions_of_a_sample_do_not_depend_on_the_other_samples(self, name):
        X, _ = movement(200)
        alone = np.concatenate([fitted(name).predict(X[i : i + 1]) for i in range(20)])
        np.testing.assert_allclose(alone, fitted(name).predict(X)[:20], atol=1e-10)

    def test_shifting_and_scaling_targets_does_so_to_predictions(self, name):
        X, y = movement(200)
        plain = fitted(name).predict(X)
        moved = brief(name).fit(X, 10 * y + [3, -100]).predict(X)
        np.testing.assert_allclose(moved, 10 * plain + [3, -100], atol=1e-7)

    def test_rows_out_of_time_order_are_put_right_by_trial_start(self, name):
        X, y = movement(200)
        mixed = np.random.default_rng(2).permutation(len(y))
        decoder = brief(name).fit(X[mixed], y[mixed], trial_start=mixed * 0.05)
        in_order = brief(name).fit(X, y, trial_start=np.arange(len(y)) * 0.05)
        np.testing.assert_array_equal(decoder.predict(X), in_order.predict(X))

    def test_inputs_are_not_changed(self, name):
        X, y = movement(200)
        given = X.astype(float), y.copy()
        for array in given:
            array.flags.writeable = False
        brief(name).fit(*given).predict(given[0])
        np.testing.assert_array_equal(given[0], X)

    def test_saved_and_loaded_predictions_are_identical(self, name, tmp_path):
        X, y = movement(200)
        for targets in (y, y[:, 0]):
            decoder = brief(name).fit(X, targets)
            decoder.save(tmp_path / "model")
            loaded = type(decoder).load(tmp_path / "model")
            assert loaded.predict(X).tobytes() == decoder.predict(X).tobytes()
            assert loaded.get_params() == decoder.get_params()
        assert {path.suffix for path in (tmp_path / "model").iterdir()} == {".json", ".safetensors"}

    def test_a_folder_of_another_decoder_is_refused(self, name, tmp_path):
        decoders.make("rate_logistic").fit(np.arange(20.0).reshape(10, 2), np.arange(10) % 2).save(tmp_path)
        with pytest.raises(BadInput, match="holds the decoder 'rate_logistic'"):
            decoders.available()[name].load().load(tmp_path)

    def test_parameters_are_read_from_source_as_they_are(self, name):
        decoder = decoders.make(name)
        assert decoder.get_params() == dict(decoders.available()[name].parameters)
        assert clone(decoder).get_params() == decoder.get_params()

    def test_a_unit_that_was_silent_in_training_has_no_effect_later(self, name):
        X, y = movement(200)
        padded = np.concatenate([X, np.zeros_like(X[:, :, :1])], axis=2)
        decoder = brief(name).fit(padded, y)
        active = padded.copy()
        active[:, :, -1] = 9
        np.testing.assert_allclose(decoder.predict(active), decoder.predict(padded), atol=1e-9)

    def test_silent_units_give_the_mean(self, name):
        _, y = movement(200)
        silent = np.zeros((len(y), HISTORY, 5))
        np.testing.assert_allclose(brief(name).fit(silent, y).predict(silent[:3]), [y.mean(axis=0)] * 3)

    @pytest.mark.parametrize("n_samples", [1, 2, 3, 5])
    def test_very_few_samples(self, name, n_samples):
        X, y = movement(50)
        assert np.isfinite(brief(name).fit(X[:n_samples], y[:n_samples]).predict(X)).all()

    def test_more_features_than_samples(self, name):
        X, y = movement(60, n_units=40)
        assert np.isfinite(brief(name).fit(X, y).predict(X)).all()

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_values_that_are_not_finite_are_refused(self, name, value):
        X, y = movement(60)
        broken = X.astype(float)
        broken[7, 3, 11] = value
        with pytest.raises(BadInput, match="at trial 7, bin 3, unit 11"):
            brief(name).fit(broken, y)
        wrong = y.copy()
        wrong[5, 1] = value
        with pytest.raises(BadInput, match="y contains"):
            brief(name).fit(X, wrong)

    def test_targets_that_do_not_fit_are_refused(self, name):
        X, y = movement(60)
        with pytest.raises(BadInput, match="57 samples but y has 56"):
            brief(name).fit(X, y[1:])
        for wrong in (None, y[:, :0], y[:, :, None], np.array(["left"] * len(y))):
            with pytest.raises(BadInput):
                brief(name).fit(X, wrong)

    def test_other_units_or_bins_than_fitted_are_refused(self, name):
        X, _ = movement(60)
        for other in (X[:, :, 1:], X[:, 1:]):
            with pytest.raises(BadInput, match="was fitted on 4 bins x 12 units"):
                fitted(name).predict(other)

    def test_every_number_in_the_parameters_has_a_constraint(self, name):
        """A nonsensical value of any parameter is refused by name when fitting."""
        for parameter, default in decoders.available()[name].parameters.items():
            if isinstance(default, str):
                continue
            nonsense = (-1,) if isinstance(default, tuple) else -1
            with pytest.raises(BadInput, match=parameter):
                brief(name, **{parameter: nonsense}).fit(*movement(60))
