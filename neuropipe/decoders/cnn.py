"""Convolutional networks over the bins of a trial, or of a sample's history."""

import torch
from torch import nn

from neuropipe.decoders.networks.classifier import NetworkClassifier
from neuropipe.decoders.networks.layers import Dropout
from neuropipe.decoders.networks.regressor import NetworkRegressor
from neuropipe.registry import decoder


class Convolutional(nn.Module):
    """(trial, bin, input) -> (trial, output): two residual convolutions over three bins each, then all bins read out"""

    def __init__(self, n_inputs: int, n_bins: int, n_outputs: int, width: int, dropout: float):
        super().__init__()
        self.spatial = nn.Linear(n_inputs, width)
        self.temporal = nn.ModuleList(nn.Conv1d(width, width, 3, padding=1) for _ in range(2))
        self.dropout = Dropout(dropout)
        self.readout = nn.Linear(width * n_bins, n_outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        channels = self.dropout(torch.tanh(self.spatial(inputs))).transpose(1, 2)
        for convolution in self.temporal:
            channels = channels + self.dropout(torch.relu(convolution(channels)))
        return self.readout(channels.flatten(1))


@decoder("cnn", task="classification", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class CNNDecoder(NetworkClassifier):
    """Convolutions over time with components of the units as channels, on coarse counts.

    The order of units has no meaning, so filters do not slide over units: each filter spans all channels and slides
    over time only, as over the electrodes of EEGNet (Lawhern et al. 2018).

    Parameters as in NetworkClassifier.
    """

    def _network(self, n_components, n_bins, n_classes):
        return Convolutional(n_components, n_bins, n_classes, self.width, self.dropout)


@decoder("cnn_regressor", task="regression", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class CNNRegressor(NetworkRegressor):
    """Convolutions over time with mixtures of the units as channels, for continuous targets.

    As over the electrodes of EEGNet (Lawhern et al. 2018): every filter spans all units and slides over time only.

    Parameters as in NetworkRegressor.
    """

    def _network(self, n_units, n_bins, n_targets):
        return Convolutional(n_units, n_bins, n_targets, self.width, self.dropout)
