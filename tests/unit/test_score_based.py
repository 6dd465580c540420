"""Score-based decoders: decision functions, likelihoods, votes and calibration, against known answers and peers."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from scipy.stats import poisson
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import pairwise_kernels
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from neuropipe import decoders
from neuropipe.decoders.calibration import Calibration
from neuropipe.decoders.knn import vote
from neuropipe.decoders.pooling import cumulate
from neuropipe.decoders.scaling import Scaling
from neuropipe.decoders.svm import Kernel, fit_machines
from neuropipe.errors import BadInput


def tuned_trials(n_trials=90, n_classes=3, n_bins=4, n_units=60, gain=1.5, seed=0):
    """Poisson counts of which a third of the units tell the classes apart."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(n_trials) % n_classes)
    rates = np.full((n_trials, n_units), 0.5)
    for code in range(n_classes):
        rates[labels == code, code : n_units // 3 : n_classes] *= gain
    return generator.poisson(np.repeat(rates[:, None], n_bins, axis=1)), labels


class TestCalibration:
    @pytest.mark.parametrize("n_classes", [2, 4])
    def test_the_slope_minimises_the_softened_cross_entropy(self, n_classes):
        generator = np.random.default_rng(0)
        labels = generator.integers(0, n_classes, 120)
        scores = generator.normal(0, 3, (3, 120, n_classes))
        scores += np.array([0.3, 2.0, 20.0])[:, None, None] * np.eye(n_classes)[labels]
        frequencies = np.bincount(labels) / 120
        learned = Calibration.learn(scores, labels, frequencies)
        seen = np.bincount(labels)[labels][:, None]
        target = (seen * np.eye(n_classes)[labels] + 2 * frequencies) / (seen + 2)
        for slope, of_candidate in zip(learned.slope, scores, strict=True):

            def loss(given, of_candidate=of_candidate):
                return -(target * log_softmax(given * of_candidate + np.log(frequencies), axis=1)).sum()

            peer = minimize_scalar(loss, bounds=(0, 50), method="bounded", options={"xatol": 1e-10}).x
            np.testing.assert_allclose(slope, peer, rtol=1e-5)

    def test_two_classes_of_one_size_are_platts_sigmoid(self):
        """Platt 1999 with targets (N + 1) / (N + 2) and 1 / (N + 2); alike classes have no intercept."""
        generator = np.random.default_rng(1)
        labels = np.arange(100) % 2
        margin = generator.normal(2 * labels - 1, 2.0)
        scores = np.column_stack([-margin, margin])[None]
        calibration = Calibration.learn(scores, labels, np.array([0.5, 0.5]))
        target = np.where(labels == 1, 51 / 52, 1 / 52)
        peer = LogisticRegression(C=1e9, tol=1e-10, max_iter=10_000, fit_intercept=False).fit(
            np.tile(margin, 2)[:, None], np.repeat([1, 0], 100), sample_weight=np.append(target, 1 - target)
        )
        np.testing.assert_allclose(calibration.probabilities(scores)[0], peer.predict_proba(margin[:, None]), atol=1e-5)

    def test_scores_that_mislead_leave_the_class_frequencies(self):
        labels = np.repeat([0, 1, 2], [30, 20, 10])
        frequencies = np.array([0.5, 1 / 3, 1 / 6])
        calibration = Calibration.learn(-np.eye(3)[labels][None], labels, frequencies)
        assert calibration.slope == 0
        np.testing.assert_allclose(calibration.probabilities(np.ones((1, 1, 3)))[0, 0], frequencies)

    def test_scores_without_error_stay_finite_and_a_class_never_held_out_keeps_a_share(self):
        labels = np.arange(40) % 2
        scores = np.column_stack([np.eye(2)[labels] * 1e6, np.zeros(40)])[None]
        calibration = Calibration.learn(scores, labels, np.array([0.45, 0.45, 0.1]))
        probability = calibration.probabilities(scores)[0]
        np.testing.assert_array_equal(probability.argmax(axis=1), labels)
        assert 0.9 < probability.max() < 0.99
        assert probability[:, 2].min() > 1e-3

    def test_the_scale_of_the_scores_does_not_matter(self):
        generator = np.random.default_rng(2)
        labels = generator.integers(0, 3, 60)
        scores = generator.normal(np.eye(3)[labels], 1.0)[None]
        once, thousandfold = (Calibration.learn(given, labels, np.full(3, 1 / 3)) for given in (scores, 1e3 * scores))
        np.testing.assert_allclose(once.slope, thousandfold.slope * 1e3)


class TestSupportVectorMachines:
    @pytest.mark.parametrize("n_classes", [2, 3, 5])
    @pytest.mark.parametrize("kernel", [Kernel("linear", 1.0, 3), Kernel("polynomial", 0.3, 3), Kernel("rbf", 2.0, 3)])
    def test_scores_are_means_of_scikit_learns_pairwise_decision_functions(self, kernel, n_classes):
        counts, labels = tuned_trials(n_classes=n_classes)
        rows = Scaling.learn(counts[:60].reshape(60, -1), 1.0).apply(counts.reshape(90, -1))
        train, test, labels = rows[:60], rows[60:], labels[:60]
        lengths = [(part**2).sum(axis=1) for part in (train, test)]
        coefficients, intercepts = fit_machines(kernel(train @ train.T, lengths[0], lengths[0]), labels, 2.0, n_classes)
        scores = kernel(test @ train.T, lengths[1], lengths[0]) @ coefficients + intercepts
        matrices = [
            kernel(part @ train.T, length, lengths[0]) for part, length in zip((train, test), lengths, strict=True)
        ]
        names = {"linear": {}, "polynomial": {"gamma": 0.3, "degree": 3, "coef0": 1.0}, "rbf": {"gamma": 2.0}}
        for part, matrix in zip((train, test), matrices, strict=True):
            theirs = pairwise_kernels(part, train, metric=kernel.name, **names[kernel.name])
            np.testing.assert_allclose(matrix, theirs, atol=1e-12)
        # On one matrix, as the optimiser stops elsewhere on another that differs by rounding.
        peer = SVC(C=2.0, kernel="precomputed", decision_function_shape="ovo").fit(matrices[0], labels)
        pairs = peer.decision_function(matrices[1])
        pairs = -pairs[:, None] if n_classes == 2 else pairs
        expected = np.zeros((30, n_classes))
        for margin, (first, second) in zip(
            pairs.T, [(i, j) for i in range(n_classes) for j in range(i + 1, n_classes)], strict=True
        ):
            expected[:, first] += margin / (n_classes - 1)
            expected[:, second] -= margin / (n_classes - 1)
        np.testing.assert_allclose(scores, expected, atol=1e-10)

    @pytest.mark.parametrize("kernel", ["linear", "polynomial", "rbf"])
    def test_a_fitted_decoders_scores_are_scikit_learns_and_survive_saving(self, kernel, tmp_path):
        counts, labels = tuned_trials()
        decoder = decoders.make("svm", kernels=(kernel,), gammas=(0.5,), strengths=(2.0,), n_averaged=1)
        decoder.fit(counts[:60], labels[:60]).save(tmp_path)
        (model,) = type(decoder).load(tmp_path).models_
        rows = [
            np.concatenate([part[:, a:b].sum(axis=1) for a, b in zip(model.edges, model.edges[1:], strict=False)], 1)
            for part in (counts[:60], counts[60:])
        ]
        scaled = [Scaling.learn(rows[0].astype(float), model.offset).apply(part) for part in rows]
        name = {"polynomial": "poly"}.get(kernel, kernel)
        peer = SVC(C=2.0, kernel=name, gamma=0.5, coef0=1.0, decision_function_shape="ovo").fit(scaled[0], labels[:60])
        pairs = peer.decision_function(scaled[1])
        expected = np.column_stack([pairs[:, 0] + pairs[:, 1], pairs[:, 2] - pairs[:, 0], -pairs[:, 1] - pairs[:, 2]])
        np.testing.assert_allclose(model.scores(cumulate(counts[60:])), expected / 2, atol=1e-10)
        assert model.support.dtype == np.uint8

    def test_a_class_without_trials_scores_zero(self):
        rows = np.random.default_rng(0).normal(size=(20, 5))
        coefficients, intercepts = fit_machines(rows @ rows.T, np.arange(20) % 2 * 2, 1.0, 3)
        assert not coefficients[:, 1].any()
        assert intercepts[1] == 0
        np.testing.assert_allclose(coefficients.sum(axis=1), 0, atol=1e-12)

    def test_a_circle_needs_a_kernel(self):
        generator = np.random.default_rng(0)
        labels = np.arange(160) % 2
        angle = generator.uniform(0, 2 * np.pi, 160)
        points = (8 + 6 * labels)[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
        counts = np.hstack([points, -points]) + 20
        scores = {
            kernel: decoders.make("svm", kernels=(kernel,))
            .fit(counts[:100], labels[:100])
            .score(counts[100:], labels[100:])
            for kernel in ("linear", "polynomial", "rbf")
        }
        assert scores["linear"] < 0.7
        assert min(scores["polynomial"], scores["rbf"]) > 0.95

    @pytest.mark.parametrize(
        "wrong",
        [{"kernels": ("cubic",)}, {"kernels": ()}, {"gammas": (0.0,)}, {"degree": 0}, {"strengths": (-1.0,)}],
    )
    def test_invalid_parameters_are_refused_by_name(self, wrong):
        (name,) = wrong
        with pytest.raises(BadInput, match=name):
            decoders.make("svm", **wrong).fit(*tuned_trials(12))


class TestNaiveBayes:
    def test_scores_are_poisson_log_likelihoods_at_the_posterior_mean(self):
        counts, labels = tuned_trials(n_bins=1)
        decoder = decoders.make("naive_bayes", prior_trials=(4.0,)).fit(counts[:60], labels[:60])
        rows, mean = counts[:60, 0], counts[:60, 0].mean(axis=0)
        scores = decoder.models_[0].scores(cumulate(counts[60:]))
        rates = [(rows[labels[:60] == k].sum(axis=0) + 4 * mean) / ((labels[:60] == k).sum() + 4) for k in range(3)]
        expected = np.column_stack([poisson.logpmf(counts[60:, 0], rate).sum(axis=1) for rate in rates])
        # The factorials are the same for every class and left out.
        np.testing.assert_allclose(scores - scores[:, :1], expected - expected[:, :1], atol=1e-9)

    def test_on_its_own_model_it_is_calibrated_and_copies_of_units_do_not_make_it_surer(self):
        counts, labels = tuned_trials(600, n_bins=1, n_units=30, gain=2.0)
        truth = []
        for copies in (1, 5):
            given = np.repeat(counts, copies, axis=2)
            decoder = decoders.make("naive_bayes").fit(given[:300], labels[:300])
            probability = decoder.predict_proba(given[300:])
            truth.append(probability)
            sure = probability.max(axis=1)
            right = probability.argmax(axis=1) == labels[300:]
            assert abs(sure.mean() - right.mean()) < 0.06
        np.testing.assert_allclose(truth[0], truth[1], atol=0.03)

    def test_negative_activity_is_refused_where_it_is(self):
        counts, labels = tuned_trials(20)
        with pytest.raises(BadInput, match="holds -2 at trial 3, bin 1, unit 7"):
            broken = counts.astype(float)
            broken[3, 1, 7] = -2
            decoders.make("naive_bayes").fit(broken, labels)


class TestNeighbours:
    def test_equal_weights_are_scikit_learns_shares(self):
        """At distances far above the floor and nearly equal, votes are counts of neighbours."""
        generator = np.random.default_rng(0)
        trials, rows = generator.normal(size=(80, 6)), generator.normal(size=(20, 6))
        labels = np.arange(80) % 3
        scores = vote(rows, trials, np.eye(3)[labels], [7])[0]
        frequencies = (np.bincount(labels) + 1) / 83
        votes = np.exp(scores) * frequencies * 8 - frequencies
        np.testing.assert_allclose(votes.sum(axis=1), 7)

        def weights(distances):
            return 1 / np.sqrt(distances**2 / (trials**2).sum(axis=1).mean() + 0.01)

        peer = KNeighborsClassifier(7, weights=weights).fit(trials, labels).predict_proba(rows)
        np.testing.assert_allclose(votes / 7, peer, atol=1e-9)

    def test_ties_with_the_last_neighbour_all_vote(self):
        trials = np.array([[1.0], [-1.0], [1.0], [5.0]])
        scores = vote(np.zeros((1, 1)), trials, np.eye(2)[[0, 1, 0, 1]], [1])[0]
        # Three trials at one distance share one vote: 2/3 and 1/3, beside a vote shared out by the frequencies .5, .5.
        np.testing.assert_allclose(np.exp(scores[0]), [(2 / 3 + 0.5) / 2 / 0.5, (1 / 3 + 0.5) / 2 / 0.5])

    def test_more_neighbours_than_trials_are_all_of_them(self):
        trials = np.random.default_rng(0).normal(size=(9, 2))
        few, many = vote(trials, trials, np.eye(3)[np.arange(9) % 3], [9, 400])
        np.testing.assert_array_equal(few, many)

    def test_cosine_ignores_how_much_is_fired(self):
        generator = np.random.default_rng(0)
        labels = np.arange(240) % 2
        rates = np.where(np.arange(20) % 2 == labels[:, None], 3.0, 1.5) * generator.gamma(2.0, 2.0, (240, 1))
        counts = generator.poisson(rates)
        decoder = decoders.make("knn").fit(counts[:160], labels[:160])
        assert decoder.score(counts[160:], labels[160:]) > 0.85

    def test_an_unknown_metric_is_refused(self):
        with pytest.raises(BadInput, match="'metrics' .* among .*euclidean"):
            decoders.make("knn", metrics=("manhattan",)).fit(*tuned_trials(12))


class TestPrincipalComponents:
    def test_one_setting_is_scikit_learns_regression_of_scores_on_components(self):
        counts, labels = tuned_trials(n_bins=1)
        decoder = decoders.make("pca_logistic", components=(6,), offsets=(0.0,), strengths=(16.0,))
        decoder.fit(counts[:60], labels[:60])
        rows = Scaling.learn(counts[:60, 0].astype(float), 0.0)
        scaled, others = rows.apply(counts[:60, 0]), rows.apply(counts[60:, 0])
        _, _, axes = np.linalg.svd(scaled, full_matrices=False)
        peer = LogisticRegression(C=16.0, tol=1e-10, max_iter=100_000).fit(scaled @ axes[:6].T, labels[:60])
        np.testing.assert_allclose(
            decoder.predict_proba(counts[60:]), peer.predict_proba(others @ axes[:6].T), atol=1e-5
        )

    def test_few_shared_dimensions_are_found_in_noise(self):
        """A latent of one dimension in 200 units: one component does as well as all, whatever the penalty."""
        generator = np.random.default_rng(0)
        labels = np.arange(200) % 2
        latent = (2 * labels - 1) + generator.normal(0, 0.5, 200)
        counts = generator.poisson(np.exp(0.5 + 0.5 * latent[:, None] * generator.normal(0, 1, 200)))
        decoder = decoders.make("pca_logistic", components=(1,), n_averaged=1).fit(counts[:120], labels[:120])
        assert decoder.settings_[0].n_components == 1
        assert decoder.score(counts[120:], labels[120:]) > 0.9
