"""A perceptron with one hidden layer on all bins of a trial at once."""

import torch
from torch import nn

from neuropipe.decoders.network_parts import Dropout
from neuropipe.decoders.torch_decoder import TorchDecoder
from neuropipe.registry import decoder


class Perceptron(nn.Module):
    """(trial, bin, component) -> (trial, class)"""

    def __init__(self, n_inputs: int, n_classes: int, width: int, dropout: float):
        super().__init__()
        self.hidden = nn.Linear(n_inputs, width)
        self.dropout = Dropout(dropout)
        self.readout = nn.Linear(width, n_classes)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.readout(self.dropout(torch.relu(self.hidden(inputs.flatten(1)))))


@decoder("mlp", task="classification", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class MLPDecoder(TorchDecoder):
    """A multilayer perceptron (Rumelhart et al. 1986) on coarse spike counts, every bin of every unit an input.

    Parameters as in TorchDecoder.
    """

    def _network(self, n_components, n_bins, n_classes):
        return Perceptron(n_components * n_bins, n_classes, self.width, self.dropout)
