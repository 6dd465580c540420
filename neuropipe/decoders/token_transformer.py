"""A transformer with spike counts as ordered levels, and the bins of a trial as its tokens."""

import math

import torch
from torch import nn

from neuropipe.decoders.networks.attention import GatedBlock
from neuropipe.decoders.networks.classifier import NetworkClassifier
from neuropipe.decoders.networks.features import N_LEVELS, LevelFeatures
from neuropipe.decoders.networks.initialisation import draw_embedding
from neuropipe.decoders.networks.layers import Dropout
from neuropipe.registry import decoder

SOFTPLUS_OF_ONE = math.log(math.e - 1)  # softplus of this is 1


class CountTokens(nn.Module):
    """(trial, bin x level, component) -> (trial, class)

    A unit's token is its embedding times the value of its count, channel by channel; the token of a bin is the sum over
    its units. Values increase with the count: each level adds a positive step, which starts near 1 for every level.
    """

    def __init__(self, n_components: int, n_bins: int, n_classes: int, width: int, dropout: float):
        super().__init__()
        self.vectors = nn.Linear(n_components, width)
        self.steps = nn.Parameter(torch.zeros(N_LEVELS, width))
        self.positions = nn.Parameter(torch.zeros(n_bins, width))
        self.dropout = Dropout(dropout)
        self.blocks = nn.Sequential(*(GatedBlock(width, dropout) for _ in range(2)))
        self.norm = nn.LayerNorm(width)
        self.readout = nn.Linear(width, n_classes)

    def draw_parameters(self, generator: torch.Generator) -> None:
        draw_embedding(self.steps, generator)
        draw_embedding(self.positions, generator)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        levels = inputs.unflatten(1, (-1, N_LEVELS)) @ self.vectors.weight.T  # (trial, bin, level, width)
        tokens = (levels * self.values()).sum(2) + self.vectors.bias
        tokens = self.blocks(self.dropout(tokens + self.positions))
        return self.readout(self.dropout(self.norm(tokens[:, -1])))

    def values(self) -> torch.Tensor:
        """(level, width): how much each level adds to the value of a count, always above 0."""
        return nn.functional.softplus(self.steps + SOFTPLUS_OF_ONE)


@decoder(
    "token_transformer",
    task="classification",
    input="counts",
    tools=("torch",),
    runtime_only=("device",),
    slow=True,
    non_negative=True,
)
class TokenTransformerDecoder(NetworkClassifier):
    """A transformer over bins, whose tokens are sums over units of embeddings that grow with the spike count.

    Two layers of four heads with learned positions; the last bin's token is read out. Parameters as in
    NetworkClassifier; width : of a token, a multiple of 4.
    """

    features = LevelFeatures
    non_negative = True

    dropout: float = 0.3
    n_components: int = 32
    unit_dropout: float = 0.5
    learning_rate: float = 0.001

    def _network(self, n_components, n_bins, n_classes):
        return CountTokens(n_components, n_bins, n_classes, self.width, self.dropout)
