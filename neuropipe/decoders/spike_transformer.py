"""A transformer with one token per spike, after POYO: a few latent tokens read the spikes by rotary attention.

It is not the published POYO (Azabou et al. 2023; `POYO` in torch_brain), a large network for many recordings. The
attention layers are those of torch_brain. The rest is smaller, to be trained on a few hundred trials:

- A unit's embedding is linear in its loadings on the principal components of the training trials, instead of free.
- Spike times are rounded to the centre of a coarse bin.
- Each bin has one token of no unit, instead of a start and an end token for every unit. There are no embeddings of
  token types and of sessions.
- There is one latent token per bin and one layer of self-attention, instead of 64 latents per step and several layers.
- Perceptrons are GELU of twice the width, instead of GEGLU of four times the width. All perceptrons and the
  self-attention start closed (see `attention.GatedBlock`). The attention to spikes is multiplied by 30.
- One query at the end of the window is normalised and read out as log odds of classes.
"""

import torch
from torch import nn

from neuropipe.decoders.networks.attention import check_width
from neuropipe.decoders.networks.classifier import NetworkClassifier
from neuropipe.decoders.networks.features import CountFeatures
from neuropipe.decoders.networks.initialisation import draw_embedding
from neuropipe.decoders.networks.layers import Dropout, WithLoadings
from neuropipe.decoders.networks.rotary import RotaryCrossAttention, angles_of
from neuropipe.decoders.trial_spikes import TrialSpikes
from neuropipe.registry import decoder

N_HEADS, N_LATENTS = 2, 1  # latents : per bin
PERIODS = (0.25, 4.0)  # shortest and longest period of the rotation, in windows
# A mean over a thousand spikes differs little between trials, so it is scaled up to the size that trains best.
GAIN = 30.0
N_TIMES = 64  # times of a trial that spike times are rounded to


class GatedPerceptron(nn.Module):
    """A perceptron with a skip connection and a gain that starts at 0 (see `attention.GatedBlock`)."""

    def __init__(self, width: int, dropout: float):
        super().__init__()
        layers = (nn.Linear(width, 2 * width), nn.GELU(), Dropout(dropout), nn.Linear(2 * width, width))
        self.layers = nn.Sequential(nn.LayerNorm(width), *layers, Dropout(dropout))
        self.gain = nn.Parameter(torch.zeros(width))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return tokens + self.gain * self.layers(tokens)


class SpikeTransformer(nn.Module):
    """(trial, bin, unit) counts and (unit, component) loadings -> (trial, class)

    Latent tokens, one per bin, attend to the spikes, then to each other. A query at the end of the window attends to
    the latent tokens. Times are in windows.
    """

    def __init__(self, n_components: int, n_bins: int, n_classes: int, width: int, dropout: float):
        super().__init__()
        check_width(width, N_HEADS, channels=4)
        self.n_bins, self.n_channels = n_bins, width // N_HEADS
        self.units = nn.Linear(n_components, width)
        self.no_unit_queries = nn.Parameter(torch.zeros(1, width))
        self.latent_queries = nn.Parameter(torch.zeros(N_LATENTS, width))
        self.class_queries = nn.Parameter(torch.zeros(1, width))
        self.read = RotaryCrossAttention(width, N_HEADS, rotate_values=True)
        self.read_perceptron = GatedPerceptron(width, dropout)
        self.process = RotaryCrossAttention(width, N_HEADS, rotate_values=True)
        self.process_gain = nn.Parameter(torch.zeros(width))
        self.process_perceptron = GatedPerceptron(width, dropout)
        self.answer = RotaryCrossAttention(width, N_HEADS, rotate_values=False)
        self.answer_perceptron = GatedPerceptron(width, dropout)
        self.dropout = Dropout(dropout)
        self.norm = nn.LayerNorm(width)
        self.readout = nn.Linear(width, n_classes)

    def draw_parameters(self, generator: torch.Generator) -> None:
        for embedding in (self.no_unit_queries, self.latent_queries, self.class_queries):
            draw_embedding(embedding, generator)

    def forward(self, counts: torch.Tensor, loadings: torch.Tensor) -> torch.Tensor:
        bins = torch.arange(self.n_bins, dtype=counts.dtype, device=counts.device)
        angles = self._angles((bins + 0.5) / self.n_bins)
        latent_angles = angles.repeat_interleave(N_LATENTS, 0)
        latents = self.latent_queries.repeat(self.n_bins, 1)
        tokens = torch.cat([self.units(loadings), self.no_unit_queries]).expand(self.n_bins, -1, -1)
        counts = nn.functional.pad(counts, (0, 1), value=1.0)
        read = self.read.on_counts(latents, tokens, latent_angles, angles, counts)
        latents = self.read_perceptron(latents + self.dropout(GAIN * read))
        processed = self.process(latents, latents, latent_angles, latent_angles)
        latents = self.process_perceptron(latents + self.process_gain * self.dropout(processed))
        query = self.class_queries.expand(len(counts), -1, -1)
        query = query + self.answer(query, latents, self._angles(bins.new_ones(1)), latent_angles)
        query = self.answer_perceptron(query)
        return self.readout(self.dropout(self.norm(query[:, 0])))

    def _angles(self, times: torch.Tensor) -> torch.Tensor:
        return angles_of(times, self.n_channels, *PERIODS)


@decoder(
    "spike_transformer",
    task="classification",
    input="counts",
    tools=("torch",),
    runtime_only=("device",),
    slow=True,
    non_negative=True,
)
class SpikeTransformerDecoder(NetworkClassifier):
    """A small transformer with spikes as tokens, after POYO (Azabou et al. 2023) but different in its embeddings.

    Spikes of a unit in a coarse bin are identical tokens at the bin's centre, so that the first attention, over all
    spikes, is computed from counts (see `RotaryCrossAttention.on_counts`). The larger `n_bins`, the closer to spike
    times. X may also be TrialSpikes. What differs from POYO is listed in the module's docstring. Parameters as in
    NetworkClassifier; width : of a token, a multiple of 8.
    """

    features = CountFeatures
    non_negative = True

    n_components: int = 32
    unit_dropout: float = 0.5
    learning_rate: float = 0.004

    def _network(self, n_components, n_bins, n_classes):
        return SpikeTransformer(n_components, n_bins, n_classes, self.width, self.dropout)

    def _with_components(self, network, components):
        return WithLoadings(components, network)

    def fit(self, X, y, *, trial_start=None):
        """Learn from trials. X : counts or TrialSpikes; y, trial_start : as for every decoder of counts"""
        return super().fit(_counts(X), y, trial_start=trial_start)

    def predict_proba(self, X):
        """Probabilities (trial, class). X : counts or TrialSpikes"""
        return super().predict_proba(_counts(X))


def _counts(X):
    return X.counts(N_TIMES) if isinstance(X, TrialSpikes) else X
