"""Transformer blocks."""

import torch
from torch import nn

from neuropipe.decoders.networks.layers import Dropout
from neuropipe.errors import BadInput

N_HEADS = 4


def check_width(width: int, n_heads: int, channels: int = 1) -> None:
    """Refuse a width that cannot be split into heads of a multiple of `channels` channels each."""
    if width % (n_heads * channels):
        raise BadInput(f"width is {width}; {n_heads} attention heads need a multiple of {n_heads * channels}")


class Block(nn.Module):
    """Self-attention and a perceptron, each with layer normalisation before it and a skip connection (pre-norm).

    Tokens (trial, token, width) in and out.
    """

    def __init__(self, width: int, dropout: float):
        super().__init__()
        check_width(width, N_HEADS)
        self.attention_norm, self.perceptron_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.projections = nn.Linear(width, 3 * width)
        self.merge = nn.Linear(width, width)
        self.perceptron = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.dropout = Dropout(dropout)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = tokens + self.dropout(self._attend(self.attention_norm(tokens)))
        return tokens + self.dropout(self.perceptron(self.perceptron_norm(tokens)))

    def _attend(self, tokens: torch.Tensor) -> torch.Tensor:
        n_trials, n_tokens, width = tokens.shape
        heads = self.projections(tokens).view(n_trials, n_tokens, 3, N_HEADS, width // N_HEADS)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        attended = nn.functional.scaled_dot_product_attention(query, key, value)
        return self.merge(attended.transpose(1, 2).reshape(tokens.shape))


class GatedBlock(Block):
    """A Block whose two branches are multiplied by learned gains, one per channel, that start at 0.

    The block starts as the identity, so that a network becomes deep only where that helps (ReZero, Bachlechner et al.
    2021).
    """

    def __init__(self, width: int, dropout: float):
        super().__init__(width, dropout)
        self.attention_gain, self.perceptron_gain = nn.Parameter(torch.zeros(width)), nn.Parameter(torch.zeros(width))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = tokens + self.attention_gain * self.dropout(self._attend(self.attention_norm(tokens)))
        return tokens + self.perceptron_gain * self.dropout(self.perceptron(self.perceptron_norm(tokens)))
