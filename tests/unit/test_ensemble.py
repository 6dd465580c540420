"""Weights of an ensemble: learned from held-out trials, and shrunk towards equal weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from neuropipe import decoders
from neuropipe.decoders.ensemble import choose_shrinkage, mixture_weights
from neuropipe.errors import BadInput


class TestWeights:
    def test_two_members_have_the_likeliest_mixture(self):
        generator = np.random.default_rng(0)
        likelihoods = generator.uniform(0.1, 0.9, (200, 2))
        peer = minimize_scalar(
            lambda w: -np.log(likelihoods @ [w, 1 - w]).sum(), bounds=(0, 1), method="bounded", options={"xatol": 1e-9}
        ).x
        np.testing.assert_allclose(mixture_weights(likelihoods, 0.0), [peer, 1 - peer], atol=1e-4)

    @settings(max_examples=25, deadline=None)
    @given(st.integers(1, 6), st.integers(0, 30), st.sampled_from([0.0, 1.0, 50.0, np.inf]), st.integers(0, 2**31))
    def test_weights_sum_to_one_and_stay_near_equal_under_strong_shrinkage(self, n_members, n_trials, pull, seed):
        likelihoods = np.random.default_rng(seed).uniform(0.01, 1, (n_trials, n_members))
        if n_trials == 0 and pull == 0:
            pull = 1.0
        weights = mixture_weights(likelihoods, pull)
        assert weights.min() >= 0
        np.testing.assert_allclose(weights.sum(), 1)
        share = 1.0 if np.isinf(pull) else pull / (n_trials + pull)
        assert weights.min() >= share / n_members - 1e-12

    def test_equal_members_have_equal_weights(self):
        likelihoods = np.repeat(np.random.default_rng(0).uniform(0.1, 1, (50, 1)), 4, axis=1)
        np.testing.assert_allclose(mixture_weights(likelihoods, 0.0), 0.25)

    def test_a_better_member_gets_more_weight_and_noise_does_not(self):
        generator = np.random.default_rng(0)
        better = [np.column_stack([generator.uniform(0.7, 0.9, 50), generator.uniform(0.2, 0.4, 50)]) for _ in range(4)]
        assert choose_shrinkage(better, (10.0, 1000.0)) == 10.0
        assert choose_shrinkage([generator.uniform(0.1, 0.9, (20, 3)) for _ in range(4)], (0.5,)) == np.inf

    def test_one_block_gives_equal_weights(self):
        assert choose_shrinkage([np.array([[0.9, 0.1]])], (1.0,)) == np.inf


class TestEnsemble:
    def test_a_member_at_chance_is_weighed_down_and_probabilities_are_the_weighted_mean(self):
        """Classes differ in the order of bins alone: rates of whole trials say nothing, their pattern everything."""
        generator = np.random.default_rng(0)
        labels = generator.integers(0, 2, 300)
        early = (np.arange(8) < 4) == (labels == 1)[:, None]
        counts = generator.poisson(np.where(early, 0.8, 0.3)[:, :, None].repeat(20, axis=2))
        members = ("rate_logistic", "naive_bayes")
        decoder = decoders.make("ensemble", members=members).fit(counts[:200], labels[:200])
        assert decoder.weights_[1] > 0.8
        each = [decoders.make(name).fit(counts[:200], labels[:200]).predict_proba(counts[200:]) for name in members]
        expected = decoder.weights_[0] * each[0] + decoder.weights_[1] * each[1]
        np.testing.assert_allclose(decoder.predict_proba(counts[200:]), expected, atol=1e-12)
        assert decoder.score(counts[200:], labels[200:]) > 0.95

    @pytest.mark.parametrize(
        "members", [(), ("rate_logistic", "rate_logistic"), ("rate_logistic", "ensemble"), ("rate_logistik",)]
    )
    def test_invalid_members_are_refused(self, members):
        with pytest.raises(BadInput, match=r"members|rate_logistic"):
            decoders.make("ensemble", members=members).fit(np.ones((8, 1, 2)), np.arange(8) % 2)
