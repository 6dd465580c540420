"""POYO: every spike is a token, which a few latent tokens read."""

import torch
from torch import nn

from neuropipe.decoders.attention import check_width
from neuropipe.decoders.count_networks import CountNetworks
from neuropipe.decoders.count_views import CountView
from neuropipe.decoders.network_parts import Dropout, WithAxes
from neuropipe.decoders.rotary import RotaryCrossAttention, angles_of
from neuropipe.decoders.trial_spikes import TrialSpikes
from neuropipe.registry import decoder

N_HEADS, N_LATENTS = 2, 1  # latents : of each bin
PERIODS = (0.25, 4.0)  # shortest and longest that attention turns with, in windows
# A mean over a thousand spikes differs little from trial to trial: it is scaled up to what networks start best from.
GAIN = 30.0
N_TIMES = 64  # moments of a trial that spike times are rounded to


class Perceptron(nn.Module):
    """A perceptron beside a skip path, closed to begin with (see `attention.GatedBlock`)."""

    def __init__(self, width: int, dropout: float):
        super().__init__()
        layers = (nn.Linear(width, 2 * width), nn.GELU(), Dropout(dropout), nn.Linear(2 * width, width))
        self.layers = nn.Sequential(nn.LayerNorm(width), *layers, Dropout(dropout))
        self.gain = nn.Parameter(torch.empty(width))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return tokens + self.gain * self.layers(tokens)


class Poyo(nn.Module):
    """(trial, bin, unit) counts and (unit, component) axes -> (trial, class)

    As in torch_brain: latents with times of their own read the spikes, think among themselves, and are read by one
    query at the end of the window; time enters as rotation. Different: a unit's embedding is linear in its loadings
    on the principal components instead of free, for want of trials; and instead of a start and an end token of
    every unit, each bin has one token of no unit, which is all there is in silence. Times are in windows.
    """

    def __init__(self, n_components: int, n_bins: int, n_classes: int, width: int, dropout: float):
        super().__init__()
        check_width(width, N_HEADS, channels=4)
        self.n_bins, self.n_channels = n_bins, width // N_HEADS
        self.units = nn.Linear(n_components, width)
        self.no_unit_queries = nn.Parameter(torch.empty(1, width))
        self.latent_queries = nn.Parameter(torch.empty(N_LATENTS, width))
        self.class_queries = nn.Parameter(torch.empty(1, width))
        self.read = RotaryCrossAttention(width, N_HEADS, rotate_values=True)
        self.read_perceptron = Perceptron(width, dropout)
        self.process = RotaryCrossAttention(width, N_HEADS, rotate_values=True)
        self.process_gain = nn.Parameter(torch.empty(width))
        self.process_perceptron = Perceptron(width, dropout)
        self.answer = RotaryCrossAttention(width, N_HEADS, rotate_values=False)
        self.answer_perceptron = Perceptron(width, dropout)
        self.dropout = Dropout(dropout)
        self.norm = nn.LayerNorm(width)
        self.readout = nn.Linear(width, n_classes)

    def forward(self, counts: torch.Tensor, axes: torch.Tensor) -> torch.Tensor:
        bins = torch.arange(self.n_bins, dtype=counts.dtype, device=counts.device)
        angles = self._angles((bins + 0.5) / self.n_bins)
        latent_angles = angles.repeat_interleave(N_LATENTS, 0)
        latents = self.latent_queries.repeat(self.n_bins, 1)
        tokens = torch.cat([self.units(axes), self.no_unit_queries]).expand(self.n_bins, -1, -1)
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


@decoder("poyo", task="classification", input="counts", tools=("torch",), runtime_only=("device",), slow=True)
class POYODecoder(CountNetworks):
    """POYO (Azabou et al. 2023): spikes as tokens of who and when, read by latent tokens with rotary attention.

    All spikes of a coarse bin are taken to be at its centre. They are then identical tokens, so that the first
    attention, over all spikes, is done on counts (see `RotaryCrossAttention.on_counts`): the larger `n_bins`, the
    closer to spike times. X may also be TrialSpikes. Parameters as in TorchDecoder; width : of a token, a
    multiple of 8.
    """

    view = CountView

    n_components: int = 32
    unit_dropout: float = 0.5
    learning_rate: float = 0.004

    def _network(self, n_components, n_bins, n_classes):
        return Poyo(n_components, n_bins, n_classes, self.width, self.dropout)

    def _whole(self, network, components):
        return WithAxes(components, network)

    def fit(self, X, y, *, trial_start=None):
        """As for every decoder of counts; X may be TrialSpikes."""
        return super().fit(_counts(X), y, trial_start=trial_start)

    def predict_proba(self, X):
        """Probabilities (trial, class); X may be TrialSpikes."""
        return super().predict_proba(_counts(X))


def _counts(X):
    return X.counts(N_TIMES) if isinstance(X, TrialSpikes) else X
