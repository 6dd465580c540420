"""Values of the regression decoders against scikit-learn and against the equations written out."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge as Peer

from neuropipe import decoders
from neuropipe.binning.continuous import histories
from neuropipe.decoders.inner_folds import inner_blocks
from neuropipe.decoders.ridge_path import RidgePath
from neuropipe.errors import BadInput
from tests.contract.test_regressors import HISTORY, movement


@pytest.mark.parametrize(("n_bins", "n_units"), [(400, 12), (60, 40)], ids=["many samples", "many features"])
def test_ridge_is_scikit_learns_with_the_penalty_it_chose(n_bins, n_units):
    X, y = movement(n_bins, n_units)
    decoder = decoders.make("ridge").fit(X, y)
    rows = X.reshape(len(X), -1).astype(float)
    for target, strength in enumerate(decoder.strength_):
        peer = Peer(alpha=strength * len(rows) * rows.var(axis=0).mean(), solver="cholesky").fit(rows, y[:, target])
        np.testing.assert_allclose(decoder.predict(X)[:, target], peer.predict(rows), atol=1e-9)


@pytest.mark.parametrize("n_units", [5, 60], ids=["many samples", "many features"])
def test_ridge_chooses_as_a_loop_over_folds_and_penalties_does(n_units):
    X, y = movement(150, n_units, seed=3)
    rows = X.reshape(len(X), -1).astype(float)
    strengths, scale = (0.01, 0.1, 1.0, 10.0), rows.shape[1]
    errors = np.zeros((len(strengths), 2))
    for fold in inner_blocks(len(rows), 3, gap=HISTORY):
        train = rows[fold.train]
        for number, strength in enumerate(strengths):
            alpha = strength * len(train) * train.var(axis=0).sum() / scale
            peer = Peer(alpha=alpha, solver="svd").fit(train, y[fold.train])
            errors[number] += ((peer.predict(rows[fold.validate]) - y[fold.validate]) ** 2).sum(axis=0)
    choice = RidgePath(rows, y).choose(strengths, 3, gap=HISTORY)
    np.testing.assert_array_equal(choice.penalties, np.array(strengths)[errors.argmin(axis=0)])
    np.testing.assert_allclose(choice.error, (errors.min(axis=0) / (y.var(axis=0) * len(y))).mean(), rtol=1e-6)


def test_ridge_takes_as_many_lags_as_help():
    """Targets that depend on the last two bins alone: of 1, 2 and 4 lags the inner folds take 2."""
    rng = np.random.default_rng(0)
    X = rng.poisson(2.0, (800, 4, 6))
    y = X[:, 2:].reshape(800, -1) @ rng.normal(size=(12, 1)) + rng.normal(0, 2, (800, 1))
    decoder = decoders.make("ridge", lags=(1, 2, 4)).fit(X, y)
    assert decoder.n_lags_ == 2
    early = X.copy()
    early[:, :2] = 0
    np.testing.assert_array_equal(decoder.predict(early), decoder.predict(X))


def test_inner_blocks_leave_a_gap_and_validate_every_sample_once():
    folds = inner_blocks(20, 3, gap=2)
    np.testing.assert_array_equal(np.concatenate([fold.validate for fold in folds]), np.arange(20))
    for fold in folds:
        assert min(abs(fold.train[:, None] - fold.validate[None]).min(axis=1)) == 3


def textbook_filter(X, y, sample, lead):
    """Kalman's predict and update equations, one sample and bin at a time (Wu et al. 2006, equations 2.4 to 2.8)."""
    z, centred = X[:, -1] - X[:, -1].mean(axis=0), y - y.mean(axis=0)
    n = len(y) - lead
    states = np.hstack([centred[ahead : n + ahead] for ahead in range(lead, -1, -1)])
    A = np.linalg.lstsq(states[:-1], states[1:])[0].T
    W = (states[1:] - states[:-1] @ A.T).T @ (states[1:] - states[:-1] @ A.T) / (n - 1)
    H = np.linalg.lstsq(states, z[:n])[0].T
    Q = (z[:n] - states @ H.T).T @ (z[:n] - states @ H.T) / n
    mean, covariance = np.zeros(states.shape[1]), states.T @ states / n
    for step, counts in enumerate(X[sample] - X[:, -1].mean(axis=0)):
        if step:
            mean, covariance = A @ mean, A @ covariance @ A.T + W
        gain = covariance @ H.T @ np.linalg.inv(H @ covariance @ H.T + Q)
        mean = mean + gain @ (counts - H @ mean)
        covariance = (np.eye(len(mean)) - gain @ H) @ covariance
    return mean[-y.shape[1] :] + y.mean(axis=0)


@pytest.mark.parametrize("lead", [0, 2])
def test_kalman_is_the_textbooks(lead):
    X, y = movement(300)
    decoder = decoders.make("kalman", leads=(lead,), shrinkage=0.0).fit(X, y)
    expected = [textbook_filter(X.astype(float), y, sample, lead) for sample in (0, 7, 200)]
    np.testing.assert_allclose(decoder.predict(X[[0, 7, 200]]), expected, atol=1e-6)


def test_kalman_finds_how_far_counts_lead_movement():
    rng = np.random.default_rng(1)
    targets = np.convolve(rng.normal(size=2030), np.hanning(15), "valid")[:, None]
    counts = rng.normal(5 + targets @ rng.normal(0, 0.5, (1, 30)), 2.0)
    ahead, later = counts[3:], targets[:-3]  # counts at t speak of the movement at t + 3
    bins = np.arange(7, len(ahead))
    assert decoders.make("kalman", leads=(0, 1, 2, 3)).fit(histories(ahead, bins, 8), later[bins]).lead_ == 3


def test_kalman_learns_no_movement_across_a_gap_in_time():
    """Two stretches whose targets jump between them: the transition is that within stretches."""
    X, y = movement(200)
    times = np.arange(len(y)) * 0.05
    broken = times + np.where(np.arange(len(y)) >= 100, 10.0, 0.0)
    jump = y + np.where(np.arange(len(y)) >= 100, 50.0, 0.0)[:, None]
    whole = decoders.make("kalman", leads=(0,)).fit(X, jump, trial_start=times)
    cut = decoders.make("kalman", leads=(0,)).fit(X, jump, trial_start=broken)
    assert np.abs(whole.filter_.gains - cut.filter_.gains).max() > 1e-3


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("ridge", {"strengths": ()}),
        ("ridge", {"strengths": (0.0,)}),
        ("ridge", {"lags": (0,)}),
        ("ridge", {"n_inner_folds": 1}),
        ("kalman", {"leads": ()}),
        ("kalman", {"leads": (-1,)}),
        ("kalman", {"shrinkage": 2.0}),
    ],
)
def test_invalid_parameters_are_refused(name, parameters):
    with pytest.raises(BadInput):
        decoders.make(name, **parameters).fit(*movement(60))
