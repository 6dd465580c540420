"""Networks that estimate continuous targets: what they learn, early stopping, resuming."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import r2_score

from neuropipe import decoders
from neuropipe.binning.continuous import histories
from neuropipe.decoders.networks import regressor as network_regressor
from neuropipe.decoders.networks.fitting import best_epoch
from neuropipe.errors import BadInput
from tests.contract.decoder_settings import NETWORK_REGRESSORS
from tests.contract.test_regressors import HISTORY, movement
from tests.unit.test_training import Stop, stop_after

SMALL = {"width": 8, "n_epochs": 12, "n_seeds": 2, "n_inner_folds": 2, "learning_rate": 0.02, "batch_size": 32}


def doubled_angle(n_bins=900, n_units=24, seed=0):
    """Units tuned to the cosine of an angle, and as targets cosine and sine of twice that angle."""
    generator = np.random.default_rng(seed)
    angle = np.cumsum(generator.normal(0, 0.3, n_bins))
    preferred = np.linspace(0, 2 * np.pi, n_units, endpoint=False)
    counts = generator.poisson(4 * (1 + np.cos(angle[:, None] - preferred)))
    bins = np.arange(HISTORY - 1, n_bins)
    return histories(counts, bins, HISTORY), np.stack([np.cos(2 * angle), np.sin(2 * angle)], axis=1)[bins]


@pytest.mark.parametrize("name", NETWORK_REGRESSORS)
def test_nonlinear_targets_are_learned(name):
    """Any weighted sum of such units is a cosine of the angle itself, which is uncorrelated with twice the angle."""
    X, y = doubled_angle()
    settings = SMALL | {"width": 32, "n_seeds": 1, "n_inner_folds": 0, "dropout": 0.0, "unit_dropout": 0.0}
    network = decoders.make(name, **settings).fit(X[:700], y[:700])
    line = decoders.make("ridge").fit(X[:700], y[:700])
    assert r2_score(y[710:], network.predict(X[710:])) > 0.7
    assert r2_score(y[710:], line.predict(X[710:])) < 0.35


@pytest.mark.parametrize("n_epochs", [7, 30])
def test_an_interrupted_fit_resumes_to_the_same_weights(tmp_path, n_epochs):
    X, y = movement(200)
    whole = decoders.make("gru_regressor", **SMALL).fit(X, y)
    assert len(whole.curves_) > n_epochs
    with pytest.raises(Stop):
        decoders.make("gru_regressor", **SMALL).observe(stop_after(n_epochs), tmp_path).fit(X, y)
    epochs = []
    resumed = decoders.make("gru_regressor", **SMALL).observe(epochs.append, tmp_path).fit(X, y)
    assert len(epochs) < len(whole.curves_)
    for one, other in zip(resumed.networks_, whole.networks_, strict=True):
        for key, values in one.state_dict().items():
            assert torch.equal(values, other.state_dict()[key])
    pd.testing.assert_frame_equal(resumed.curves_, whole.curves_)
    moved = decoders.make("gru_regressor", **SMALL).observe(checkpoints=tmp_path).fit(X, y + y**2)
    assert moved.curves_["train_loss"].iloc[0] != whole.curves_["train_loss"].iloc[0]


def test_blocks_for_early_stopping_share_no_bin_with_the_samples_trained_on(monkeypatch):
    """The target is the number of the sample's bin, which shows what each network was trained on."""
    runs, train = {}, network_regressor.train

    def spy(network, run, *rest):
        runs[run.name] = run
        return train(network, run, *rest)

    monkeypatch.setattr(network_regressor, "train", spy)
    X, _ = movement(200)
    number = np.arange(len(X), dtype=float)
    decoders.make("mlp_regressor", **SMALL | {"n_inner_folds": 3, "n_epochs": 2}).fit(X, number)

    def bins(samples):
        return np.round(samples.targets[:, 0].numpy() * number.std() + number.mean()).astype(int)

    validated = []
    for fold in range(3):
        trained, held_out = bins(runs[f"inner-{fold}"].train), bins(runs[f"inner-{fold}"].validation)
        # Samples share a bin of history where they are less than HISTORY bins apart.
        assert np.abs(trained[:, None] - held_out).min() == HISTORY + 1
        np.testing.assert_array_equal(np.diff(held_out), 1)
        validated += held_out.tolist()
    assert sorted(validated) == number.tolist()
    assert sorted(bins(runs["seed-0"].train)) == number.tolist()
    assert runs["seed-0"].validation is None


def test_training_stops_at_the_best_epoch_of_the_inner_blocks():
    X, _ = movement(120, n_units=40)
    unrelated = np.random.default_rng(5).normal(size=(len(X), 2))
    settings = SMALL | {"dropout": 0.0, "unit_dropout": 0.0, "width": 64}
    decoder = decoders.make("mlp_regressor", **settings).fit(X, unrelated)
    inner = decoder.curves_[decoder.curves_["part"].str.startswith("inner")]
    assert decoder.n_epochs_ == best_epoch(inner, [1, 1]) < 5
    assert (inner.groupby("part").size() == 12).all()
    decoder = decoders.make("mlp_regressor", **settings | {"n_inner_folds": 0}).fit(X, unrelated)
    assert decoder.n_epochs_ == 12
    assert decoder.curves_["part"].unique().tolist() == ["seed-0", "seed-1"]


def test_losses_are_shares_of_each_targets_variance():
    """Before anything is learned the loss is 1, whatever units the targets come in."""
    X, y = movement(300)
    rows = []
    settings = SMALL | {"learning_rate": 1e-9, "n_epochs": 1, "n_inner_folds": 0, "n_seeds": 1}
    decoders.make("cnn_regressor", **settings).observe(rows.append).fit(X, y * [1000, 0.001] + [5, 7])
    assert [row["train_loss"] for row in rows] == [pytest.approx(1, abs=1e-4)]


def test_estimates_are_the_mean_over_networks():
    X, y = movement(200)
    both = decoders.make("lstm_regressor", **SMALL | {"n_inner_folds": 0}).fit(X, y)
    first = decoders.make("lstm_regressor", **SMALL | {"n_inner_folds": 0, "n_seeds": 1}).fit(X, y)
    mean, second = both.predict(X), both.networks_[1:]
    both.networks_ = second
    np.testing.assert_allclose(mean, (first.predict(X) + both.predict(X)) / 2, atol=1e-12)
    assert np.abs(mean - first.predict(X)).max() > 1e-3


def test_bins_before_the_lags_are_not_used():
    X, y = movement(200)
    decoder = decoders.make("gru_regressor", **SMALL | {"n_lags": 2, "n_inner_folds": 0}).fit(X, y)
    early = X.copy()
    early[:, : HISTORY - 2] = 9
    np.testing.assert_array_equal(decoder.predict(early), decoder.predict(X))
    early[:, HISTORY - 2] = 9
    assert np.abs(decoder.predict(early) - decoder.predict(X)).max() > 0.01


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_lags": 0}, "'n_lags' parameter of GRURegressor must be an int in the range .1, inf.. Got 0"),
        ({"n_epochs": 2.5}, "'n_epochs' .* Got 2.5"),
        ({"unit_dropout": 1.0}, "'unit_dropout' .* in the range .0.0, 1.0.. Got 1.0"),
        ({"learning_rate": 0.0}, "'learning_rate' .* Got 0.0"),
        ({"n_inner_folds": 1}, "'n_inner_folds' .* Got 1"),
        ({"device": "abacus"}, "no device is called 'abacus'"),
    ],
)
def test_invalid_parameters_are_refused_by_name(parameters, message):
    with pytest.raises(BadInput, match=message):
        decoders.make("gru_regressor", **SMALL | parameters).fit(*movement(60))
