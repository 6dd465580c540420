"""A transformer that reads a trial as a sequence of bins."""

import torch
from torch import nn

from neuropipe.decoders.attention import Block
from neuropipe.decoders.network_parts import Dropout
from neuropipe.decoders.torch_decoder import TorchDecoder
from neuropipe.registry import decoder


class BinTransformer(nn.Module):
    """(trial, bin, component) -> (trial, class)"""

    def __init__(self, n_components: int, n_bins: int, n_classes: int, width: int, dropout: float):
        super().__init__()
        self.encoder = nn.Linear(n_components, width)
        self.positions = nn.Parameter(torch.empty(n_bins, width))
        self.dropout = Dropout(dropout)
        self.blocks = nn.Sequential(*(Block(width, dropout) for _ in range(2)))
        self.norm = nn.LayerNorm(width)
        self.readout = nn.Linear(width, n_classes)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        tokens = self.blocks(self.dropout(self.encoder(inputs) + self.positions))
        return self.readout(self.dropout(self.norm(tokens[:, -1])))


@decoder("transformer", task="classification", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class TransformerDecoder(TorchDecoder):
    """A transformer encoder (Vaswani et al. 2017; pre-norm, Xiong et al. 2020) with the bins of a trial as its tokens.

    Two layers of four heads with learned positions; what is read out is the last bin's token.

    Parameters as in TorchDecoder; width : of a token, a multiple of 4.
    """

    dropout: float = 0.3
    learning_rate: float = 0.001

    def _network(self, n_components, n_bins, n_classes):
        return BinTransformer(n_components, n_bins, n_classes, self.width, self.dropout)
