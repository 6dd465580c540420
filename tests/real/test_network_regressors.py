"""Networks and ridge on principal components on real reaching, at a small budget, with floors under what they reach."""

import functools

import numpy as np
import pytest
from sklearn.metrics import r2_score

from neuropipe import decoders
from neuropipe.binning.continuous import average_in_bins, histories, rebin_published, sample_bins
from tests.real.test_continuous_sessions import CATALOG, REACHING, pytestmark, recording  # noqa: F401

SMALL = {"width": 48, "n_epochs": 4, "n_seeds": 1, "n_inner_folds": 0}


@functools.cache
def last_fold():
    """Training and test samples of the last of five blocks, a history apart: X, y, X, y."""
    found, task = recording(REACHING), CATALOG.session(REACHING).task
    grid, counts = rebin_published(found.counts, None, task.bin_width)
    velocity = average_in_bins(found.behaviour["velocity"], grid)
    bins = sample_bins(grid.segments, task.history, np.isfinite(velocity).all(axis=1))
    X, y = histories(counts, bins, task.history), velocity[bins]
    first = len(y) * 4 // 5
    train = slice(0, first - task.history)
    return X[train], y[train], X[first:], y[first:]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "parameters", "floor"),
    [
        ("gru_regressor", SMALL, (0.87, 0.83)),
        ("cnn_regressor", SMALL, (0.88, 0.84)),
        ("pca_ridge", {"components": (40,), "strengths": (0.1, 0.3)}, (0.79, 0.67)),
    ],
)
def test_hand_velocity_is_decoded(name, parameters, floor):
    X, y, X_test, y_test = last_fold()
    decoded = decoders.make(name, **parameters).fit(X, y).predict(X_test)
    r2 = r2_score(y_test, decoded, multioutput="raw_values")
    assert r2[0] > floor[0]
    assert r2[1] > floor[1]
