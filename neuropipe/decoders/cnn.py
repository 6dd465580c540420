"""A convolutional network over the trial as an image of bins by units."""

import torch
from torch import nn

from neuropipe.decoders.network_parts import Dropout
from neuropipe.decoders.torch_decoder import TorchDecoder
from neuropipe.registry import decoder


class Convolutional(nn.Module):
    """(trial, bin, component) -> (trial, class): two residual convolutions over three bins, all bins read out"""

    def __init__(self, n_components: int, n_bins: int, n_classes: int, width: int, dropout: float):
        super().__init__()
        self.spatial = nn.Linear(n_components, width)
        self.temporal = nn.ModuleList(nn.Conv1d(width, width, 3, padding=1) for _ in range(2))
        self.dropout = Dropout(dropout)
        self.readout = nn.Linear(width * n_bins, n_classes)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        channels = self.dropout(torch.tanh(self.spatial(inputs))).transpose(1, 2)
        for convolution in self.temporal:
            channels = channels + self.dropout(torch.relu(convolution(channels)))
        return self.readout(channels.flatten(1))


@decoder("cnn", task="classification", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class CNNDecoder(TorchDecoder):
    """Convolutions over time with components of the units as channels, on coarse counts.

    A trial is an image of bins by units, but the order of units means nothing: so every filter spans them all and
    slides over time only (as over the electrodes of EEGNet, Lawhern et al. 2018).

    Parameters as in TorchDecoder.
    """

    def _network(self, n_components, n_bins, n_classes):
        return Convolutional(n_components, n_bins, n_classes, self.width, self.dropout)
