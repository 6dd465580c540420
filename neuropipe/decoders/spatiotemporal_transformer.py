"""A transformer that attends to the units within each bin, then to the bins of the trial."""

import torch
from torch import nn

from neuropipe.decoders.networks.attention import GatedBlock, check_width
from neuropipe.decoders.networks.classifier import NetworkClassifier
from neuropipe.decoders.networks.initialisation import draw_embedding
from neuropipe.decoders.networks.layers import Dropout, WithLoadings
from neuropipe.registry import decoder

N_HEADS = 8


class UnitAttention(nn.Module):
    """Attention pooling over the units of a bin: (trial, bin, unit) -> (trial, bin, width)

    Each head has one learned query (a seed of Lee et al. 2019). A unit's token is its scaled count times its embedding,
    plus an embedding of its identity. Keys and values are linear in the token, so they are computed once per unit, not
    once per unit, trial and bin. Embeddings are linear in a unit's loadings on the principal components: attention
    starts almost uniform, and uniform attention returns the components.
    """

    def __init__(self, n_components: int, width: int):
        super().__init__()
        check_width(width, N_HEADS)
        self.count_queries = nn.Parameter(torch.zeros(N_HEADS, n_components))
        self.unit_queries = nn.Parameter(torch.zeros(N_HEADS, n_components))
        self.values = nn.Linear(n_components, width)

    def draw_parameters(self, generator: torch.Generator) -> None:
        draw_embedding(self.count_queries, generator)
        draw_embedding(self.unit_queries, generator)

    def forward(self, counts: torch.Tensor, loadings: torch.Tensor) -> torch.Tensor:
        n_units = len(loadings)
        scaled = loadings / loadings.square().mean().sqrt().clamp_min(1e-12)
        counts = counts.unsqueeze(2)  # (trial, bin, head, unit), of variance near 1 / n_units
        scores = self.count_queries @ scaled.T * n_units**0.5 * counts + self.unit_queries @ scaled.T
        attention = torch.softmax(scores, -1) * counts
        values = (n_units * loadings @ self.values.weight.T).unflatten(1, (N_HEADS, -1))  # (unit, head, channel)
        return torch.einsum("tbhu,uhc->tbhc", attention, values).flatten(2) + self.values.bias


class UnitsThenBins(nn.Module):
    """(trial, bin, unit) scaled counts and (unit, component) loadings -> (trial, class)"""

    def __init__(self, n_components: int, n_bins: int, n_classes: int, width: int, dropout: float):
        super().__init__()
        self.units = UnitAttention(n_components, width)
        self.positions = nn.Parameter(torch.zeros(n_bins, width))
        self.dropout = Dropout(dropout)
        self.bins = nn.Sequential(*(GatedBlock(width, dropout) for _ in range(2)))
        self.norm = nn.LayerNorm(width)
        self.readout = nn.Linear(width, n_classes)

    def draw_parameters(self, generator: torch.Generator) -> None:
        draw_embedding(self.positions, generator)

    def forward(self, counts: torch.Tensor, loadings: torch.Tensor) -> torch.Tensor:
        tokens = self.bins(self.dropout(self.units(counts, loadings) + self.positions))
        return self.readout(self.dropout(self.norm(tokens[:, -1])))


@decoder(
    "spatiotemporal_transformer",
    task="classification",
    input="counts",
    tools=("torch",),
    runtime_only=("device",),
    slow=True,
)
class SpatiotemporalTransformerDecoder(NetworkClassifier):
    """Attention over the units of each bin, then a transformer over the bins of the trial.

    Eight heads of attention pooling over units, two layers of four heads over bins with learned positions; the last
    bin's token is read out. Parameters as in NetworkClassifier; width : of a token, a multiple of 8.
    """

    dropout: float = 0.3
    n_components: int = 32
    unit_dropout: float = 0.5

    def _network(self, n_components, n_bins, n_classes):
        return UnitsThenBins(n_components, n_bins, n_classes, self.width, self.dropout)

    def _with_components(self, network, components):
        return WithLoadings(components, network)
