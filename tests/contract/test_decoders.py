"""Promises that every decoder of spike counts keeps, whatever is inside it."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from neuropipe import decoders
from neuropipe.errors import BadInput

FACTS = {name: plugin.facts for name, plugin in decoders.available().items()}
NAMES = [name for name in FACTS if FACTS[name]["input"] == "counts" and FACTS[name]["task"] == "classification"]
# Smaller budgets than the defaults, so that every promise can be tried on every decoder in seconds.
NETWORKS = (
    "cnn",
    "gru",
    "lstm",
    "mlp",
    "poyo",
    "rnn",
    "spatiotemporal_transformer",
    "token_transformer",
    "transformer",
)
NETWORK = {"n_seeds": 1, "n_inner_folds": 0, "n_epochs": 15, "width": 32, "unit_dropout": 0.2, "learning_rate": 0.01}
QUICK = {
    **dict.fromkeys(NETWORKS, NETWORK),
    # One of two units left says nothing of the share that each has, which is what POYO reads.
    "poyo": NETWORK | {"unit_dropout": 0.0, "n_epochs": 30},
    "logistic_regression": {"n_bins": (1, 2), "offsets": (0.0, 30.0), "strengths": (1.0, 16.0), "n_averaged": 3},
    "xgboost": {"n_rounds": 40, "n_threads": 1, "learning_rate": 0.2},
    "pca_logistic": {"n_bins": (1, 2), "offsets": (30.0,), "strengths": (1.0, 16.0), "components": (5, 10)},
    "svm": {"n_bins": (1, 2), "offsets": (30.0,), "strengths": (2.0,), "gammas": (0.3,), "n_averaged": 3},
    "knn": {"n_bins": (1, 2), "offsets": (30.0,), "components": (5, 10), "n_averaged": 3},
    "ensemble": {"members": ("rate_logistic", "naive_bayes"), "n_inner_folds": 3},
}
# Trees that each see a random half of the trials estimate even class frequencies with noise.
# Networks that take steps of ten times the default follow the labels of the last batch.
NEAR_FREQUENCIES = {"xgboost": {"trial_fraction": 1.0}, **{key: {"learning_rate": 0.001} for key in NETWORKS}}


def quick(name, **parameters):
    return decoders.make(name, **{**QUICK.get(name, {}), **parameters})


def easy_trials(n_trials=90, n_bins=8, n_units=24, n_classes=3, seed=0):
    """Poisson counts; unit u fires four times as much in trials of class u modulo n_classes."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, n_classes, n_trials)
    rates = np.where(np.arange(n_units) % n_classes == labels[:, None], 1.0, 0.25)
    return generator.poisson(rates[:, None, :], (n_trials, n_bins, n_units)).astype(np.uint8), labels


@parametrize_with_checks([quick(name) for name in NAMES])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", NAMES)
class TestEveryDecoder:
    def test_beats_chance_on_an_easy_task(self, name):
        counts, labels = easy_trials(150)
        decoder = quick(name).fit(counts[:90], labels[:90])
        assert decoder.score(counts[90:], labels[90:]) > 0.9

    def test_is_at_chance_on_shuffled_labels(self, name):
        counts, labels = easy_trials(400)
        shuffled = np.random.default_rng(1).permutation(labels)
        accuracy = quick(name).fit(counts[:200], shuffled[:200]).score(counts[200:], shuffled[200:])
        # 200 test trials of three classes: chance .33, standard error .033.
        assert abs(accuracy - 1 / 3) < 0.11

    def test_probabilities_are_a_distribution_over_classes_in_order(self, name):
        counts, labels = easy_trials()
        decoder = quick(name).fit(counts, labels)
        probability = decoder.predict_proba(counts)
        assert probability.shape == (90, 3)
        assert probability.dtype == np.float64
        assert probability.min() >= 0
        np.testing.assert_allclose(probability.sum(axis=1), 1, atol=1e-12)
        np.testing.assert_array_equal(decoder.classes_, [0, 1, 2])
        np.testing.assert_array_equal(decoder.predict(counts), decoder.classes_[probability.argmax(axis=1)])

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
    def test_labels_of_any_type_give_the_same_decoder(self, name, values):
        counts, labels = easy_trials(60)
        decoder = quick(name).fit(counts, values[labels])
        np.testing.assert_array_equal(decoder.classes_, values)
        np.testing.assert_array_equal(
            decoder.predict_proba(counts), quick(name).fit(counts, labels).predict_proba(counts)
        )
        assert set(decoder.predict(counts)) <= set(values)

    def test_two_classes(self, name):
        counts, labels = easy_trials(n_classes=2)
        decoder = quick(name).fit(counts[:60], labels[:60] == 1)
        assert decoder.predict_proba(counts).shape == (90, 2)
        assert decoder.score(counts[60:], labels[60:] == 1) > 0.9

    def test_the_same_seed_gives_the_same_bytes(self, name):
        counts, labels = easy_trials()
        first, second = (quick(name).fit(counts, labels).predict_proba(counts).tobytes() for _ in range(2))
        assert first == second

    def test_global_random_state_is_neither_used_nor_touched(self, name):
        counts, labels = easy_trials(60)
        results = []
        for seed in (1, 2):
            np.random.seed(seed)  # noqa: NPY002
            before = np.random.get_state()[1].copy()  # noqa: NPY002
            results.append(quick(name).fit(counts, labels).predict_proba(counts))
            np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
        np.testing.assert_array_equal(*results)

    def test_refitting_forgets(self, name):
        counts, labels = easy_trials()
        other_counts, other_labels = easy_trials(60, n_bins=3, n_units=10, n_classes=2, seed=5)
        used = quick(name).fit(other_counts, other_labels).fit(counts, labels)
        np.testing.assert_array_equal(used.predict_proba(counts), quick(name).fit(counts, labels).predict_proba(counts))

    def test_flat_input_equals_one_bin(self, name):
        counts, labels = easy_trials(n_bins=1)
        flat = quick(name).fit(counts[:, 0], labels).predict_proba(counts[:, 0])
        np.testing.assert_array_equal(flat, quick(name).fit(counts, labels).predict_proba(counts))

    def test_the_type_of_the_counts_does_not_matter(self, name):
        counts, labels = easy_trials(60)
        small = quick(name).fit(counts, labels).predict_proba(counts)
        wide = quick(name).fit(counts.astype(float), labels).predict_proba(counts.astype(np.int64))
        np.testing.assert_array_equal(small, wide)

    def test_inputs_are_left_as_they_were(self, name):
        counts, labels = easy_trials(60)
        start = np.arange(60.0)
        given = counts.astype(float), labels.copy(), start.copy()
        for array in given:
            array.flags.writeable = False
        quick(name).fit(given[0], given[1], trial_start=given[2]).predict_proba(given[0])
        np.testing.assert_array_equal(given[0], counts)
        np.testing.assert_array_equal(given[1], labels)

    def test_memory_layout_does_not_matter(self, name):
        counts, labels = easy_trials(60)
        transposed = np.ascontiguousarray(counts.transpose(0, 2, 1)).transpose(0, 2, 1)
        np.testing.assert_array_equal(
            quick(name).fit(transposed, labels).predict_proba(counts),
            quick(name).fit(counts, labels).predict_proba(transposed),
        )

    def test_trials_are_predicted_one_by_one_as_together(self, name):
        """What is learned comes from the training trials alone: the company a test trial comes in says nothing."""
        counts, labels = easy_trials(120)
        decoder = quick(name).fit(counts[:90], labels[:90])
        together = decoder.predict_proba(counts[90:])
        alone = np.concatenate([decoder.predict_proba(counts[i : i + 1]) for i in range(90, 120)])
        np.testing.assert_allclose(alone, together, atol=1e-12)
        shifted = np.concatenate([counts[90:], counts[90:] + 50])
        np.testing.assert_allclose(decoder.predict_proba(shifted)[:30], together, atol=1e-12)

    def test_predicting_does_not_learn(self, name):
        counts, labels = easy_trials()
        decoder = quick(name).fit(counts[:60], labels[:60])
        before = decoder.predict_proba(counts[:60])
        decoder.predict_proba(counts[60:] * 3)
        np.testing.assert_array_equal(decoder.predict_proba(counts[:60]), before)

    def test_rows_out_of_time_order_are_put_right_by_trial_start(self, name):
        counts, labels = easy_trials()
        in_order = quick(name).fit(counts, labels).predict_proba(counts)
        mixed = np.random.default_rng(2).permutation(90)
        decoder = quick(name).fit(counts[mixed], labels[mixed], trial_start=mixed * 2.5)
        np.testing.assert_array_equal(decoder.predict_proba(counts), in_order)

    def test_a_silent_unit_changes_nothing_however_it_fires_later(self, name):
        counts, labels = easy_trials()
        padded = np.concatenate([counts, np.zeros_like(counts[:, :, :1])], axis=2)
        decoder = quick(name).fit(padded, labels)
        assert np.isfinite(decoder.predict_proba(padded)).all()
        awake = padded.copy()
        awake[:, :, -1] = 9
        np.testing.assert_allclose(decoder.predict_proba(awake), decoder.predict_proba(padded), atol=1e-12)

    def test_units_that_never_change_are_no_trouble(self, name):
        counts, labels = easy_trials(150)
        padded = np.concatenate([np.full_like(counts[:, :, :2], 3), counts], axis=2)
        decoder = quick(name).fit(padded[:90], labels[:90])
        assert decoder.score(padded[90:], labels[90:]) > 0.9

    def test_a_class_that_training_lacked_is_never_predicted(self, name):
        counts, labels = easy_trials()
        seen = np.flatnonzero(labels != 1)[:40]
        decoder = quick(name).fit(counts[seen], labels[seen])
        np.testing.assert_array_equal(decoder.classes_, [0, 2])
        unseen = counts[labels == 1]
        np.testing.assert_allclose(decoder.predict_proba(unseen).sum(axis=1), 1, atol=1e-12)
        assert set(decoder.predict(unseen)) <= {0, 2}

    def test_silence_everywhere_gives_the_class_frequencies_or_near(self, name):
        labels = np.repeat([0, 1, 0], 20)
        decoder = quick(name, **NEAR_FREQUENCIES.get(name, {})).fit(np.zeros((60, 4, 3)), labels)
        probability = decoder.predict_proba(np.zeros((2, 4, 3)))
        np.testing.assert_allclose(probability, [[2 / 3, 1 / 3]] * 2, atol=0.02)

    def test_a_class_of_one_trial(self, name):
        counts, labels = easy_trials()
        labels[40] = 3
        decoder = quick(name).fit(counts, labels)
        assert decoder.predict_proba(counts).shape == (90, 4)
        np.testing.assert_array_equal(decoder.classes_, [0, 1, 2, 3])

    @pytest.mark.parametrize("n_trials", [2, 3, 5])
    def test_fewer_trials_than_inner_folds(self, name, n_trials):
        counts, _ = easy_trials(n_trials)
        labels = np.arange(n_trials) % 2
        probability = quick(name).fit(counts, labels).predict_proba(counts)
        np.testing.assert_allclose(probability.sum(axis=1), 1, atol=1e-12)

    def test_labels_in_two_runs(self, name):
        """No inner block of contiguous trials can be held out that leaves both classes behind, at two folds."""
        counts, _ = easy_trials(20)
        labels = np.repeat([0, 1], 10)
        parameters = {"n_inner_folds": 2} if "n_inner_folds" in decoders.available()[name].parameters else {}
        assert np.isfinite(quick(name, **parameters).fit(counts, labels).predict_proba(counts)).all()

    def test_saved_and_loaded_predictions_are_identical(self, name, tmp_path):
        for classes in (np.array([-1, 0, 1]), np.array(["a", "b", "c"]), np.array(["a", "b", "c"], dtype=object)):
            counts, labels = easy_trials()
            decoder = quick(name).fit(counts[:60], classes[labels[:60]])
            decoder.save(tmp_path / "model")
            loaded = type(decoder).load(tmp_path / "model")
            assert loaded.predict_proba(counts).tobytes() == decoder.predict_proba(counts).tobytes()
            np.testing.assert_array_equal(loaded.predict(counts), decoder.predict(counts))
            assert loaded.classes_.dtype == decoder.classes_.dtype
            assert loaded.get_params() == decoder.get_params()
            with pytest.raises(BadInput, match="fitted on 8 bins x 24 units"):
                loaded.predict(counts[:, :, 1:])

    def test_the_same_fit_saves_the_same_bytes_and_no_pickle(self, name, tmp_path):
        counts, labels = easy_trials(60)
        for folder in ("one", "two"):
            quick(name).fit(counts, labels).save(tmp_path / folder)
        files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*") if p.is_file())
        assert not [file for file in files if file.suffix not in (".json", ".safetensors", ".ubj")]
        for file in files:
            assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()

    def test_a_folder_of_another_decoder_is_refused(self, name, tmp_path):
        with pytest.raises(BadInput, match="holds no saved decoder"):
            decoders.available()[name].load().load(tmp_path)
        other = next(candidate for candidate in NAMES if candidate != name)
        quick(other).fit(*easy_trials(30)).save(tmp_path)
        with pytest.raises(BadInput, match=f"holds the decoder '{other}'"):
            decoders.available()[name].load().load(tmp_path)

    def test_parameters_are_read_from_source_as_they_are(self, name):
        assert decoders.make(name).get_params() == dict(decoders.available()[name].parameters)
        decoder = quick(name)
        assert clone(decoder).get_params() == decoder.get_params()

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_values_that_are_not_finite_are_refused_where_they_are(self, name, value):
        counts, labels = easy_trials(30)
        broken = counts.astype(float)
        broken[7, 3, 11] = value
        with pytest.raises(BadInput, match="at trial 7, bin 3, unit 11"):
            quick(name).fit(broken, labels)
        with pytest.raises(BadInput, match="at trial 7, bin 3, unit 11"):
            quick(name).fit(counts, labels).predict(broken)

    @pytest.mark.parametrize("shape", [(30,), (30, 2, 3, 4), ()])
    def test_wrong_numbers_of_axes_are_refused(self, name, shape):
        with pytest.raises(BadInput):
            quick(name).fit(np.zeros(shape), np.arange(30) % 2)

    @pytest.mark.parametrize("shape", [(0, 4, 5), (30, 0, 5), (30, 4, 0), (30, 0)])
    def test_empty_axes_are_refused(self, name, shape):
        with pytest.raises(BadInput):
            quick(name).fit(np.zeros(shape), np.arange(shape[0]) % 2)

    def test_labels_of_another_length_are_refused(self, name):
        counts, labels = easy_trials(30)
        with pytest.raises(BadInput, match="30 trials but y has 29 labels"):
            quick(name).fit(counts, labels[:-1])

    def test_one_class_is_refused_by_name(self, name):
        counts, _ = easy_trials(30)
        with pytest.raises(BadInput, match="only one class \\('left'\\)"):
            quick(name).fit(counts, ["left"] * 30)

    @pytest.mark.parametrize(
        "labels",
        [None, np.linspace(0, 1, 30), np.where(np.arange(30) == 3, np.nan, np.arange(30) % 2), np.zeros((30, 2))],
        ids=["none", "continuous", "NaN", "two columns"],
    )
    def test_labels_that_are_no_classes_are_refused(self, name, labels):
        with pytest.raises(BadInput):
            quick(name).fit(easy_trials(30)[0], labels)

    def test_other_units_or_bins_than_fitted_are_refused(self, name):
        counts, labels = easy_trials(30)
        decoder = quick(name).fit(counts, labels)
        for other in (counts[:, :, 1:], counts[:, 1:], counts[:, 0]):
            with pytest.raises(BadInput, match=r"24 units|features"):
                decoder.predict(other)

    @pytest.mark.parametrize("start", [np.zeros(29), np.full(30, np.nan), np.zeros((30, 2))])
    def test_wrong_trial_starts_are_refused(self, name, start):
        counts, labels = easy_trials(30)
        with pytest.raises(BadInput, match="trial_start"):
            quick(name).fit(counts, labels, trial_start=start)
