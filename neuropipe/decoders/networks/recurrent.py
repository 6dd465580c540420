"""The network of all recurrent decoders: a linear encoder, one recurrent layer, a read-out of its last state."""

from collections.abc import Callable

import torch
from torch import nn

from neuropipe.decoders.networks.layers import Dropout


class Recurrent(nn.Module):
    """(trial, bin, input) -> (trial, output). recurrent : class of the recurrent layer, e.g. torch.nn.GRU"""

    def __init__(self, recurrent: Callable[..., nn.RNNBase], n_inputs: int, n_outputs: int, width: int, dropout: float):
        super().__init__()
        self.encoder = nn.Linear(n_inputs, width)
        self.dropout = Dropout(dropout)
        self.recurrent = recurrent(width, width, batch_first=True)
        self.readout = nn.Linear(width, n_outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        channels = self.dropout(torch.tanh(self.encoder(inputs)))
        states, _ = self.recurrent(channels)
        return self.readout(self.dropout(states[:, -1]))
