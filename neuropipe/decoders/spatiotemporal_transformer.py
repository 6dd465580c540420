"""A transformer that attends to units within each bin, then to the bins of the trial."""

import torch
from torch import nn

from neuropipe.decoders.attention import GatedBlock, check_width
from neuropipe.decoders.network_parts import Dropout, WithAxes
from neuropipe.decoders.torch_decoder import TorchDecoder
from neuropipe.registry import decoder

N_HEADS = 8


class UnitAttention(nn.Module):
    """Attention pooling over the units of a bin: (trial, bin, unit) -> (trial, bin, width)

    Each head asks one learned question (a seed of Lee et al. 2019), and every unit answers. A unit's token is its
    scaled count times its vector, plus who it is; keys and values are linear in it and so are built once for each
    unit, not for each unit of each trial and bin. Vectors are linear in a unit's loadings on the principal components:
    attention starts almost even, and even attention returns components.
    """

    def __init__(self, n_components: int, width: int):
        super().__init__()
        check_width(width, N_HEADS)
        self.count_queries = nn.Parameter(torch.empty(N_HEADS, n_components))
        self.unit_queries = nn.Parameter(torch.empty(N_HEADS, n_components))
        self.values = nn.Linear(n_components, width)

    def forward(self, counts: torch.Tensor, axes: torch.Tensor) -> torch.Tensor:
        n_units = len(axes)
        loadings = axes / axes.square().mean().sqrt().clamp_min(1e-12)
        counts = counts.unsqueeze(2)  # (trial, bin, head, unit), of variance near 1 / n_units
        scores = self.count_queries @ loadings.T * n_units**0.5 * counts + self.unit_queries @ loadings.T
        attention = torch.softmax(scores, -1) * counts
        values = (n_units * axes @ self.values.weight.T).unflatten(1, (N_HEADS, -1))  # (unit, head, channel)
        return torch.einsum("tbhu,uhc->tbhc", attention, values).flatten(2) + self.values.bias


class UnitsThenBins(nn.Module):
    """(trial, bin, unit) scaled counts and (unit, component) axes -> (trial, class)"""

    def __init__(self, n_components: int, n_bins: int, n_classes: int, width: int, dropout: float):
        super().__init__()
        self.units = UnitAttention(n_components, width)
        self.positions = nn.Parameter(torch.empty(n_bins, width))
        self.dropout = Dropout(dropout)
        self.bins = nn.Sequential(*(GatedBlock(width, dropout) for _ in range(2)))
        self.norm = nn.LayerNorm(width)
        self.readout = nn.Linear(width, n_classes)

    def forward(self, counts: torch.Tensor, axes: torch.Tensor) -> torch.Tensor:
        tokens = self.bins(self.dropout(self.units(counts, axes) + self.positions))
        return self.readout(self.dropout(self.norm(tokens[:, -1])))


@decoder(
    "spatiotemporal_transformer",
    task="classification",
    input="counts",
    tools=("torch",),
    runtime_only=("device",),
    slow=True,
)
class SpatiotemporalTransformerDecoder(TorchDecoder):
    """Attention over the units of each bin, then a transformer over the bins of the trial.

    Eight heads of attention pooling over units, two layers of four heads over bins with learned positions; what is
    read out is the last bin's token. Parameters as in TorchDecoder; width : of a token, a multiple of 8.
    """

    dropout: float = 0.3
    n_components: int = 32
    unit_dropout: float = 0.5

    def _network(self, n_components, n_bins, n_classes):
        return UnitsThenBins(n_components, n_bins, n_classes, self.width, self.dropout)

    def _whole(self, network, components):
        return WithAxes(components, network)
