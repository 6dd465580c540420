"""Transformers that read a trial, or a sample's history, as a sequence of bins."""

import torch
from torch import nn

from neuropipe.decoders.networks.attention import Block
from neuropipe.decoders.networks.classifier import NetworkClassifier
from neuropipe.decoders.networks.initialisation import draw_embedding
from neuropipe.decoders.networks.layers import Dropout
from neuropipe.decoders.networks.regressor import NetworkRegressor
from neuropipe.registry import decoder


class BinTransformer(nn.Module):
    """(trial, bin, input) -> (trial, output)"""

    def __init__(self, n_inputs: int, n_bins: int, n_outputs: int, width: int, dropout: float):
        super().__init__()
        self.encoder = nn.Linear(n_inputs, width)
        self.positions = nn.Parameter(torch.zeros(n_bins, width))
        self.dropout = Dropout(dropout)
        self.blocks = nn.Sequential(*(Block(width, dropout) for _ in range(2)))
        self.norm = nn.LayerNorm(width)
        self.readout = nn.Linear(width, n_outputs)

    def draw_parameters(self, generator: torch.Generator) -> None:
        draw_embedding(self.positions, generator)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        tokens = self.blocks(self.dropout(self.encoder(inputs) + self.positions))
        return self.readout(self.dropout(self.norm(tokens[:, -1])))


@decoder("transformer", task="classification", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class TransformerDecoder(NetworkClassifier):
    """A transformer encoder (Vaswani et al. 2017; pre-norm, Xiong et al. 2020) with the bins of a trial as its tokens.

    Two layers of four heads with learned positions; the last bin's token is read out.

    Parameters as in NetworkClassifier; width : of a token, a multiple of 4.
    """

    dropout: float = 0.3
    learning_rate: float = 0.001

    def _network(self, n_components, n_bins, n_classes):
        return BinTransformer(n_components, n_bins, n_classes, self.width, self.dropout)


@decoder(
    "transformer_regressor", task="regression", input="counts", tools=("torch",), runtime_only=("device",), slow=True
)
class TransformerRegressor(NetworkRegressor):
    """A transformer encoder with the bins of a history as its tokens, for continuous targets.

    Vaswani et al. 2017; pre-norm, Xiong et al. 2020. Two layers of four heads with learned positions; the current bin's
    token is read out.

    Parameters as in NetworkRegressor; width : of a token, a multiple of 4.
    """

    width: int = 64

    def _network(self, n_units, n_bins, n_targets):
        return BinTransformer(n_units, n_bins, n_targets, self.width, self.dropout)
