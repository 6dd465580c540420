"""What the recurrent decoders share: components into channels, those through time, the last state read out."""

import torch
from torch import nn

from neuropipe.decoders.network_parts import Dropout


class Recurrent(nn.Module):
    """(trial, bin, component) -> (trial, class). recurrent : makes the recurrent layer, e.g. torch.nn.GRU"""

    def __init__(self, recurrent: type[nn.RNNBase], n_components: int, n_classes: int, width: int, dropout: float):
        super().__init__()
        self.encoder = nn.Linear(n_components, width)
        self.dropout = Dropout(dropout)
        self.recurrent = recurrent(width, width, batch_first=True)
        self.readout = nn.Linear(width, n_classes)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        channels = self.dropout(torch.tanh(self.encoder(inputs)))
        states, _ = self.recurrent(channels)
        return self.readout(self.dropout(states[:, -1]))
