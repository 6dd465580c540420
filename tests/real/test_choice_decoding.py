"""Decoders on a mouse's choices (Steinmetz et al. 2019, Cori, 2016-12-18), with floors under what they reach."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from neuropipe import decoders
from neuropipe.decoders.dual_logistic import PrincipalAxes, softmax, solve
from neuropipe.decoders.scaling import Scaling

ARCHIVE = (
    "raw.githubusercontent.com/donw7/neural_activity_models_DNNs/"
    "129c542e37b9c54d76b5f84f1a2d26f0bf2450df/Binned_data.zip"
)
pytestmark = [
    pytest.mark.mirror,
    pytest.mark.skipif(
        "NEUROPIPE_MIRROR" not in os.environ, reason="NEUROPIPE_MIRROR is not set: needs the real recordings"
    ),
]


@pytest.fixture(scope="module")
def cori():
    """Counts (trial, bin, unit) of the second before the response, and choices -1, 0, 1."""
    with zipfile.ZipFile(Path(os.environ["NEUROPIPE_MIRROR"]) / ARCHIVE) as archive:
        arrays = [
            np.load(io.BytesIO(archive.read(name)), allow_pickle=False) for name in ("binned_spikes.npy", "choices.npy")
        ]
    return arrays[0].transpose(0, 2, 1).astype(np.uint8), arrays[1].ravel().astype(int)


def rolled_accuracy(name, counts, labels, **parameters):
    """Mean accuracy over five contiguous test blocks of 45 trials."""
    n_trials = len(labels)
    scores = []
    for fold in range(5):
        rolled = np.roll(np.arange(n_trials), fold * (n_trials // 5))
        test, train = rolled[: n_trials // 5], np.sort(rolled[n_trials // 5 :])
        scores.append(
            decoders.make(name, **parameters).fit(counts[train], labels[train]).score(counts[test], labels[test])
        )
    return np.mean(scores)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "floor"), [("rate_logistic", 0.75), ("logistic_regression", 0.86), ("xgboost", 0.82)])
def test_accuracy_on_rolled_folds(cori, name, floor):
    assert rolled_accuracy(name, *cori) >= floor


def test_choices_of_other_trials_are_not_decoded(cori):
    """Labels in random order: nothing is left but the majority's share, .41, give or take three standard errors."""
    counts, labels = cori
    accuracy = rolled_accuracy("rate_logistic", counts, np.random.default_rng(0).permutation(labels))
    assert accuracy < 0.41 + 3 * 0.033


@pytest.mark.slow
@pytest.mark.parametrize("strength", [1.0, 64.0])
def test_54450_features_give_scikit_learns_probabilities(cori, strength):
    counts, labels = cori
    rows = counts.reshape(len(counts), -1).astype(float)
    rows = Scaling.learn(rows, 1.0).apply(rows)
    axes = PrincipalAxes(rows)
    weights, intercepts = solve(axes, labels + 1, [strength], n_classes=3)
    ours = softmax(rows @ axes.feature_weights(weights[0]) + intercepts[0])
    peer = LogisticRegression(C=strength, tol=1e-10, max_iter=100_000).fit(rows, labels)
    np.testing.assert_allclose(ours, peer.predict_proba(rows), atol=1e-5)
