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

    def __init__(
        self,
        *,
        windows: tuple[tuple[float, float], ...] = (
            (0.0, 1.0),
            (0.0, 0.5),
            (0.5, 1.0),
            (0.0, 0.25),
            (0.25, 0.5),
            (0.5, 0.75),
            (0.75, 1.0),
            (0.875, 1.0),
        ),
        n_bins: tuple[int, ...] = (2, 4),
        width: int = 64,
        dropout: float = 0.3,
        offsets: tuple[float, ...] = (1.0, 30.0),
        n_components: int = 32,
        unit_dropout: float = 0.5,
        mixup: float = 0.0,
        time_jitter: int = 1,
        learning_rate: float = 0.001,
        weight_decay: float = 0.01,
        label_smoothing: float = 0.1,
        balanced: bool = False,
        n_epochs: int = 40,
        batch_size: int = 32,
        n_inner_folds: int = 4,
        n_seeds: int = 5,
        seed: int = 0,
        device: str = "auto",
    ):
        self.windows = windows
        self.n_bins = n_bins
        self.width = width
        self.dropout = dropout
        self.offsets = offsets
        self.n_components = n_components
        self.unit_dropout = unit_dropout
        self.mixup = mixup
        self.time_jitter = time_jitter
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.balanced = balanced
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.n_inner_folds = n_inner_folds
        self.n_seeds = n_seeds
        self.seed = seed
        self.device = device

    def _network(self, n_components, n_bins, n_classes):
        return CountWords(n_components, n_bins, n_classes, self.width, self.dropout)
