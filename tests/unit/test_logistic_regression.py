"""The pieces of logistic regression: solver, scaling, pooling, inner folds, and what is chosen on planted structure."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from neuropipe import decoders
from neuropipe.decoders.dual_logistic import PrincipalAxes, softmax, solve
from neuropipe.decoders.inner_folds import InnerFold, inner_folds
from neuropipe.decoders.linear import Setting, inner_losses, rank_settings
from neuropipe.decoders.pooling import bin_edges, cumulate, distinct_poolings, pool
from neuropipe.decoders.scaling import Scaling
from neuropipe.errors import BadInput


def problem(n_trials, n_features, n_classes, seed=0):
    """Scaled rows with a weak signal in the first features, labels, and other rows scaled alike."""
    generator = np.random.default_rng(seed)
    labels = np.arange(n_trials) % n_classes
    counts = generator.poisson(0.7, (n_trials + 20, n_features)).astype(float)
    counts[:n_trials, : n_features // 5 + 1] += 0.5 * labels[:, None]
    scaling = Scaling.learn(counts[:n_trials], 0.3)
    return scaling.apply(counts[:n_trials]), labels, scaling.apply(counts[n_trials:])


class TestSolver:
    @pytest.mark.parametrize("n_classes", [2, 3, 5])
    @pytest.mark.parametrize(("n_trials", "n_features"), [(60, 700), (60, 60), (200, 12)])
    def test_probabilities_equal_scikit_learns(self, n_trials, n_features, n_classes):
        rows, labels, others = problem(n_trials, n_features, n_classes)
        axes = PrincipalAxes(rows)
        strengths = (0.01, 1.0, 16.0, 256.0)
        weights, intercepts = solve(axes, labels, strengths, n_classes=n_classes)
        for strength, weight, intercept in zip(strengths, weights, intercepts, strict=True):
            peer = LogisticRegression(C=strength, tol=1e-10, max_iter=100_000).fit(rows, labels)
            for trials, rotated in ((rows, axes.rows), (others, axes.rotate(others))):
                ours = softmax(rotated @ weight + intercept)
                np.testing.assert_allclose(ours, peer.predict_proba(trials), atol=1e-5)
                np.testing.assert_allclose(softmax(trials @ axes.feature_weights(weight) + intercept), ours, atol=1e-12)

    @pytest.mark.parametrize("strength", [1e-4, 1.0, 1e3, 1e6])
    def test_the_gradient_vanishes_over_the_features_themselves(self, strength):
        rows, labels, _ = problem(50, 400, 3)
        axes = PrincipalAxes(rows)
        weights, intercepts = solve(axes, labels, [strength], n_classes=3)
        weight = axes.feature_weights(weights[0])
        residual = softmax(rows @ weight + intercepts[0]) - np.eye(3)[labels]
        np.testing.assert_allclose(rows.T @ residual + weight / strength, 0, atol=1e-7)
        np.testing.assert_allclose(residual.sum(axis=0), 0, atol=1e-6)

    def test_penalties_solved_together_equal_penalties_solved_alone(self):
        rows, labels, _ = problem(60, 200, 3)
        axes = PrincipalAxes(rows)
        together, _ = solve(axes, labels, [0.1, 10.0, 1e4], n_classes=3)
        for number, strength in enumerate([0.1, 10.0, 1e4]):
            alone, _ = solve(axes, labels, [strength], n_classes=3)
            np.testing.assert_allclose(together[number], alone[0], rtol=1e-4, atol=1e-6)

    def test_rotating_the_features_changes_nothing(self):
        rows, labels, others = problem(40, 90, 3)
        rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(90, 90)))
        answers = []
        for turn in (np.eye(90), rotation):
            axes = PrincipalAxes(rows @ turn)
            weights, intercepts = solve(axes, labels, [8.0], n_classes=3)
            answers.append(softmax(axes.rotate(others @ turn) @ weights[0] + intercepts[0]))
        np.testing.assert_allclose(*answers, atol=1e-9)

    def test_principal_axes_keep_all_inner_products(self):
        for shape in ((30, 80), (80, 30)):
            rows = np.random.default_rng(0).normal(size=shape)
            rows -= rows.mean(axis=0)
            axes = PrincipalAxes(rows)
            np.testing.assert_allclose(axes.rows @ axes.rows.T, rows @ rows.T, atol=1e-10)
            np.testing.assert_allclose(axes.rows.T @ axes.rows, np.diag(axes.variance), atol=1e-10)
            np.testing.assert_allclose(axes.rotate(rows), axes.rows, atol=1e-10)

    def test_features_without_variance_leave_the_class_frequencies(self):
        axes = PrincipalAxes(np.zeros((40, 5)))
        weights, intercepts = solve(axes, np.repeat([0, 1], [30, 10]), [1.0], n_classes=2)
        np.testing.assert_allclose(softmax(intercepts[0]), [0.75, 0.25], atol=1e-7)
        assert weights.shape == (1, 0, 2)


class TestScaling:
    def test_known_answer(self):
        rows = np.array([[0.0, 1.0, 7.0], [2.0, 5.0, 7.0]])
        # sd = 1, 2, 0; mean sd = 1; c = 1: spread 2 and 3; scaled sd 1/2 and 2/3, so a row's squared length is 25/36.
        scaling = Scaling.learn(rows, 1.0)
        np.testing.assert_allclose(scaling.apply(rows) * 5 / 6, [[-0.5, -2 / 3, 0], [0.5, 2 / 3, 0]])

    @pytest.mark.parametrize("offset", [0.0, 0.5, 30.0])
    def test_rows_have_mean_zero_and_squared_length_one_whatever_the_units_of_measure(self, offset):
        rows = np.random.default_rng(0).poisson(2.0, (50, 20)).astype(float)
        scaled = Scaling.learn(rows, offset).apply(rows)
        np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose((scaled**2).sum(axis=1).mean(), 1)
        np.testing.assert_allclose(Scaling.learn(rows * 1e4, offset).apply(rows * 1e4), scaled)

    def test_the_limits_of_c_are_the_z_score_and_plain_centring(self):
        rows = np.random.default_rng(0).poisson([0.2, 3.0, 9.0], (50, 3)).astype(float)
        zscored, centred = (Scaling.learn(rows, offset).apply(rows).std(axis=0) for offset in (0.0, 1e9))
        np.testing.assert_allclose(zscored, 1 / np.sqrt(3))
        np.testing.assert_allclose(centred / centred[0], rows.std(axis=0) / rows[:, 0].std(), rtol=1e-6)

    def test_a_feature_that_is_constant_in_training_is_ignored(self):
        rows = np.random.default_rng(0).poisson(2.0, (50, 4)).astype(float)
        rows[:, 2] = 0.1  # the mean of fifty times 0.1 is not exactly 0.1
        assert Scaling.learn(rows, 0.0).factor[2] == 0


class TestPooling:
    @given(st.integers(1, 60), st.sampled_from([(0, 1), (0, 0.5), (0.5, 1), (0.75, 1), (0.9, 1)]), st.integers(1, 12))
    def test_edges_stay_inside_the_window_and_cut_it_evenly(self, n_bins, window, n_pooled):
        edges = bin_edges(n_bins, window, n_pooled)
        assert 0 <= edges[0] < edges[-1] <= n_bins
        assert abs(edges[0] - window[0] * n_bins) <= 1
        assert abs(edges[-1] - window[1] * n_bins) <= 1
        assert len(edges) <= n_pooled + 1
        assert np.ptp(np.diff(edges)) <= 1

    def test_known_edges(self):
        assert bin_edges(50, (0.0, 1.0), 4) == (0, 13, 25, 38, 50)
        assert bin_edges(50, (0.75, 1.0), 1) == (38, 50)
        assert bin_edges(40, (0.5, 0.75), 2) == (20, 25, 30)
        assert bin_edges(2, (0.875, 1.0), 4) == (1, 2)

    @settings(max_examples=25)
    @given(st.integers(1, 20), st.integers(1, 6), st.integers(0, 2**31))
    def test_pooled_counts_are_sums_between_edges(self, n_bins, n_pooled, seed):
        counts = np.random.default_rng(seed).integers(0, 9, (5, n_bins, 3)).astype(np.uint8)
        edges = bin_edges(n_bins, (0.25, 1.0), n_pooled)
        expected = [counts[:, a:b].sum(axis=1) for a, b in itertools.pairwise(edges)]
        np.testing.assert_array_equal(pool(cumulate(counts), edges), np.concatenate(expected, axis=1))

    def test_a_trial_of_one_bin_has_one_pooling(self):
        assert distinct_poolings(1, ((0.0, 1.0), (0.0, 0.5), (0.75, 1.0)), (1, 2, 4)) == [(0, 1)]


class TestInnerFolds:
    @given(st.integers(2, 40), st.integers(2, 6), st.integers(0, 2**31))
    def test_blocks_are_contiguous_in_time_disjoint_and_validate_known_classes_only(self, n_trials, n_folds, seed):
        generator = np.random.default_rng(seed)
        labels = generator.integers(0, 3, n_trials)
        seen = np.empty(0, int)
        for fold in inner_folds(labels, n_folds):
            held_out = np.setdiff1d(np.arange(n_trials), fold.train)
            assert np.ptp(held_out) == len(held_out) - 1
            assert np.isin(fold.validate, held_out).all()
            assert np.isin(labels[fold.validate], labels[fold.train]).all()
            assert len(np.unique(labels[fold.train])) > 1
            assert not np.isin(fold.validate, seen).any()
            seen = np.append(seen, fold.validate)

    def test_known_folds(self):
        labels = np.array([0, 1, 0, 1, 0, 1, 0, 2])
        folds = inner_folds(labels, 4)
        assert [fold.validate.tolist() for fold in folds] == [[0, 1], [2, 3], [4, 5], [6]]
        assert len(inner_folds(labels[:3], 4)) == 2  # holding out the only trial of class 1 leaves one class

    def test_none_where_labels_come_in_two_runs(self):
        labels = np.repeat([0, 1], 10)
        assert inner_folds(labels, 2) == []
        assert rank_settings(np.zeros((20, 3, 1)), labels, [], [(0, 2), (0, 1)], [0.0, 1.0], [4.0, 1.0, 16.0]) == [
            Setting((0, 2), 0.0, 4.0, None)
        ]


class TestChoosing:
    def test_inner_losses_equal_scaling_and_scikit_learn_by_hand(self):
        counts = np.random.default_rng(0).poisson(1.0, (60, 80)).astype(float)
        labels = np.arange(60) % 3
        counts[:, :9] += labels[:, None]
        counts[40:, 70] = 50  # silent in training, loud in validation: must not enter
        counts[:40, 70] = 0
        train, validate = np.arange(40), np.arange(40, 60)
        (losses,) = inner_losses(counts, labels, [InnerFold(train, validate)], 0.0, [1.0, 16.0])
        sd = counts[train].std(axis=0)
        scaled = (counts - counts[train].mean(axis=0)) / np.where(sd > 0, sd, np.inf) / np.sqrt((sd > 0).sum())
        for loss, strength in zip(losses, (1.0, 16.0), strict=True):
            peer = LogisticRegression(C=strength, tol=1e-10, max_iter=100_000).fit(scaled[train], labels[train])
            probability = peer.predict_proba(scaled[validate])[np.arange(20), labels[validate]]
            np.testing.assert_allclose(loss, -np.log(probability).mean(), atol=1e-3)

    def test_the_window_that_holds_the_signal_is_found(self):
        generator = np.random.default_rng(0)
        labels = generator.integers(0, 2, 120)
        rates = np.full((120, 16, 30), 0.5)
        rates[:, 12:, :15] += 0.4 * labels[:, None, None]
        decoder = decoders.make("logistic_regression").fit(generator.poisson(rates), labels)
        assert decoder.settings_[0].edges[0] == 12
        assert decoder.settings_[0].edges[-1] == 16
        losses = [setting.log_loss for setting in decoder.settings_]
        assert losses == sorted(losses)
        assert len(losses) == 8

    def test_order_within_the_trial_is_decoded_where_rates_say_nothing(self):
        generator = np.random.default_rng(0)
        labels = generator.integers(0, 2, 300)
        first_half = np.arange(8) < 4
        rates = np.where(first_half == (labels == 1)[:, None], 0.8, 0.3)[:, :, None].repeat(20, axis=2)
        counts = generator.poisson(rates)
        pattern = decoders.make("logistic_regression").fit(counts[:200], labels[:200])
        rate = decoders.make("rate_logistic").fit(counts[:200], labels[:200])
        assert pattern.score(counts[200:], labels[200:]) > 0.95
        assert rate.score(counts[200:], labels[200:]) < 0.65

    def test_drift_that_labels_follow_by_chance_is_not_trusted(self):
        """Labels in long runs and units that drift: neighbours predict each other, a later block is not predicted."""
        generator = np.random.default_rng(3)
        labels = np.repeat(generator.permutation(np.arange(8) % 2), 25)
        drift = np.cumsum(generator.normal(0, 0.1, (200, 40)), axis=0)
        counts = generator.poisson(np.exp(np.clip(drift, -2, 2)))[:, None, :]
        setting = decoders.make("rate_logistic").fit(counts, labels).setting_
        assert setting.log_loss > np.log(2) - 0.05
        assert setting.strength == 0.25

    def test_one_setting_alone_is_scikit_learns_regression_of_scaled_counts(self):
        counts = np.random.default_rng(0).poisson(1.0, (60, 4, 30))
        labels = np.arange(60) % 3
        counts[:, 2, :8] += labels[:, None]
        decoder = decoders.make("rate_logistic", strengths=(4.0,)).fit(counts, labels)
        rates = counts.sum(axis=1)
        scaled = (rates - rates.mean(axis=0)) / rates.std(axis=0) / np.sqrt(30)
        peer = LogisticRegression(C=4.0, tol=1e-10, max_iter=100_000).fit(scaled, labels)
        np.testing.assert_allclose(decoder.predict_proba(counts), peer.predict_proba(scaled), atol=1e-5)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"windows": ((0.5, 0.5),)},
            {"windows": ((-0.1, 0.5),)},
            {"windows": ()},
            {"n_bins": (0,)},
            {"offsets": (-1.0,)},
            {"strengths": (0.0,)},
            {"strengths": ()},
            {"n_inner_folds": 1},
            {"n_averaged": 0},
        ],
    )
    def test_parameters_without_meaning_are_refused_by_name(self, wrong):
        (name,) = wrong
        with pytest.raises(BadInput, match=name):
            decoders.make("logistic_regression", **wrong).fit(np.ones((6, 2, 2)), np.arange(6) % 2)
