"""Ridge on principal components against scikit-learn's PCA and ridge, and the number of components it takes."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from neuropipe import decoders
from neuropipe.errors import BadInput
from tests.contract.test_regressors import HISTORY, movement


def test_it_is_scikit_learns_ridge_on_scikit_learns_components():
    X, y = movement(400)
    decoder = decoders.make("pca_ridge", components=(5,), scale_offset=0.0).fit(X, y)
    now = X[:, -1].astype(float)
    scaled = (X - now.mean(axis=0)) / now.std(axis=0) / np.sqrt(now.shape[1])
    components = PCA(5, svd_solver="full").fit(scaled[:, -1]).components_
    rows = (scaled @ components.T).reshape(len(X), -1)
    for target, strength in enumerate(decoder.strength_):
        peer = Ridge(alpha=strength * len(rows) * rows.var(axis=0).mean(), solver="cholesky").fit(rows, y[:, target])
        np.testing.assert_allclose(decoder.predict(X)[:, target], peer.predict(rows), atol=1e-8)


def test_with_all_components_it_is_ridge_on_scaled_counts():
    X, y = movement(400)
    now = X[:, -1].astype(float)
    scaled = (X - now.mean(axis=0)) / now.std(axis=0)
    settings = {"strengths": (0.1,)}
    ours = decoders.make("pca_ridge", components=(None,), scale_offset=0.0, **settings).fit(X, y)
    assert ours.n_components_ == 12
    np.testing.assert_allclose(
        ours.predict(X), decoders.make("ridge", **settings).fit(scaled, y).predict(scaled), atol=1e-8
    )


def test_as_many_components_are_taken_as_carry_the_movement():
    """Three latents drive sixty units and the target; without a penalty, sixty components are learned by heart."""
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(400, HISTORY, 3))
    X = 5 + latents @ rng.normal(0, 1, (3, 60)) + rng.normal(0, 0.5, (400, HISTORY, 60))
    y = latents[:, -1] @ np.ones((3, 1)) + rng.normal(0, 0.5, (400, 1))
    decoder = decoders.make("pca_ridge", components=(1, 3, 60), strengths=(1e-6,)).fit(X[:300], y[:300])
    assert decoder.n_components_ == 3
    # What is left is the noise of the target, of variance .25 in 3.25, and what 300 samples leave unknown.
    assert decoder.score(X[300:], y[300:]) > 0.8


@pytest.mark.parametrize("parameters", [{"components": ()}, {"components": (0,)}, {"strengths": (0.0,)}])
def test_parameters_without_meaning_are_refused(parameters):
    with pytest.raises(BadInput, match=next(iter(parameters))):
        decoders.make("pca_ridge", **parameters).fit(*movement(60))
