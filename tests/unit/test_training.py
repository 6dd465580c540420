"""Training of networks: augmentation, early stopping, seeds, resuming, refused parameters."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import torch

from neuropipe import decoders
from neuropipe.decoders.networks.augmentation import Augmentation, Samples
from neuropipe.decoders.networks.checkpoints import Checkpoints
from neuropipe.decoders.networks.features import ScaledFeatures
from neuropipe.decoders.networks.fitting import best_epoch
from neuropipe.decoders.networks.layers import Dropout, drawing_from
from neuropipe.decoders.networks.training import WARM_UP, one_cycle
from neuropipe.decoders.pooling import cumulate
from neuropipe.errors import BadInput
from tests.contract.decoder_settings import NETWORK_CLASSIFIERS

SMALL = {"width": 8, "n_epochs": 12, "n_seeds": 2, "n_inner_folds": 2, "n_bins": (4,), "learning_rate": 0.01}


def trials(n_trials=60, n_bins=12, n_units=10):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, n_trials)
    rates = np.where(np.arange(n_units) % 2 == labels[:, None], 0.6, 0.3)
    return generator.poisson(rates[:, None, :], (n_trials, n_bins, n_units)), labels


class Stop(Exception):
    pass


def stop_after(n_epochs):
    """A callback that interrupts the fit at its n-th epoch, as a kill would."""
    seen = []

    def on_epoch(row):
        seen.append(row)
        if len(seen) == n_epochs:
            raise Stop

    return on_epoch


def bytes_of(decoder, counts):
    return decoder.predict_proba(counts).tobytes()


@pytest.mark.parametrize("n_epochs", [3, 5, 13, 26, 29, 36])
def test_an_interrupted_fit_resumes_to_the_same_decoder(tmp_path, n_epochs):
    counts, labels = trials()
    whole = decoders.make("gru", **SMALL).fit(counts, labels)
    assert len(whole.curves_) >= n_epochs
    with pytest.raises(Stop):
        decoders.make("gru", **SMALL).observe(stop_after(n_epochs), tmp_path).fit(counts, labels)
    epochs = []
    resumed = decoders.make("gru", **SMALL).observe(epochs.append, tmp_path).fit(counts, labels)
    assert bytes_of(resumed, counts) == bytes_of(whole, counts)
    pd.testing.assert_frame_equal(resumed.curves_, whole.curves_)
    # At most the epochs since the last checkpoint of the interrupted network are repeated.
    assert len(whole.curves_) - n_epochs <= len(epochs) <= len(whole.curves_) - n_epochs + 5


@pytest.mark.slow
def test_a_killed_process_resumes_to_the_same_decoder(tmp_path):
    fit = (
        "import os, signal, sys; from tests.unit.test_training import SMALL, trials\n"
        "from neuropipe import decoders\n"
        "def kill(row):\n"
        "    if row['part'] == 'seed-0': os.kill(os.getpid(), signal.SIGKILL)\n"
        "decoders.make('lstm', **SMALL).observe(kill, sys.argv[1]).fit(*trials())"
    )
    assert subprocess.run([sys.executable, "-c", fit, str(tmp_path)]).returncode == -9
    counts, labels = trials()
    epochs = []
    resumed = decoders.make("lstm", **SMALL).observe(epochs.append, tmp_path).fit(counts, labels)
    assert {row["part"] for row in epochs} == {"seed-0", "seed-1"}
    assert bytes_of(resumed, counts) == bytes_of(decoders.make("lstm", **SMALL).fit(counts, labels), counts)


def test_checkpoints_of_other_data_or_parameters_and_broken_ones_are_not_used(tmp_path):
    counts, labels = trials()
    decoders.make("gru", **SMALL).observe(checkpoints=tmp_path).fit(counts, labels)
    for parameters, given in [({"seed": 1}, counts), ({}, counts[:, ::-1])]:
        settings = SMALL | parameters
        resumed = decoders.make("gru", **settings).observe(checkpoints=tmp_path).fit(given, labels)
        assert bytes_of(resumed, given) == bytes_of(decoders.make("gru", **settings).fit(given, labels), given)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:100])
    resumed = decoders.make("gru", **SMALL).observe(checkpoints=tmp_path).fit(counts, labels)
    assert bytes_of(resumed, counts) == bytes_of(decoders.make("gru", **SMALL).fit(counts, labels), counts)


def test_checkpoints_return_what_was_written_and_leave_no_partial_file(tmp_path):
    checkpoints = Checkpoints(tmp_path / "new", "mine")
    assert checkpoints.read("a") is None
    for value in (1.0, 2.0):
        checkpoints.write("a", {"weights": torch.full((2, 3), value)}, {"epoch": int(value)})
    tensors, progress = checkpoints.read("a")
    assert torch.equal(tensors["weights"], torch.full((2, 3), 2.0))
    assert progress == {"epoch": 2}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.safetensors"]
    assert Checkpoints(tmp_path / "new", "another").read("a") is None


@pytest.mark.parametrize("name", NETWORK_CLASSIFIERS)
def test_torchs_global_state_is_unchanged_and_parallel_fits_do_not_mix(name):
    counts, labels = trials()

    def fit(seed):
        return bytes_of(decoders.make(name, **SMALL, seed=seed).fit(counts, labels), counts)

    alone = [fit(seed) for seed in range(3)]
    assert len(set(alone)) == 3
    torch.manual_seed(5)
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(fit, range(3))) == alone
            assert list(pool.map(lambda _: torch.get_num_threads(), range(3))) == [3, 3, 3]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_curves_hold_every_epoch_and_are_reported_while_training():
    counts, labels = trials()
    rows = []
    decoder = decoders.make("mlp", **SMALL).observe(rows.append).fit(counts, labels)
    curves = decoder.curves_
    assert rows == curves.replace({np.nan: None}).to_dict("records")
    n_epochs = curves.groupby("part").size().to_dict()
    assert n_epochs == {"inner-0": 12, "inner-1": 12, "seed-0": decoder.n_epochs_, "seed-1": decoder.n_epochs_}
    inner = curves[curves["part"].str.startswith("inner")]
    assert inner["validation_loss"].notna().all()
    losses = inner.groupby("part")["train_loss"]
    assert (losses.last() < losses.first()).all()


def test_training_stops_at_the_best_epoch_of_the_inner_blocks():
    losses = {"inner-0": [5, 1, 9, 3, 2, 3, 4], "inner-1": [5, 5, 5, 2, 2, 2, 2]}
    curves = pd.DataFrame(
        [
            {"part": part, "epoch": epoch + 1, "validation_loss": loss}
            for part, values in losses.items()
            for epoch, loss in enumerate(values)
        ]
    )
    # A single lucky epoch (the second) is not chosen: its neighbours are as bad as any.
    assert best_epoch(curves, [10, 10]) == 5
    assert best_epoch(curves, [0, 10]) == 5


def test_early_stopping_can_be_turned_off():
    counts, labels = trials()
    decoder = decoders.make("gru", **SMALL | {"n_inner_folds": 0}).fit(counts, labels)
    assert decoder.n_epochs_ == 12
    assert set(decoder.curves_["part"]) == {"seed-0", "seed-1"}


def test_several_seeds_are_averaged():
    counts, labels = trials()
    settings = SMALL | {"n_inner_folds": 0}
    both = decoders.make("gru", **settings).fit(counts, labels)
    first = decoders.make("gru", **settings | {"n_seeds": 1}).fit(counts, labels)
    assert np.abs(both.predict_proba(counts) - first.predict_proba(counts)).max() > 1e-3
    both.networks_ = both.networks_[:1]
    np.testing.assert_array_equal(both.predict_proba(counts), first.predict_proba(counts))


def test_balanced_classes_weigh_the_same():
    """From uninformative counts a decoder gives the class frequencies; if balanced, equal probabilities."""
    labels = np.repeat([0, 1, 0, 0, 0], 12)
    for balanced, expected in [(False, [0.8, 0.2]), (True, [0.5, 0.5])]:
        settings = SMALL | {"balanced": balanced, "label_smoothing": 0.0, "n_inner_folds": 0}
        probability = (
            decoders.make("mlp", **settings).fit(np.zeros((60, 4, 3)), labels).predict_proba(np.zeros((1, 4, 3)))
        )
        np.testing.assert_allclose(probability[0], expected, atol=0.03)


def test_the_learning_rate_warms_up_and_falls_to_zero():
    assert one_cycle(0) == pytest.approx(0.04)
    assert one_cycle(WARM_UP) == pytest.approx(1)
    assert one_cycle(WARM_UP + (1 - WARM_UP) / 2) == pytest.approx(0.5)
    assert one_cycle(1) == pytest.approx(0)


def test_augmentation_silences_units_in_whole_trials_and_keeps_the_mean():
    samples = Samples(torch.ones(1, 400, 3, 50), torch.eye(2).repeat(200, 1))
    generator = torch.Generator().manual_seed(0)
    inputs, targets = Augmentation(unit_dropout=0.4, mixup=0).draw(samples, torch.arange(400), generator)
    assert torch.equal(inputs, inputs[:, :1].expand_as(inputs))
    assert inputs.unique().tolist() == pytest.approx([0.0, 1 / 0.6])
    # 20,000 draws: standard error .006 of the mean.
    assert float(inputs.mean()) == pytest.approx(1, abs=0.025)
    assert torch.equal(targets, samples.targets)


def test_mixup_mixes_labels_as_it_mixes_trials():
    values = torch.arange(100.0)
    targets = torch.stack([values, 99 - values], 1) / 99
    samples = Samples(values[None, :, None, None].expand(1, 100, 2, 3), targets)
    inputs, mixed = Augmentation(unit_dropout=0, mixup=1.0).draw(
        samples, torch.arange(len(samples)), torch.Generator().manual_seed(0)
    )
    torch.testing.assert_close(mixed[:, 0], inputs[:, 0, 0] / 99)
    torch.testing.assert_close(mixed.sum(1), torch.ones(100))
    assert float((inputs[:, 0, 0] - values).abs().max()) <= 49.5
    assert float((inputs[:, 0, 0] - values).abs().mean()) > 5


def test_trials_are_drawn_at_every_shift():
    samples = Samples(torch.arange(3.0)[:, None, None, None].expand(3, 300, 1, 1), torch.zeros(300, 2))
    inputs, _ = Augmentation(0, 0).draw(samples, torch.arange(300), torch.Generator().manual_seed(0))
    assert torch.bincount(inputs.flatten().long()).min() > 70


def test_time_shifts_move_the_edges_of_bins():
    """A burst in the bin before an edge is in the later pooled bin when edges are one bin earlier."""
    counts = np.zeros((4, 8, 1))
    counts[[0, 2], 3] = 1
    counts[[1, 3], 6] = 1
    running = cumulate(counts)
    features = ScaledFeatures.learn(running, (0, 4, 8), 1.0, 1)
    still, early, late = features.shifted(running, 1)[:, 0, :, 0] > 0
    np.testing.assert_array_equal(still, [True, False])
    np.testing.assert_array_equal(early, [False, True])
    np.testing.assert_array_equal(late, [True, False])


def test_networks_use_the_best_windows_of_the_training_trials_each_its_own():
    counts, labels = trials(n_bins=16)
    counts[:, :12] = np.random.default_rng(1).poisson(1.0, counts[:, :12].shape)  # the signal comes late
    space = {"windows": ((0.0, 0.5), (0.0, 1.0), (0.75, 1.0)), "n_bins": (1, 2), "offsets": (1.0,)}
    decoder = decoders.make("gru", **SMALL | space).fit(counts, labels)
    assert {features.edges for features in decoder.features_} == {(12, 16), (12, 14, 16)}
    one = decoders.make("gru", **SMALL | space | {"windows": ((0.75, 1.0),), "n_bins": (1,)}).fit(counts, labels)
    assert [features.edges for features in one.features_] == [(12, 16)]
    assert len(one.networks_) == 2


def test_dropout_draws_from_the_generator_given_and_only_in_training():
    dropout, ones = Dropout(0.25), torch.ones(100, 100)
    with drawing_from(dropout, torch.Generator().manual_seed(0)):
        first = dropout(ones)
    with drawing_from(dropout, torch.Generator().manual_seed(0)):
        assert torch.equal(dropout(ones), first)
    assert float((first == 0).float().mean()) == pytest.approx(0.25, abs=0.02)
    assert torch.equal(dropout.eval()(ones), ones)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_bins": ()}, "'n_bins' .* must be a tuple of at least 1 value. Got"),
        ({"n_components": 0}, "'n_components' parameter of GRUDecoder must be an int in the range .1, inf.. Got 0"),
        ({"n_epochs": 2.5}, "'n_epochs' .* Got 2.5"),
        ({"dropout": 1.0}, "'dropout' .* in the range .0.0, 1.0.. Got 1.0"),
        ({"mixup": 2.0}, "'mixup' .* Got 2.0"),
        ({"learning_rate": 0.0}, "'learning_rate' .* Got 0.0"),
        ({"learning_rate": "fast"}, "'learning_rate' .* Got 'fast'"),
        ({"weight_decay": float("nan")}, "'weight_decay' .* Got nan"),
        ({"n_inner_folds": 1}, "'n_inner_folds' .* Got 1"),
        ({"device": "abacus"}, "no device is called 'abacus'"),
    ],
)
def test_invalid_parameters_are_refused_by_name(parameters, message):
    with pytest.raises(BadInput, match=message):
        decoders.make("gru", **SMALL | parameters).fit(*trials())


def test_a_width_that_heads_do_not_divide_is_refused():
    with pytest.raises(BadInput, match="width is 10; 4 attention heads"):
        decoders.make("transformer", **SMALL | {"width": 10}).fit(*trials())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(BadInput, match="finds no GPU"):
        decoders.make("gru", **SMALL, device="cuda").fit(*trials())


def test_out_of_memory_says_what_to_do():
    with pytest.raises(MemoryError, match="lower n_bins, width or batch_size"):
        decoders.make("mlp", **SMALL | {"width": 10**13}).fit(*trials())


@pytest.mark.parametrize("n_bins", [1, 2, 7])
@pytest.mark.parametrize("name", NETWORK_CLASSIFIERS)
def test_trials_of_any_number_of_bins(name, n_bins):
    counts, labels = trials(n_bins=n_bins)
    settings = SMALL | {"n_inner_folds": 0, "n_seeds": 1, "n_epochs": 3}
    assert np.isfinite(decoders.make(name, **settings).fit(counts, labels).predict_proba(counts)).all()
