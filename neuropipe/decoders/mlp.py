"""Perceptrons with one hidden layer on all bins of a trial, or of a sample's history, at once."""

import torch
from torch import nn

from neuropipe.decoders.networks.classifier import NetworkClassifier
from neuropipe.decoders.networks.layers import Dropout
from neuropipe.decoders.networks.regressor import NetworkRegressor
from neuropipe.registry import decoder


class Perceptron(nn.Module):
    """(trial, bin, input) -> (trial, output). n_inputs : bins x inputs per bin"""

    def __init__(self, n_inputs: int, n_outputs: int, width: int, dropout: float):
        super().__init__()
        self.hidden = nn.Linear(n_inputs, width)
        self.dropout = Dropout(dropout)
        self.readout = nn.Linear(width, n_outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.readout(self.dropout(torch.relu(self.hidden(inputs.flatten(1)))))


@decoder("mlp", task="classification", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class MLPDecoder(NetworkClassifier):
    """A multilayer perceptron (Rumelhart et al. 1986) on coarse spike counts, every bin of every unit an input.

    Parameters as in NetworkClassifier.
    """

    def _network(self, n_components, n_bins, n_classes):
        return Perceptron(n_components * n_bins, n_classes, self.width, self.dropout)


@decoder("mlp_regressor", task="regression", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class MLPRegressor(NetworkRegressor):
    """A multilayer perceptron (Rumelhart et al. 1986) on counts, every bin of every unit an input.

    Parameters as in NetworkRegressor.
    """

    dropout: float = 0.3
    learning_rate: float = 0.001
    n_seeds: int = 5

    def _network(self, n_units, n_bins, n_targets):
        return Perceptron(n_units * n_bins, n_targets, self.width, self.dropout)
