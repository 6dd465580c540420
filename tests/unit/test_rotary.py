"""Rotary attention compared with torch_brain's, and counts as weights compared with one token per spike."""

import pytest
import torch

from neuropipe.decoders.networks.rotary import RotaryCrossAttention, angles_of, rotate

WIDTH, N_HEADS, PERIODS = 32, 2, (0.25, 4.0)
N_TRIALS, N_BINS, N_UNITS, N_QUERIES = 5, 4, 6, 3


@pytest.fixture
def spikes():
    """Counts (trial, bin, unit), a table of tokens (bin, unit, width), bin times, queries and their times."""
    generator = torch.Generator().manual_seed(0)
    counts = torch.poisson(torch.full((N_TRIALS, N_BINS, N_UNITS), 0.8), generator=generator)
    counts[:, 0, 0] += 1  # no trial is silent
    table = torch.randn(N_BINS, N_UNITS, WIDTH, generator=generator)
    queries = torch.randn(N_QUERIES, WIDTH, generator=generator)
    return counts, table, torch.rand(N_BINS, generator=generator), queries, torch.rand(N_QUERIES, generator=generator)


def attention(rotate_values: bool) -> RotaryCrossAttention:
    layer = RotaryCrossAttention(WIDTH, N_HEADS, rotate_values)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for values in layer.parameters():
            values.normal_(0, 0.3, generator=generator)
    return layer


def angles(times: torch.Tensor) -> torch.Tensor:
    return angles_of(times, WIDTH // N_HEADS, *PERIODS)


def one_token_per_spike(counts: torch.Tensor, table: torch.Tensor, times: torch.Tensor):
    """counts (bin, unit) of one trial -> tokens (1, spike, width) and their times (1, spike)"""
    number = counts.flatten().long()
    tokens = table.flatten(0, 1).repeat_interleave(number, 0)
    return tokens[None], times.repeat_interleave(N_UNITS).repeat_interleave(number)[None]


@pytest.mark.parametrize("rotate_values", [True, False])
def test_counts_as_weights_equal_one_token_per_spike(spikes, rotate_values):
    counts, table, times, queries, query_times = spikes
    layer = attention(rotate_values)
    answers = layer.on_counts(queries, table, angles(query_times), angles(times), counts)
    for trial in range(N_TRIALS):
        tokens, token_times = one_token_per_spike(counts[trial], table, times)
        literal = layer(queries[None], tokens, angles(query_times), angles(token_times))
        torch.testing.assert_close(answers[trial], literal[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("rotate_values", [True, False])
def test_numbers_of_tokens_equal_repeated_tokens(spikes, rotate_values):
    counts, table, times, queries, query_times = spikes
    layer = attention(rotate_values)
    every = table.flatten(0, 1).expand(N_TRIALS, -1, -1)
    token_angles = angles(times.repeat_interleave(N_UNITS))
    numbered = layer(queries.expand(N_TRIALS, -1, -1), every, angles(query_times), token_angles, counts.flatten(1))
    pooled = layer.on_counts(queries, table, angles(query_times), angles(times), counts)
    torch.testing.assert_close(numbered, pooled, atol=1e-5, rtol=0)


@pytest.mark.parametrize("rotate_values", [True, False])
def test_the_same_weights_give_torch_brains_outputs(spikes, rotate_values):
    brain = pytest.importorskip("torch_brain.nn", reason="torch-brain isn't installed: nothing to compare with")
    counts, table, times, queries, query_times = spikes
    layer = attention(rotate_values)
    theirs = brain.RotaryCrossAttention(
        dim=WIDTH, heads=N_HEADS, dim_head=WIDTH // N_HEADS, rotate_value=rotate_values, use_xformers=False
    )
    theirs.load_state_dict(layer.state_dict())
    embed = brain.RotaryTimeEmbedding(WIDTH // N_HEADS, WIDTH // N_HEADS // 2, *PERIODS)
    answers = layer.on_counts(queries, table, angles(query_times), angles(times), counts)
    for trial in range(N_TRIALS):
        tokens, token_times = one_token_per_spike(counts[trial], table, times)
        expected = theirs(queries[None], tokens, embed(query_times)[None], embed(token_times))
        ours = layer(queries[None], tokens, angles(query_times), angles(token_times))
        torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(answers[trial], expected[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("rotate_values", [True, False])
def test_only_times_between_tokens_and_queries_matter(spikes, rotate_values):
    counts, table, times, queries, query_times = spikes
    layer = attention(rotate_values)
    now, later = (
        layer.on_counts(queries, table, angles(query_times + shift), angles(times + shift), counts)
        for shift in (0.0, 0.37)
    )
    torch.testing.assert_close(now, later, atol=1e-5, rtol=0)
    moved = layer.on_counts(queries, table, angles(query_times), angles(times + 0.37), counts)
    assert (moved - now).abs().max() > 0.01


def test_only_the_share_of_spikes_matters(spikes):
    counts, table, times, queries, query_times = spikes
    layer = attention(True)
    once, thrice = (
        layer.on_counts(queries, table, angles(query_times), angles(times), number * counts) for number in (1, 3)
    )
    torch.testing.assert_close(once, thrice, atol=1e-5, rtol=0)


def test_a_quarter_of_a_period_rotates_the_fastest_pair_by_a_right_angle_and_half_of_the_pairs_never_rotate():
    values = torch.arange(1.0, 9.0)
    turned = rotate(values, angles_of(torch.tensor(PERIODS[0] / 4), 8, *PERIODS))
    torch.testing.assert_close(turned[:2], torch.tensor([-2.0, 1.0]))
    torch.testing.assert_close(turned[4:], values[4:])
    torch.testing.assert_close(turned.norm(), values.norm())
