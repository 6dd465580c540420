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
        dropout: float = 0.5,
        offsets: tuple[float, ...] = (1.0, 30.0),
        n_components: int = 64,
        unit_dropout: float = 0.3,
        mixup: float = 0.0,
        time_jitter: int = 1,
        learning_rate: float = 0.002,
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
        return Convolutional(n_components, n_bins, n_classes, self.width, self.dropout)
