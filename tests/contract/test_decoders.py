"""Contract of every decoder of spike counts."""

import functools

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from neuropipe import decoders
from neuropipe.errors import BadInput
from tests.contract.decoder_settings import CLASSIFIERS, NETWORK_CLASSIFIERS, brief, one_per_family, quick

# Trees that each see a random half of the trials estimate even class frequencies with noise.
# Networks with steps ten times the default fit the labels of the last batch.
NEAR_FREQUENCIES = {"xgboost": {"trial_fraction": 1.0}} | {
    name: {"learning_rate": 0.001} for name in NETWORK_CLASSIFIERS
}


def easy_trials(n_trials=90, n_bins=8, n_units=24, n_classes=3, seed=0):
    """Poisson counts; unit u fires four times as much in trials of class u modulo n_classes."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, n_classes, n_trials)
    rates = np.where(np.arange(n_units) % n_classes == labels[:, None], 1.0, 0.25)
    return generator.poisson(rates[:, None, :], (n_trials, n_bins, n_units)).astype(np.uint8), labels


@functools.cache
def fitted(name):
    """The brief decoder fitted to the easy trials, shared by tests, which leave it as it is."""
    return brief(name).fit(*easy_trials())


@functools.cache
def predicted(name):
    """Probabilities of the easy trials, which it was fitted to."""
    return fitted(name).predict_proba(easy_trials()[0])


@parametrize_with_checks([quick(name) for name in one_per_family(CLASSIFIERS)])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", CLASSIFIERS)
class TestLearning:
    """What a decoder learns, after enough training."""

    def test_beats_chance_on_an_easy_task_with_units_that_never_change(self, name):
        counts, labels = easy_trials(150)
        padded = np.concatenate([np.full_like(counts[:, :, :2], 3), counts], axis=2)
        decoder = quick(name).fit(padded[:90], labels[:90])
        assert decoder.score(padded[90:], labels[90:]) > 0.9

    def test_is_at_chance_on_shuffled_labels(self, name):
        counts, labels = easy_trials(400)
        shuffled = np.random.default_rng(1).permutation(labels)
        accuracy = quick(name).fit(counts[:200], shuffled[:200]).score(counts[200:], shuffled[200:])
        # 200 test trials of three classes: chance .33, standard error .033.
        assert abs(accuracy - 1 / 3) < 0.11

    def test_two_classes(self, name):
        counts, labels = easy_trials(n_classes=2)
        decoder = quick(name).fit(counts[:60], labels[:60] == 1)
        assert decoder.predict_proba(counts).shape == (90, 2)
        assert decoder.score(counts[60:], labels[60:] == 1) > 0.9

    def test_silent_units_give_the_class_frequencies_or_near(self, name):
        labels = np.repeat([0, 1, 0], 20)
        decoder = quick(name, **NEAR_FREQUENCIES.get(name, {})).fit(np.zeros((60, 4, 3)), labels)
        probability = decoder.predict_proba(np.zeros((2, 4, 3)))
        np.testing.assert_allclose(probability, [[2 / 3, 1 / 3]] * 2, atol=0.02)


@pytest.mark.parametrize("name", CLASSIFIERS)
class TestContract:
    """What holds whatever was learned."""

    def test_probabilities_are_a_distribution_over_classes_in_order(self, name):
        probability = predicted(name)
        assert probability.shape == (90, 3)
        assert probability.dtype == np.float64
        assert probability.min() >= 0
        np.testing.assert_allclose(probability.sum(axis=1), 1, atol=1e-12)
        np.testing.assert_array_equal(fitted(name).classes_, [0, 1, 2])
        np.testing.assert_array_equal(fitted(name).predict(easy_trials()[0]), probability.argmax(axis=1))

    @pytest.mark.parametrize(
        "values",
        [
            np.array([-1, 0, 1]),
            np.array(["left", "none", "right"]),
            np.array(["left", "none", "right"], dtype=object),
            np.array([1.0, 2.0, 5.0]),
        ],
        ids=["negative", "text", "objects", "whole floats"],
    )
    def test_labels_of_any_type_give_the_same_decoder_saved_and_loaded(self, name, values, tmp_path):
        counts, labels = easy_trials()
        decoder = brief(name).fit(counts, values[labels])
        decoder.save(tmp_path / "model")
        loaded = type(decoder).load(tmp_path / "model")
        for each in (decoder, loaded):
            np.testing.assert_array_equal(each.classes_, values)
            assert each.classes_.dtype == values.dtype
            assert each.predict_proba(counts).tobytes() == predicted(name).tobytes()
            np.testing.assert_array_equal(each.predict(counts), values[predicted(name).argmax(axis=1)])
        assert loaded.get_params() == decoder.get_params()
        with pytest.raises(BadInput, match="fitted on 8 bins x 24 units"):
            loaded.predict(counts[:, :, 1:])

    def test_the_same_seed_gives_the_same_bytes_and_saves_no_pickle(self, name, tmp_path):
        fitted(name).save(tmp_path / "one")
        brief(name).fit(*easy_trials()).save(tmp_path / "two")
        files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*") if p.is_file())
        assert not [file for file in files if file.suffix not in (".json", ".safetensors", ".ubj")]
        for file in files:
            assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()

    def test_global_random_state_is_neither_used_nor_changed(self, name):
        counts, labels = easy_trials()
        fitted(name)
        np.random.seed(2)  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        probability = brief(name).fit(counts, labels).predict_proba(counts)
        np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
        np.testing.assert_array_equal(probability, predicted(name))

    def test_fitting_again_forgets_the_first_fit(self, name):
        counts, labels = easy_trials()
        other = easy_trials(60, n_bins=3, n_units=10, n_classes=2, seed=5)
        used = brief(name).fit(*other).fit(counts, labels)
        np.testing.assert_array_equal(used.predict_proba(counts), predicted(name))

    def test_flat_input_equals_one_bin(self, name):
        counts, labels = easy_trials(n_bins=1)
        flat = brief(name).fit(counts[:, 0], labels).predict_proba(counts[:, 0])
        np.testing.assert_array_equal(flat, brief(name).fit(counts, labels).predict_proba(counts))

    def test_type_and_memory_layout_of_counts_and_order_of_rows_do_not_matter(self, name):
        counts, labels = easy_trials()
        transposed = np.ascontiguousarray(counts.astype(float).transpose(0, 2, 1)).transpose(0, 2, 1)
        mixed = np.random.default_rng(2).permutation(90)
        decoder = brief(name).fit(transposed[mixed], labels[mixed], trial_start=mixed * 2.5)
        for given in (counts, counts.astype(np.int64), transposed):
            np.testing.assert_array_equal(decoder.predict_proba(given), predicted(name))

    def test_inputs_are_not_changed(self, name):
        counts, labels = easy_trials()
        given = counts.astype(float), labels.copy(), np.arange(90.0)
        for array in given:
            array.flags.writeable = False
        brief(name).fit(given[0], given[1], trial_start=given[2]).predict_proba(given[0])
        np.testing.assert_array_equal(given[0], counts)
        np.testing.assert_array_equal(given[1], labels)

    def test_predictions_of_a_trial_do_not_depend_on_the_other_trials(self, name):
        counts, _ = easy_trials()
        alone = np.concatenate([fitted(name).predict_proba(counts[i : i + 1]) for i in range(30)])
        np.testing.assert_allclose(alone, predicted(name)[:30], atol=1e-12)
        shifted = np.concatenate([counts[:30], counts[:30] + 50])
        np.testing.assert_allclose(fitted(name).predict_proba(shifted)[:30], predicted(name)[:30], atol=1e-12)

    def test_predicting_does_not_learn(self, name):
        counts, _ = easy_trials()
        before = predicted(name)
        fitted(name).predict_proba(counts * 3)
        np.testing.assert_array_equal(fitted(name).predict_proba(counts), before)

    def test_a_unit_that_was_silent_in_training_has_no_effect_later(self, name):
        counts, labels = easy_trials()
        padded = np.concatenate([counts, np.zeros_like(counts[:, :, :1])], axis=2)
        decoder = brief(name).fit(padded, labels)
        assert np.isfinite(decoder.predict_proba(padded)).all()
        active = padded.copy()
        active[:, :, -1] = 9
        np.testing.assert_allclose(decoder.predict_proba(active), decoder.predict_proba(padded), atol=1e-12)

    def test_a_class_missing_from_training_is_never_predicted(self, name):
        counts, labels = easy_trials()
        seen = np.flatnonzero(labels != 1)[:40]
        decoder = brief(name).fit(counts[seen], labels[seen])
        np.testing.assert_array_equal(decoder.classes_, [0, 2])
        unseen = counts[labels == 1]
        np.testing.assert_allclose(decoder.predict_proba(unseen).sum(axis=1), 1, atol=1e-12)
        assert set(decoder.predict(unseen)) <= {0, 2}

    def test_a_class_of_one_trial(self, name):
        counts, labels = easy_trials()
        labels[40] = 3
        decoder = brief(name).fit(counts, labels)
        assert decoder.predict_proba(counts).shape == (90, 4)
        np.testing.assert_array_equal(decoder.classes_, [0, 1, 2, 3])

    @pytest.mark.parametrize("n_trials", [2, 3, 5])
    def test_fewer_trials_than_inner_folds(self, name, n_trials):
        counts, _ = easy_trials(n_trials)
        labels = np.arange(n_trials) % 2
        probability = brief(name).fit(counts, labels).predict_proba(counts)
        np.testing.assert_allclose(probability.sum(axis=1), 1, atol=1e-12)

    def test_all_trials_of_one_class_before_all_of_the_other(self, name):
        """With two inner folds, no block can be held out that leaves both classes to train on."""
        counts, _ = easy_trials(20)
        labels = np.repeat([0, 1], 10)
        parameters = {"n_inner_folds": 2} if "n_inner_folds" in decoders.available()[name].parameters else {}
        assert np.isfinite(brief(name, **parameters).fit(counts, labels).predict_proba(counts)).all()

    def test_a_folder_of_another_decoder_is_refused(self, name, tmp_path):
        with pytest.raises(BadInput, match="holds no saved decoder"):
            type(fitted(name)).load(tmp_path)
        other = "rate_logistic" if name != "rate_logistic" else "naive_bayes"
        fitted(other).save(tmp_path)
        with pytest.raises(BadInput, match=f"holds the decoder '{other}'"):
            type(fitted(name)).load(tmp_path)

    def test_parameters_are_read_from_source_as_they_are(self, name):
        assert decoders.make(name).get_params() == dict(decoders.available()[name].parameters)
        decoder = quick(name)
        assert clone(decoder).get_params() == decoder.get_params()

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_values_that_are_not_finite_are_refused_where_they_are(self, name, value):
        counts, labels = easy_trials()
        broken = counts.astype(float)
        broken[7, 3, 11] = value
        with pytest.raises(BadInput, match="at trial 7, bin 3, unit 11"):
            brief(name).fit(broken, labels)
        with pytest.raises(BadInput, match="at trial 7, bin 3, unit 11"):
            fitted(name).predict(broken)

    @pytest.mark.parametrize("shape", [(30,), (30, 2, 3, 4), ()])
    def test_wrong_numbers_of_axes_are_refused(self, name, shape):
        with pytest.raises(BadInput):
            brief(name).fit(np.zeros(shape), np.arange(30) % 2)

    @pytest.mark.parametrize("shape", [(0, 4, 5), (30, 0, 5), (30, 4, 0), (30, 0)])
    def test_empty_axes_are_refused(self, name, shape):
        with pytest.raises(BadInput):
            brief(name).fit(np.zeros(shape), np.arange(shape[0]) % 2)

    def test_labels_of_another_length_are_refused(self, name):
        counts, labels = easy_trials(30)
        with pytest.raises(BadInput, match="30 trials but y has 29 labels"):
            brief(name).fit(counts, labels[:-1])

    def test_one_class_is_refused_by_name(self, name):
        counts, _ = easy_trials(30)
        with pytest.raises(BadInput, match="only one class \\('left'\\)"):
            brief(name).fit(counts, ["left"] * 30)

    @pytest.mark.parametrize(
        "labels",
        [None, np.linspace(0, 1, 30), np.where(np.arange(30) == 3, np.nan, np.arange(30) % 2), np.zeros((30, 2))],
        ids=["none", "continuous", "NaN", "two columns"],
    )
    def test_labels_that_are_no_classes_are_refused(self, name, labels):
        with pytest.raises(BadInput):
            brief(name).fit(easy_trials(30)[0], labels)

    def test_other_units_or_bins_than_fitted_are_refused(self, name):
        counts, _ = easy_trials()
        for other in (counts[:, :, 1:], counts[:, 1:], counts[:, 0]):
            with pytest.raises(BadInput, match=r"24 units|features"):
                fitted(name).predict(other)

    @pytest.mark.parametrize("start", [np.zeros(29), np.full(30, np.nan), np.zeros((30, 2))])
    def test_wrong_trial_starts_are_refused(self, name, start):
        counts, labels = easy_trials(30)
        with pytest.raises(BadInput, match="trial_start"):
            brief(name).fit(counts, labels, trial_start=start)

    def test_every_number_in_the_parameters_has_a_constraint(self, name):
        """A nonsensical value of any parameter is refused by name when fitting."""
        for parameter, default in decoders.available()[name].parameters.items():
            if isinstance(default, bool | str):
                continue
            nonsense = (-1,) if isinstance(default, tuple) else -1
            with pytest.raises(BadInput, match=parameter):
                brief(name, **{parameter: nonsense}).fit(*easy_trials(30))
