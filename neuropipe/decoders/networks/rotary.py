"""Rotary attention: queries, keys and values are rotated by angles proportional to time (Su et al. 2021).

The layer equals torch_brain's RotaryCrossAttention (Azabou et al. 2023) and has the same names of weights.
"""

import math

import torch
from torch import nn

Angles = torch.Tensor
"""(..., channel / 2): the angle by which each pair of neighbouring channels is rotated."""


def angles_of(times: torch.Tensor, n_channels: int, shortest: float, longest: float) -> Angles:
    """Angles at `times` (...). Half of the pairs of channels have periods from shortest to longest, the rest stay."""
    periods = torch.logspace(
        math.log10(shortest), math.log10(longest), n_channels // 4, dtype=times.dtype, device=times.device
    )
    speed = torch.cat([2 * math.pi / periods, periods.new_zeros(n_channels // 2 - n_channels // 4)])
    return times[..., None] * speed


def rotate(values: torch.Tensor, angles: Angles) -> torch.Tensor:
    """Rotate values (..., channel) by angles (..., channel / 2)."""
    first, second = values.unflatten(-1, (-1, 2)).unbind(-1)
    cos, sin = angles.cos(), angles.sin()
    return torch.stack((first * cos - second * sin, second * cos + first * sin), -1).flatten(-2)


class RotaryCrossAttention(nn.Module):
    """Attention of queries to a context. rotate_values : values also depend on the time between query and context"""

    def __init__(self, width: int, n_heads: int, rotate_values: bool):
        super().__init__()
        self.n_heads, self.rotate_values = n_heads, rotate_values
        self.norm, self.norm_context = nn.LayerNorm(width), nn.LayerNorm(width)
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_kv = nn.Linear(width, 2 * width, bias=False)
        self.to_out = nn.Linear(width, width)

    def forward(
        self,
        query: torch.Tensor,
        context: torch.Tensor,
        query_angles: Angles,
        context_angles: Angles,
        number: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """query (trial, query, width), context (trial, token, width) -> (trial, query, width)

        number : (trial, token) multiplicity of each token, 0 for none; 1 everywhere unless given
        """
        query, key, value = self._project(query, context, query_angles, context_angles)
        bias = None if number is None else number.log()[:, None, None]
        answer = nn.functional.scaled_dot_product_attention(
            query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), attn_mask=bias
        )
        return self._merge(answer.transpose(1, 2), query_angles)

    def on_counts(
        self, query: torch.Tensor, table: torch.Tensor, query_angles: Angles, bin_angles: Angles, counts: torch.Tensor
    ) -> torch.Tensor:
        """Attention where all trials have the same queries, and counts say how often each of a table's tokens occurs.

        query : (query, width); table : (bin, unit, width); counts : (trial, bin, unit) -> (trial, query, width)
        Spikes of one unit in one bin are identical tokens, so the softmax over spikes is a softmax over (bin, unit)
        weighted by counts. Scores do not depend on the trial: they are computed once for all trials.
        """
        query, key, value = self._project(query, table, query_angles, bin_angles[:, None])
        scores = torch.einsum("qhc,buhc->buhq", query, key) / math.sqrt(query.shape[-1])
        weight = torch.exp(scores - scores.amax((0, 1)).detach())
        weighted = weight[..., None] * value[..., None, :]  # (bin, unit, head, query, channel)
        number = counts.flatten(1)
        total = number @ weight.flatten(0, 1).flatten(1)
        summed = number @ weighted.flatten(0, 1).flatten(1)
        answer = summed.unflatten(1, weighted.shape[2:]) / total.unflatten(1, weight.shape[2:])[..., None]
        return self._merge(answer.transpose(1, 2), query_angles)

    def _project(self, query, context, query_angles, context_angles):
        """Normalise, project, split into heads and rotate -> (..., head, channel)"""
        heads = (self.n_heads, -1)
        query = self.to_q(self.norm(query)).unflatten(-1, heads)
        key, value = (part.unflatten(-1, heads) for part in self.to_kv(self.norm_context(context)).chunk(2, -1))
        context_angles = context_angles.unsqueeze(-2)
        if self.rotate_values:
            value = rotate(value, context_angles)
        return rotate(query, query_angles.unsqueeze(-2)), rotate(key, context_angles), value

    def _merge(self, answer, query_angles):
        if self.rotate_values:
            answer = rotate(answer, -query_angles.unsqueeze(-2))
        return self.to_out(answer.flatten(-2))
