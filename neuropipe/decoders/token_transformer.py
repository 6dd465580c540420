"""A transformer that reads spike counts as tokens, the bins of a trial as the words of a sentence."""

import math

import torch
from torch import nn

from neuropipe.decoders.attention import GatedBlock
from neuropipe.decoders.count_networks import CountNetworks
from neuropipe.decoders.count_views import N_LEVELS, LevelView
from neuropipe.decoders.network_parts import Dropout
from neuropipe.registry import decoder

ONE = math.log(math.e - 1)  # softplus makes 1 of it


class CountWords(nn.Module):
    """(trial, bin x level, component) -> (trial, class)

    A unit's token is its vector times the value of its count, channel by channel; a bin's word is the sum of its
    tokens. Values rise with the count: each level adds a positive step, to begin with the same for every level.
    """

    def __init__(self, n_components: int, n_bins: int, n_classes: int, width: int, dropout: float):
        super().__init__()
        self.vectors = nn.Linear(n_components, width)
        self.steps = nn.Parameter(torch.empty(N_LEVELS, width))
        self.positions = nn.Parameter(torch.empty(n_bins, width))
        self.dropout = Dropout(dropout)
        self.blocks = nn.Sequential(*(GatedBlock(width, dropout) for _ in range(2)))
        self.norm = nn.LayerNorm(width)
        self.readout = nn.Linear(width, n_classes)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        levels = inputs.unflatten(1, (-1, N_LEVELS)) @ self.vectors.weight.T  # (trial, bin, level, width)
        words = (levels * self.values()).sum(2) + self.vectors.bias
        sentence = self.blocks(self.dropout(words + self.positions))
        return self.readout(self.dropout(self.norm(sentence[:, -1])))

    def values(self) -> torch.Tensor:
        """(level, width) by how much each level adds to the value of a count: more than 0."""
        return nn.functional.softplus(self.steps + ONE)


@decoder(
    "token_transformer", task="classification", input="counts", tools=("torch",), runtime_only=("device",), slow=True
)
class TokenTransformerDecoder(CountNetworks):
    """A transformer over spike counts as ordered tokens: units are summed into words, bins form the sentence.

    Two layers of four heads with learned positions; what is read out is the last bin's word. Parameters as in
    TorchDecoder; width : of a token, a multiple of 4.
    """

    view = LevelView

    dropout: float = 0.3
    n_components: int = 32
    unit_dropout: float = 0.5
    learning_rate: float = 0.001

    def _network(self, n_components, n_bins, n_classes):
        return CountWords(n_components, n_bins, n_classes, self.width, self.dropout)
