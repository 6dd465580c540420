"""Initialisation of networks by type of layer, and saving of networks with buffers."""

import numpy as np
import pytest
import torch
from torch import nn

from neuropipe.decoders.networks.classifier import NetworkClassifier
from neuropipe.decoders.networks.initialisation import build, construct
from neuropipe.decoders.networks.layers import Dropout
from neuropipe.decoders.networks.recurrent import Recurrent
from neuropipe.errors import BadInput
from neuropipe.registry import decoder

SMALL = {"width": 8, "n_epochs": 3, "n_seeds": 2, "n_inner_folds": 2, "windows": ((0.0, 1.0),), "n_bins": (4,)}


class Contributed(nn.Module):
    """What contributors write: norms, buffers saved and not saved, bare parameters, an embedding, attention."""

    def __init__(self, n_inputs: int, n_bins: int, n_outputs: int, width: int):
        super().__init__()
        self.encoder = nn.Linear(n_inputs, width)
        self.batch_norm = nn.BatchNorm1d(width)
        self.register_buffer("positions", torch.sin(torch.arange(n_bins * width) / 3).view(n_bins, width))
        self.register_buffer("noise", torch.rand(width), persistent=False)
        self.gain = nn.Parameter(torch.ones(width))
        self.mixing_weight = nn.Parameter(torch.full((width, width), 0.25))
        self.readout_scale = nn.Parameter(torch.full((1, width), 3.0))
        self.bins = nn.Embedding(n_bins, width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.dropout = Dropout(0.2)
        self.readout = nn.Linear(width, n_outputs)

    def forward(self, inputs):
        tokens = self.batch_norm(self.encoder(inputs).transpose(1, 2)).transpose(1, 2)
        tokens = tokens * self.gain @ self.mixing_weight + self.positions + self.bins.weight
        attended, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        last = self.dropout((tokens + attended)[:, -1] + self.noise)
        return self.readout(last * self.readout_scale)


@decoder("contributed", task="classification", input="counts", tools=("torch",))
class ContributedDecoder(NetworkClassifier):
    def _network(self, n_components, n_bins, n_classes):
        return Contributed(n_components, n_bins, n_classes, self.width)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def trials(n_trials=61):
    draws = np.random.default_rng(0)
    labels = draws.integers(0, 2, n_trials)
    rates = np.where(np.arange(10) % 2 == labels[:, None], 1.0, 0.3)
    return draws.poisson(rates[:, None, :], (n_trials, 8, 10)), labels


def test_recurrent_layers_and_the_readout_are_initialised_by_type():
    network = build(lambda: Recurrent(nn.LSTM, 20, 3, 8, 0.5), generator())
    recurrent = network.recurrent
    for gate in recurrent.weight_hh_l0.detach().split(8):
        torch.testing.assert_close(gate @ gate.T, torch.eye(8), atol=1e-5, rtol=0)
    np.testing.assert_array_equal(recurrent.bias_ih_l0.detach(), np.repeat([0, 1, 0, 0], 8))
    assert float(network.readout.weight.detach().abs().max()) == 0
    assert 0.2 < float(network.encoder.weight.detach().abs().max()) <= 1 / np.sqrt(20)


def test_every_layer_and_direction_of_a_recurrent_network_is_initialised():
    layer = build(lambda: nn.LSTM(5, 4, num_layers=2, bidirectional=True), generator())
    for name, values in layer.named_parameters():
        if name.startswith("bias"):
            forget_gate = 1 if "_ih_" in name else 0
            np.testing.assert_array_equal(values.detach(), np.repeat([0, forget_gate, 0, 0], 4), err_msg=name)
        elif name.startswith("weight_hh"):
            for gate in values.detach().split(4):
                torch.testing.assert_close(gate @ gate.T, torch.eye(4), atol=1e-5, rtol=0)


def test_values_that_constructors_gave_survive():
    network = build(lambda: Contributed(6, 4, 3, 8), generator())
    made = construct(lambda: Contributed(6, 4, 3, 8), 0)
    for name in ("gain", "mixing_weight", "readout_scale", "positions", "noise"):
        assert torch.equal(getattr(network, name), getattr(made, name)), name
    for name in ("batch_norm", "bins"):
        for ours, theirs in zip(
            getattr(network, name).state_dict().values(), getattr(made, name).state_dict().values(), strict=True
        ):
            assert torch.equal(ours, theirs), name
    assert torch.equal(network.attention.in_proj_weight, made.attention.in_proj_weight)
    assert torch.equal(network.gain.detach(), torch.ones(8))
    assert network.batch_norm.num_batches_tracked.dtype == torch.int64
    assert not network.readout.weight.any()
    assert not network.encoder.bias.any()


def test_a_seed_gives_the_same_network_and_the_global_generator_is_restored():
    before = torch.random.get_rng_state()
    states = [build(lambda: Contributed(6, 4, 3, 8), generator(seed)).state_dict() for seed in (1, 1, 2)]
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    for name in ("encoder.weight", "bins.weight", "attention.in_proj_weight"):
        assert not torch.equal(states[0][name], states[2][name])


def test_a_contributed_network_is_saved_and_loaded_with_its_buffers(tmp_path):
    counts, labels = trials()
    fitted = ContributedDecoder(**SMALL).fit(counts, labels)
    for network in fitted.networks_:
        assert network.batch_norm.running_mean.any(), "running statistics were updated in training"
        assert network.batch_norm.num_batches_tracked > 0
    fitted.save(tmp_path)
    loaded = ContributedDecoder.load(tmp_path)
    assert loaded.predict_proba(counts).tobytes() == fitted.predict_proba(counts).tobytes()
    for ours, theirs in zip(loaded.networks_, fitted.networks_, strict=True):
        assert torch.equal(ours.noise, theirs.noise)
        for (name, one), other in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
            assert torch.equal(one, other), name
            assert one.dtype == other.dtype, name


def test_an_interrupted_fit_of_a_contributed_network_resumes_to_the_same_predictions(tmp_path):
    counts, labels = trials()
    settings = SMALL | {"n_epochs": 8}

    def interrupt(row):
        if row["part"] == "inner-1" and row["epoch"] == 7:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        ContributedDecoder(**settings).observe(interrupt, tmp_path).fit(counts, labels)
    resumed = ContributedDecoder(**settings).observe(checkpoints=tmp_path).fit(counts, labels)
    whole = ContributedDecoder(**settings).fit(counts, labels)
    assert resumed.predict_proba(counts).tobytes() == whole.predict_proba(counts).tobytes()


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.1)),
        lambda: nn.Sequential(nn.GRU(3, 3, num_layers=2, dropout=0.1)),
        lambda: nn.Sequential(nn.MultiheadAttention(4, 2, dropout=0.1)),
        lambda: nn.TransformerEncoderLayer(4, 2),
    ],
    ids=["layer", "recurrent", "attention", "transformer"],
)
def test_dropout_from_the_global_generator_is_refused(make):
    with pytest.raises(BadInput, match="use neuropipe.decoders.networks.layers.Dropout"):
        build(make, generator())


def test_a_readout_that_is_not_linear_is_refused():
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.readout = nn.Sequential(nn.Linear(3, 3))

    with pytest.raises(BadInput, match="readout of Network is a Sequential; it must be a Linear"):
        build(Network, generator())
