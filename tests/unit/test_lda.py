"""Shrinkage discriminant analysis, against scikit-learn's estimators and known answers."""

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from neuropipe import decoders
from neuropipe.decoders.lda import discriminant, shrunk


def correlated(n_trials, n_features, n_classes=3, seed=0):
    """Trials of classes that differ in mean, with one covariance."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n_trials) % n_classes)
    means = rng.normal(size=(n_classes, n_features))
    return rng.normal(size=(n_trials, n_features)) @ rng.normal(size=(n_features, n_features)) + means[labels], labels


def within(rows, labels):
    return rows - np.array([rows[labels == code].mean(axis=0) for code in range(labels.max() + 1)])[labels]


@pytest.mark.parametrize("n_features", [6, 150])
def test_covariance_is_that_of_ledoit_and_wolf(n_features):
    rows, labels = correlated(40, n_features)
    rows = within(rows, labels)
    shrinkage, scale, variance, axes = shrunk(rows)
    expected, theirs = ledoit_wolf(rows, assume_centered=True)
    assert shrinkage == pytest.approx(theirs)
    found = (1 - shrinkage) * (axes * variance) @ axes.T + shrinkage * scale * np.eye(n_features)
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("n_features", [6, 150])
def test_scores_are_the_log_likelihoods_of_gaussians_with_that_covariance(n_features):
    rows, labels = correlated(40, n_features)
    fitted = discriminant(rows, labels, 3)
    spread = within(rows, labels).std(axis=0)
    covariance = ledoit_wolf(within(rows, labels) / spread, assume_centered=True)[0] * np.outer(spread, spread)
    centres = np.array([rows[labels == code].mean(axis=0) for code in range(3)])
    others, _ = correlated(20, n_features, seed=1)
    far = others[:, None] - centres
    likelihood = -0.5 * np.einsum("tkf,fg,tkg->tk", far, np.linalg.inv(covariance), far)
    scores = (others - fitted["mean"]) @ fitted["weights"] + fitted["intercepts"]
    np.testing.assert_allclose(scores - scores[:, :1], likelihood - likelihood[:, :1], atol=1e-6)


def test_with_many_trials_it_decides_as_scikit_learn_does():
    rows, labels = correlated(3000, 8)
    fitted = discriminant(rows[:2000], labels[:2000], 3)
    scores = (rows[2000:] - fitted["mean"]) @ fitted["weights"] + fitted["intercepts"]
    peer = LinearDiscriminantAnalysis().fit(rows[:2000], labels[:2000])
    assert (scores.argmax(axis=1) == peer.predict(rows[2000:])).mean() > 0.99
    decoder = decoders.make("lda").fit(rows[:2000], labels[:2000])
    assert np.abs(decoder.predict_proba(rows[2000:]) - peer.predict_proba(rows[2000:])).mean() < 0.01


def test_noise_that_units_share_is_cancelled():
    """A difference of .6 under common noise of 3: only the covariance tells that units must be subtracted."""
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2
    shared = rng.normal(0, 3.0, (200, 1))
    rows = shared + rng.normal(0, 0.3, (200, 10)) + 0.6 * labels[:, None] * (np.arange(10) < 5)
    decoder = decoders.make("lda").fit(rows[:100], labels[:100])
    assert decoder.score(rows[100:], labels[100:]) > 0.9


def test_features_that_do_not_vary_and_classes_without_trials_do_no_harm():
    rows, labels = correlated(40, 6)
    rows = np.hstack([rows, np.full((40, 1), 7.0)])
    fitted = discriminant(rows, labels, 4)
    assert not fitted["weights"][6].any()
    assert not fitted["weights"][:, 3].any()
    assert all(np.isfinite(fitted[name]).all() for name in ("weights", "intercepts"))
    alone = discriminant(np.repeat(np.eye(2), 3, axis=0), np.repeat([0, 1], 3), 2)  # no variance within classes
    assert np.isfinite(alone["weights"]).all()


def test_one_trial_per_class_is_enough_to_tell_classes_apart():
    rng = np.random.default_rng(0)
    means = 3 * rng.normal(size=(12, 40))
    fitted = discriminant(means + rng.normal(size=means.shape), np.arange(12), 12)
    again = means + rng.normal(size=means.shape)
    decided = ((again - fitted["mean"]) @ fitted["weights"] + fitted["intercepts"]).argmax(axis=1)
    assert (decided == np.arange(12)).mean() >= 11 / 12
