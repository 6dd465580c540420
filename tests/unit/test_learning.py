"""Learning curves: told while networks train, kept as a table and a figure that show what they were given."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from resources.run.learning import Learning

from neuropipe import decoders
from neuropipe.decoders.networks.observable import Observable
from neuropipe.plots import training as figures_training
from resources.store.artifact import Draft


class Log(list):
    def info(self, line: str) -> None:
        self.append(line)


class Network:
    """Trains one network with a held-out block and one without; `done` epochs of each were kept from before."""

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
    Learning(log, tmp_path).fit(Network(), "rolled", 2, [0], [0], trial_start=None)
    assert log == [
        "rolled fold 2, inner-0: epoch 10, loss 0.100 in training, 0.200 held out",
        "rolled fold 2, inner-0: epoch 20, loss 0.050 in training, 0.100 held out",
        "rolled fold 2, inner-0: trained, epoch 25, loss 0.040 in training, 0.080 held out",
        "rolled fold 2, seed-0: epoch 10, loss 0.100 in training",
        "rolled fold 2, seed-0: epoch 20, loss 0.050 in training",
        "rolled fold 2, seed-0: trained, epoch 25, loss 0.040 in training",
    ]


def test_what_is_gone_on_with_is_said(tmp_path):
    (tmp_path / "rolled-2").mkdir()
    (tmp_path / "rolled-2" / "inner-0.safetensors").touch()
    log = Log()
    Learning(log, tmp_path).fit(Network(done=22), "rolled", 2, [0], [0])
    assert log == [
        "going on with what an interrupted run had trained",
        "rolled fold 2, inner-0: goes on at epoch 23",
        "rolled fold 2, inner-0: trained, epoch 25, loss 0.040 in training, 0.080 held out",
        "rolled fold 2, seed-0: goes on at epoch 23",
        "rolled fold 2, seed-0: trained, epoch 25, loss 0.040 in training",
        "rolled fold 2: 44 of 50 epochs were kept from an interrupted run",
    ]


def test_curves_of_all_fits_are_kept_with_their_names(tmp_path):
    learning, network = Learning(Log(), tmp_path / "progress"), Network(3)
    for scheme, fold in (("rolled", 1), ("all trials", 0), ("rolled", 0)):
        learning.fit(network, scheme, fold, [0], [0])
        assert network.checkpoints == tmp_path / "progress" / f"{scheme}-{fold}"
    (tmp_path / "draft").mkdir()
    draft = Draft(tmp_path / "draft")
    learning.keep(draft, "gru")
    curves = pd.read_parquet(draft.extras / "learning_curves.parquet")
    assert list(curves) == ["part", "epoch", "train_loss", "validation_loss", "scheme", "fold"]
    assert len(curves) == 3 * 6
    assert set(zip(curves["scheme"], curves["fold"], strict=True)) == {("rolled", 0), ("rolled", 1), ("all trials", 0)}
    assert (draft.extras / "learning_curves.png").read_bytes().startswith(b"\x89PNG")
    assert list(draft.data.iterdir()) == [], "no part of the data version"


def test_decoders_that_learn_at_once_are_fitted_as_they_are(tmp_path):
    log, estimator = Log(), Straight()
    learning = Learning(log, tmp_path)
    assert learning.fit(estimator, "rolled", 0, "X", "y", trial_start="s") is estimator
    assert estimator.given == ("X", "y", "s")
    (tmp_path / "draft").mkdir()
    learning.keep(Draft(tmp_path / "draft"), "straight")
    assert log == []
    assert list((tmp_path / "draft" / "extras").iterdir()) == []


def test_counts_that_never_vary_train_no_network_and_leave_no_curves(tmp_path):
    learning = Learning(Log(), tmp_path)
    learning.fit(decoders.make("gru_regressor"), "blocked", 0, np.zeros((30, 4, 3)), np.arange(30.0))
    (tmp_path / "draft").mkdir()
    learning.keep(Draft(tmp_path / "draft"), "gru_regressor")
    assert list((tmp_path / "draft" / "extras").iterdir()) == []


@pytest.mark.parametrize("name", ["gru", "mlp", "transformer"])
def test_networks_can_be_observed(name):
    assert isinstance(decoders.make(name), Observable)


def test_other_decoders_can_not_be_observed():
    assert not isinstance(decoders.make("rate_logistic"), Observable)


def panels(curves: pd.DataFrame) -> dict:
    return {axes.get_title(loc="left"): axes for axes in figures_training.learning_curves(curves).axes}


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


def test_curves_are_no_part_of_a_decoders_code():
    from assets.stages.decoding.decoders import decoder_stages
    from resources.store.code_version import used_modules

    (stage,) = [stage for stage in decoder_stages() if stage.name == "decoder/gru"]
    modules = used_modules(stage.function, stage.plugins(None))
    assert not [module for module in modules if module.startswith(("neuropipe.plots", "resources"))]
    assert Path(figures_training.__file__).stem.startswith("figures")
