"""Learning curves: logged while networks train, collected in a table, and drawn."""

import numpy as np
import pandas as pd
import pytest

from assets.stages.decoding.training import Training
from neuropipe import decoders
from neuropipe.decoders.networks.observable import Observable
from neuropipe.plots import training as plots
from neuropipe.schemas import Predictions


class Log(list):
    def info(self, line: str) -> None:
        self.append(line)


class Network:
    """Trains one network with a held-out block and one without; `done` epochs of each come from an interrupted run."""

    def __init__(self, n_epochs: int = 25, done: int = 0):
        self.n_epochs, self.done = n_epochs, done

    def observe(self, on_epoch=None, checkpoints=None):
        self.on_epoch, self.checkpoints = on_epoch, checkpoints
        return self

    def fit(self, X, y, *, trial_start=None):
        rows = [
            {"part": part, "epoch": epoch, "train_loss": 1 / epoch, "validation_loss": held_out and held_out / epoch}
            for part, held_out in (("inner-0", 2.0), ("seed-0", None))
            for epoch in range(1, self.n_epochs + 1)
        ]
        for row in rows:
            if row["epoch"] > self.done:
                self.on_epoch(row)
        self.curves_ = pd.DataFrame(rows).astype({"validation_loss": float})
        return self


class Straight:
    def fit(self, X, y, *, trial_start=None):
        self.given = X, y, trial_start
        return self


def test_a_line_every_ten_epochs_and_one_for_each_network(tmp_path):
    log = Log()
    Training(log, tmp_path).fit(Network(), "rolled", 2, [0], [0], trial_start=None)
    assert log == [
        "rolled fold 2, inner-0: epoch 10, loss 0.100 in training, 0.200 held out",
        "rolled fold 2, inner-0: epoch 20, loss 0.050 in training, 0.100 held out",
        "rolled fold 2, inner-0: trained, epoch 25, loss 0.040 in training, 0.080 held out",
        "rolled fold 2, seed-0: epoch 10, loss 0.100 in training",
        "rolled fold 2, seed-0: epoch 20, loss 0.050 in training",
        "rolled fold 2, seed-0: trained, epoch 25, loss 0.040 in training",
    ]


def test_a_resumed_fit_says_where_it_resumes(tmp_path):
    (tmp_path / "rolled-2").mkdir()
    (tmp_path / "rolled-2" / "inner-0.safetensors").touch()
    log = Log()
    Training(log, tmp_path).fit(Network(done=22), "rolled", 2, [0], [0])
    assert log == [
        "resuming from the checkpoints of an interrupted run",
        "rolled fold 2, inner-0: resumes at epoch 23",
        "rolled fold 2, inner-0: trained, epoch 25, loss 0.040 in training, 0.080 held out",
        "rolled fold 2, seed-0: resumes at epoch 23",
        "rolled fold 2, seed-0: trained, epoch 25, loss 0.040 in training",
        "rolled fold 2: 44 of 50 epochs come from an interrupted run",
    ]


def test_curves_of_all_fits_are_in_one_table_under_the_names_of_their_fits(tmp_path):
    training, network = Training(Log(), tmp_path / "progress"), Network(3)
    for scheme, fold in (("rolled", 1), ("all samples", 0), ("rolled", 0)):
        training.fit(network, scheme, fold, [0], [0])
        assert network.checkpoints == tmp_path / "progress" / f"{scheme}-{fold}"
    table = training.curves
    assert list(table) == ["part", "epoch", "train_loss", "validation_loss", "scheme", "fold"]
    assert len(table) == 3 * 6
    assert set(zip(table["scheme"], table["fold"], strict=True)) == {("rolled", 0), ("rolled", 1), ("all samples", 0)}


def test_curves_lie_beside_the_data_and_are_no_part_of_it(tmp_path):
    table = Network(3).observe(lambda row: None).fit([0], [0]).curves_
    assert "curves" not in Predictions.specs()
    Predictions(predictions=pd.DataFrame(), curves=table).write_extras(tmp_path)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "learning_curves.parquet"), table)


def test_decoders_without_epochs_are_fitted_as_they_are(tmp_path):
    log, estimator = Log(), Straight()
    training = Training(log, tmp_path)
    assert training.fit(estimator, "rolled", 0, "X", "y", trial_start="s") is estimator
    assert estimator.given == ("X", "y", "s")
    assert log == []
    assert training.curves is None


def test_counts_that_never_vary_train_no_network_and_leave_no_curves(tmp_path):
    training = Training(Log(), tmp_path)
    training.fit(decoders.make("gru_regressor"), "blocked", 0, np.zeros((30, 4, 3)), np.arange(30.0))
    assert training.curves is None


@pytest.mark.parametrize("name", ["gru", "mlp", "transformer"])
def test_networks_can_be_observed(name):
    assert isinstance(decoders.make(name), Observable)


def test_other_decoders_can_not_be_observed():
    assert not isinstance(decoders.make("rate_logistic"), Observable)


def panels(curves: pd.DataFrame) -> dict:
    return {axes.get_title(loc="left"): axes for axes in plots.learning_curves(curves).axes}


def curves(part: str, n_epochs: int, train: float, held_out: float, fold: int = 0, scheme: str = "rolled"):
    epoch = np.arange(1, n_epochs + 1)
    return pd.DataFrame({"epoch": epoch, "train_loss": train / epoch, "validation_loss": held_out / epoch}).assign(
        part=part, fold=fold, scheme=scheme
    )


def test_lines_are_means_over_the_networks_that_hold_a_block_out_and_the_choice_is_marked():
    table = pd.concat(
        [
            curves("inner-0", 8, 1.0, 3.0),
            curves("inner-1", 8, 2.0, 5.0),
            curves("seed-0", 6, 90.0, np.nan),
            curves("seed-0", 4, 7.0, np.nan, scheme="all trials"),
        ]
    )
    drawn = panels(table)
    assert list(drawn) == ["rolled", "all trials"]
    training, held_out, chosen = drawn["rolled"].get_lines()
    np.testing.assert_allclose(training.get_ydata(), 1.5 / np.arange(1, 9))
    np.testing.assert_allclose(held_out.get_ydata(), 4.0 / np.arange(1, 9))
    assert (chosen.get_xdata()[0], chosen.get_ydata()[0]) == (6, pytest.approx(4 / 6))
    (alone,) = drawn["all trials"].get_lines()
    np.testing.assert_allclose(alone.get_ydata(), 7.0 / np.arange(1, 5))


def test_each_fold_has_a_line_of_its_own():
    table = pd.concat([curves("inner-0", 5, 1.0, 2.0 + fold, fold=fold) for fold in range(3)])
    (axes,) = panels(table).values()
    lines = {line.get_label(): line for line in axes.get_lines() if line.get_label().startswith("fold")}
    assert list(lines) == ["fold 0", "fold 1", "fold 2"]
    assert len({line.get_color() for line in lines.values()}) == 3
    np.testing.assert_allclose(lines["fold 2"].get_ydata(), 4.0 / np.arange(1, 6))
